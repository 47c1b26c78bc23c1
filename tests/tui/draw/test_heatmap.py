"""Every number of a heatmap is printed, in exact cells, and its colour follows it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.draw.glyphs import BRAILLE
from tui.draw.heatmap import (
    RAMP_STEPS,
    Matrix,
    Window,
    bounds,
    cell_number,
    cell_width,
    columns_in_sight,
    diverging,
    heatmap,
    ramp_index,
    sequential,
)
from tui.draw.text import row_width

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")


def matrix(count: int, value: float = 0.5) -> Matrix:
    names = LANGUAGES[:count]
    values = tuple(tuple(value + 0.01 * (row + column) for column in range(count)) for row in range(count))
    return Matrix(names, values, tuple(0.5 for _ in names))


def plain(rows: list[tuple[tuple[str, str], ...]]) -> list[str]:
    return ["".join(text for text, _ in row) for row in rows]


@given(st.integers(0, 130), st.integers(0, 40), st.integers(1, 11), st.integers(0, 12), st.integers(0, 12))
def test_rows_are_exact_for_any_size_and_window(width: int, height: int, count: int, row: int, column: int) -> None:
    found = matrix(count)
    rows = heatmap(width, height, found, sequential(found), Window(row, column, (row, column)), BRAILLE)
    assert len(rows) == height
    assert all(row_width(line) == width for line in rows)


def test_every_number_is_printed_where_its_pair_stands() -> None:
    found = matrix(11)
    lines = plain(heatmap(80, 12, found, sequential(found), Window(), BRAILLE))
    for row, line in enumerate(lines[1:]):
        numbers = line.split("│")[0].split()
        assert numbers == [LANGUAGES[row], *(f"{50 + row + column}" for column in range(11))]


def test_two_cells_a_number_still_show_every_number() -> None:
    found = matrix(11)
    lines = plain(heatmap(26, 12, found, sequential(found), Window(), BRAILLE))
    assert lines[1][3:25] == "".join(f"{50 + column}" for column in range(11))


def test_the_window_scrolls_what_does_not_fit() -> None:
    found = matrix(11)
    lines = plain(heatmap(13, 5, found, sequential(found), Window(7, 6), BRAILLE))
    assert lines[0].split() == ["ruthtrvizh"]
    assert lines[1].split()[0] == "th"


def test_the_own_language_stands_out_and_a_missing_pair_is_a_dash() -> None:
    names = ("en", "de")
    found = Matrix(names, ((0.8, math.nan), (0.4, 0.7)), (math.nan, 0.4))
    rows = heatmap(40, 3, found, sequential(found), Window(), BRAILLE)
    own = [text for row in rows for text, style in row if style.endswith(".own")]
    assert [text.strip() for text in own] == ["80", "70"]
    assert "-" in plain(rows)[1]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_shades_never_fall_while_values_rise(values: list[float]) -> None:
    found = [ramp_index(value, 0.2, 0.9) for value in sorted(values)]
    assert found == sorted(found)
    assert all(0 <= index < RAMP_STEPS for index in found)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_the_ramp_covers_every_value(values: list[float]) -> None:
    low, high = bounds(Matrix(("a", "b"), ((values[0], values[1]), (values[2], values[3])), (0.0, 0.0)))
    assert low <= min(values)
    assert high >= max(values)
    assert low < high


def test_differences_are_shaded_around_nothing() -> None:
    found = Matrix(("a", "b"), ((0.0, -0.2), (0.2, 0.0)), (-0.2, 0.2))
    shades = diverging(found)
    assert shades.style(0.0) == f"diverging.{RAMP_STEPS // 2}"
    assert shades.style(-0.2) == "diverging.0"
    assert shades.style(0.2) == f"diverging.{RAMP_STEPS - 1}"
    assert "+20" in plain(heatmap(40, 3, found, shades, Window(), BRAILLE))[2]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("count", [2, 6, 11, 14, 17])
def test_at_every_width_a_number_is_whole_or_out_of_sight(count: int, signed: bool) -> None:
    """Nothing is cut: 100 is never read as 10, nor +15 as +1."""
    names = tuple(f"l{index:x}" for index in range(count))
    numbers = [-1.0, -0.12, 0.15, 0.02, 0.0, 1.0] if signed else [1.0, 0.0, 0.55, 0.07]
    values = tuple(tuple(numbers[(row + column) % len(numbers)] for column in range(count)) for row in range(count))
    matrix = Matrix(names, values, tuple(0.5 for _ in names))
    shades = diverging(matrix) if signed else sequential(matrix)
    printed = {cell_number(value, shades, 0) for value in numbers}
    for cells in range(40, 201):
        size = cell_width(cells, matrix, shades)
        columns = min(count, columns_in_sight(cells, matrix, shades))
        assert columns > 0
        for line, row in enumerate(heatmap(cells, count + 1, matrix, shades, Window(), BRAILLE)[1:]):
            text = "".join(part for part, _ in row)
            label = max(map(len, names)) + 1
            shown = [text[label + size * column : label + size * (column + 1)].strip() for column in range(columns)]
            assert shown == [cell_number(values[line][column], shades, 0) for column in range(columns)], (cells, text)
            assert set(shown) <= printed
