"""A drawn difference is exactly as wide as asked, in order, and shows where nothing and the margin lie."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tui.draw.glyphs import ASCII, BRAILLE, Glyphs
from tui.draw.interval import difference_axis, difference_row, margin_mark, zero_mark
from tui.draw.text import row_width

values = st.floats(-1e6, 1e6)


def drawn(difference: float, interval: tuple[float, float] | None, cells: int, margin: float | None = None,
          glyphs: Glyphs = BRAILLE) -> str:  # fmt: skip
    axis = difference_axis([difference, *(interval or ())], margin)
    row = difference_row(difference, interval, axis, cells, glyphs)
    assert row_width(row) == max(0, cells)
    return "".join(text for text, _ in row)


@pytest.mark.parametrize("glyphs", [BRAILLE, ASCII], ids=["braille", "ascii"])
@given(ends=st.tuples(values, values), at=st.floats(0, 1), cells=st.integers(0, 80), margin=st.none() | st.floats(0, 9))
def test_any_interval_is_as_wide_as_asked_and_shows_its_mean(
    glyphs: Glyphs, ends: tuple[float, float], at: float, cells: int, margin: float | None
) -> None:
    low, high = sorted(ends)
    text = drawn(low + at * (high - low), (low, high), cells, margin, glyphs)
    if cells:
        assert text.count(glyphs.whisker[3]) == 1
        assert text.isascii() or glyphs is BRAILLE


@given(size=st.floats(1e-6, 1e6), away=st.floats(-3, 3))
def test_zero_is_inside_the_brackets_exactly_when_the_interval_holds_it(size: float, away: float) -> None:
    """``away``: of the mean from zero, in halves of the interval."""
    assume(abs(abs(away) - 1) > 0.1 and abs(away) > 0.05)  # in a cell of its own
    middle = away * size
    text = drawn(middle, (middle - size, middle + size), 200)
    left, _, right, _ = BRAILLE.whisker
    zero = text.index(zero_mark(BRAILLE))
    assert (text.index(left) < zero < text.index(right)) == (abs(away) < 1)


def test_the_margin_stands_left_of_zero_and_is_always_in_sight() -> None:
    for difference in (0.5, -0.5, 0.0):
        text = drawn(difference, (difference - 0.1, difference + 0.1), 80, margin=0.05)
        assert margin_mark(BRAILLE) in text
        if zero_mark(BRAILLE) in text:
            assert text.index(margin_mark(BRAILLE)) < text.index(zero_mark(BRAILLE))


def test_without_an_interval_the_difference_stands_alone_and_nan_nowhere() -> None:
    assert BRAILLE.whisker[0] not in drawn(0.3, None, 40)
    axis = difference_axis([1.0], None)
    row = difference_row(math.nan, None, axis, 40, BRAILLE)
    assert BRAILLE.whisker[3] not in "".join(text for text, _ in row)
