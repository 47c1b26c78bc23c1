"""Sparklines, distributions, whiskers and bars: exact widths, and heights that follow the numbers."""

from __future__ import annotations

import itertools
import math

from hypothesis import assume, given
from hypothesis import strategies as st

from tui.draw.distribution import distribution, log_column
from tui.draw.glyphs import BRAILLE, CHARSETS, Glyphs
from tui.draw.small import progress_bar, sparkline, whisker
from tui.draw.text import row_width

glyph_sets = st.sampled_from(list(CHARSETS.values()))
numbers = st.floats(-1e9, 1e9, allow_nan=False)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=100), st.integers(0, 30), glyph_sets)
def test_a_sparkline_is_never_wider_than_asked(values: list[float], cells: int, glyphs: Glyphs) -> None:
    assert len(sparkline(values, cells, glyphs)) == min(cells, len(values))


@given(st.lists(numbers, min_size=2, max_size=20))
def test_a_sparkline_rises_and_falls_with_its_values(values: list[float]) -> None:
    assume(max(values) > min(values))
    drawn = [BRAILLE.spark.index(character) for character in sparkline(values, 20, BRAILLE)]
    assert drawn[values.index(max(values))] == len(BRAILLE.spark) - 1
    assert drawn[values.index(min(values))] == 0
    for (value, level), (other, other_level) in itertools.pairwise(zip(values, drawn, strict=True)):
        assert (value - other) * (level - other_level) >= 0


def test_a_gap_in_a_sparkline_stays_a_gap() -> None:
    assert sparkline([1.0, math.nan, 2.0], 3, BRAILLE)[1] == " "


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=24), st.integers(1, 60), st.integers(1, 3), glyph_sets)
def test_a_distribution_keeps_its_size_and_its_peak(counts: list[int], cells: int, lines: int, glyphs: Glyphs) -> None:
    edges = [2.0**index for index in range(len(counts) + 1)]
    rows = distribution(counts, edges, edges[0], edges[-1], cells, lines, glyphs)
    assert [len(row) for row in rows] == [cells] * lines
    assert any(character != " " for character in "".join(rows)) == any(counts)


@given(st.lists(st.integers(0, 50), min_size=6, max_size=6), st.integers(1, 5))
def test_a_distribution_does_not_depend_on_how_finely_it_was_counted(counts: list[int], parts: int) -> None:
    """Splitting every bin evenly on the log axis draws the same picture."""
    edges = [10.0**index for index in range(7)]
    finer = [10.0 ** (index / parts) for index in range(6 * parts + 1)]
    split = [count for count in counts for _ in range(parts)]
    whole = [count * parts for count in counts]
    assert distribution(whole, edges, 1.0, 1e6, 12, 2, BRAILLE) == distribution(split, finer, 1.0, 1e6, 12, 2, BRAILLE)


@given(st.floats(0.001, 1e7), st.integers(1, 80))
def test_a_place_on_the_log_axis_is_inside_it(value: float, cells: int) -> None:
    assert 0 <= log_column(value, 1.0, 1e4, cells) < cells


@given(
    st.floats(-20, 20),
    st.none() | st.lists(st.floats(-20, 20), min_size=2, max_size=2).map(lambda ends: (min(ends), max(ends))),
    st.integers(0, 60),
    glyph_sets,
)
def test_a_whisker_is_exact_and_shows_its_mean(
    mean: float, interval: tuple[float, float] | None, cells: int, glyphs: Glyphs
) -> None:
    row = whisker(mean, interval, -20.0, 20.0, cells, glyphs)
    assert row_width(row) == cells
    assert cells == 0 or "".join(text for text, _ in row).count(glyphs.whisker[3]) == 1


@given(st.floats(-5, 50), st.none() | st.floats(0, 40), st.integers(0, 40), glyph_sets)
def test_a_progress_bar_is_exact_and_never_overfull(
    done: float, total: float | None, cells: int, glyphs: Glyphs
) -> None:
    assert row_width(progress_bar(done, total, cells, glyphs)) == cells
