"""Distributions are as wide as asked, lose no count, and a cumulative one rises to all of it."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tui.draw.distribution import cumulative, distribution, log_column
from tui.draw.glyphs import BRAILLE, CHARSETS

EDGES = [0.5, *(10 ** (power / 4) for power in range(1, 17))]
histograms = st.lists(st.integers(0, 500), min_size=len(EDGES) - 1, max_size=len(EDGES) - 1)
glyph_sets = st.sampled_from(list(CHARSETS.values()))


def levels(rows: list[str]) -> list[int]:
    """Height of the bar in each cell, in eighths."""
    return [sum(BRAILLE.bars.index(row[x]) for row in rows) for x in range(len(rows[0]))]


@given(histograms, st.integers(0, 90), st.integers(1, 4), glyph_sets, st.booleans())
def test_rows_are_as_wide_as_asked(counts: list[int], cells: int, lines: int, glyphs: object, summed: bool) -> None:
    draw = cumulative if summed else distribution
    rows = draw(counts, EDGES, 0.5, 10_000, cells, lines, glyphs)  # type: ignore[arg-type]
    assert [len(row) for row in rows] == [cells] * lines


@given(histograms, st.integers(1, 90), st.integers(1, 4), st.floats(0.5, 100), st.floats(200, 20_000))
def test_a_cumulative_distribution_never_falls_and_ends_at_all_of_it(
    counts: list[int], cells: int, lines: int, low: float, high: float
) -> None:
    """Also where the axis does not reach over all bins: what lies outside counts at the ends."""
    found = levels(cumulative(counts, EDGES, low, high, cells, lines, BRAILLE))
    assert all(before <= after for before, after in itertools.pairwise(found))
    assert found[-1] == (8 * lines - 1 if any(counts) else 0)


@given(st.integers(0, len(EDGES) - 2), st.integers(1, 90), st.floats(0.5, 100), st.floats(200, 20_000))
def test_no_bin_is_lost_however_rare_and_wherever_it_lies(index: int, cells: int, low: float, high: float) -> None:
    """One query among half a million still shows, at its place."""
    alone = [1 if at == index else 0 for at in range(len(EDGES) - 1)]
    shown = levels(distribution(alone, EDGES, low, high, cells, 1, BRAILLE))
    drawn = [x for x, level in enumerate(shown) if level]
    assert drawn
    first, last = (log_column(max(EDGES[at], low), low, high, cells) for at in (index, index + 1))
    assert first <= drawn[0] <= drawn[-1] <= last
    crowded = [500_000 if count == 0 else 1 for count in alone]
    assert all(levels(distribution(crowded, EDGES, low, high, cells, 1, BRAILLE))[x] for x in drawn)


@given(histograms, st.integers(1, 60))
def test_the_median_of_the_counts_lies_where_the_cumulative_bars_pass_the_half(counts: list[int], cells: int) -> None:
    total = sum(counts)
    if not total:
        return
    reached = next(index for index in range(len(counts)) if 2 * sum(counts[: index + 1]) >= total)
    first, last = (log_column(EDGES[at], 0.5, 10_000, cells) for at in (reached, reached + 1))
    heights = levels(cumulative(counts, EDGES, 0.5, 10_000, cells, 16, BRAILLE))
    half = next(x for x, height in enumerate(heights) if height >= (8 * 16 - 1) / 2 - 1)
    assert first - 1 <= half <= last + 1
