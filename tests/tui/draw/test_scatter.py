"""The scatter chart keeps its frame for any data, hides no point, and puts no label where a point stands."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tui.draw.glyphs import ASCII, BRAILLE, CHARSETS, Glyphs
from tui.draw.scatter import Mark, Plane, scatter
from tui.draw.text import Row, row_width

anything = st.floats(allow_nan=True, allow_infinity=True)
glyph_sets = st.sampled_from(list(CHARSETS.values()))
POINT = "error selected"  # a style that nothing else of the chart has


def plain(rows: list[Row]) -> list[str]:
    return ["".join(text for text, _ in row) for row in rows]


def marks_shown(rows: list[Row]) -> int:
    """Points that the cells in the style of points stand for; a digit stands for several."""
    text = "".join(text for row in rows for text, style in row if style == POINT)
    return sum(int(character) if character.isdigit() else 1 for character in text)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(anything, anything), max_size=30),
    st.integers(0, 100),
    st.integers(0, 30),
    st.booleans(),
    st.booleans(),
    glyph_sets,
)
def test_rows_are_exact_for_any_points_and_size(
    points: list[tuple[float, float]], width: int, height: int, log_x: bool, log_y: bool, glyphs: Glyphs
) -> None:
    marks = [Mark(x, y, "ภาษาไทย") for x, y in points]
    rows = scatter(width, height, marks, Plane("x", "y", log_x, log_y), glyphs, path=points)
    assert len(rows) == height
    assert all(row_width(row) == width for row in rows)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9)), min_size=1, max_size=9),
    st.integers(20, 90),
    st.integers(6, 30),
    st.booleans(),
)
def test_every_point_is_drawn_or_counted_where_several_meet(
    points: list[tuple[float, float]], width: int, height: int, log_y: bool
) -> None:
    marks = [Mark(x, y, style=POINT) for x, y in points]
    rows = scatter(width, height, marks, Plane("", "", log_y=log_y), BRAILLE, path=points)
    assert marks_shown(rows) == len(points)


@given(st.lists(st.tuples(anything, anything), max_size=20))
def test_points_without_a_place_are_counted(points: list[tuple[float, float]]) -> None:
    marks = [Mark(x, y) for x, y in points] + [Mark(1.0, 1.0)]
    lost = sum(not (math.isfinite(x) and math.isfinite(y)) for x, y in points)
    text = "\n".join(plain(scatter(60, 12, marks, Plane("", ""), BRAILLE)))
    assert (f"{lost} without a place" in text) == (lost > 0)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=9))
def test_labels_cover_no_point(points: list[tuple[float, float]]) -> None:
    def places(label: str) -> set[tuple[int, int]]:
        rows = plain(scatter(40, 12, [Mark(x, y, label) for x, y in points], Plane("", ""), BRAILLE))
        return {
            (x, y) for y, line in enumerate(rows) for x, character in enumerate(line) if character == BRAILLE.whisker[3]
        }

    assert places("label") == places("")


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=9))
def test_ascii_holds_only_ascii(points: list[tuple[float, float]]) -> None:
    rows = scatter(50, 14, [Mark(x, y, "run") for x, y in points], Plane("x", "y"), ASCII, path=points)
    assert all(line.isascii() for line in plain(rows))


def test_better_values_lie_further_right_and_higher() -> None:
    lines = plain(scatter(50, 14, [Mark(0.1, 10, "A"), Mark(0.9, 500, "B")], Plane("x", "y", log_y=True), BRAILLE))
    (a_line, a), (b_line, b) = (
        next((y, line.index(name)) for y, line in enumerate(lines) if name in line) for name in "AB"
    )
    assert a_line > b_line
    assert a < b


def test_ticks_close_together_keep_different_labels() -> None:
    """mAP of .7001 and .7009 must not both read 0.7."""
    rows = plain(scatter(80, 14, [Mark(0.7001, 1), Mark(0.7009, 2)], Plane("", ""), BRAILLE))
    labels = rows[-2].split()
    assert len(labels) > 2
    assert len(set(labels)) == len(labels)
