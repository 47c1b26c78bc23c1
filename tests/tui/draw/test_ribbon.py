"""The ribbon is as wide as asked, counts every batch once, and says modes by glyph as well as by colour."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.draw.curve import Curve
from tui.draw.glyphs import BRAILLE, CHARSETS
from tui.draw.ribbon import ribbon, stretches
from tui.draw.text import row_width

MODES = ("mono", "cross", "mixed", "english")
glyph_sets = st.sampled_from(list(CHARSETS.values()))


def curve_at(steps: list[int], bad: set[int] = frozenset()) -> Curve:  # type: ignore[assignment]
    curve = Curve()
    curve.extend(steps, [float("nan") if step in bad else 1.0 for step in steps])
    return curve


@given(st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), max_size=80), glyph_sets)
def test_one_cell_a_stretch_whatever_it_holds(counts: list[list[int]], glyphs: object) -> None:
    assert row_width(ribbon(counts, MODES, glyphs)) == len(counts)  # type: ignore[arg-type]


@given(
    st.sets(st.integers(1, 300), max_size=60),
    st.sets(st.integers(1, 300), max_size=60),
    st.integers(0, 200),
    st.integers(2, 200),
    st.integers(1, 90),
)
def test_every_batch_in_sight_is_counted_once_lost_losses_included(
    mono: set[int], bad: set[int], first: int, span: int, cells: int
) -> None:
    """A batch whose loss is NaN is a batch all the same."""
    view = curve_at(sorted(mono), bad).view()
    last = first + span
    counts = stretches([view], first, last, cells)
    assert len(counts) == cells
    if span < cells - 1:
        shown = [round(first + span * cell / (cells - 1)) in mono for cell in range(cells)]
        assert [cell == [1] for cell in counts] == shown
        return
    inside = sum(first <= step <= last for step in mono)
    half = span / max(1, cells - 1) / 2
    near = sum(first - half <= step <= last + 1 + half for step in mono)
    assert inside <= sum(cell[0] for cell in counts) <= near


def test_single_batches_are_said_by_glyph_and_by_colour() -> None:
    row = ribbon([[1, 0], [0, 1], [0, 1], [0, 0]], ["mono", "cross"], BRAILLE)
    assert row == (("▄", "series.mono"), ("▀▀", "series.cross"), (" ", ""))


def test_the_bar_of_many_batches_is_as_high_as_the_share_of_the_first_mode() -> None:
    row = ribbon([[8, 0], [4, 4], [1, 7], [0, 8]], ["mono", "cross"], BRAILLE)
    assert row == (("█▄", "series.mono"), ("▁▁", "series.cross"))


def test_zoomed_to_a_cell_a_step_the_ribbon_is_the_sequence_of_modes() -> None:
    """Steps 11..20 in ten cells: each cell is its own step's mode."""
    mono, cross = curve_at([11, 14, 15, 18]), curve_at([12, 13, 16, 17, 19, 20])
    counts = stretches([mono.view(), cross.view()], 11, 20, 10)
    assert ["mono" if a else "cross" for a, b in counts] == [
        "mono" if step in (11, 14, 15, 18) else "cross" for step in range(11, 21)
    ]
    assert all(a + b == 1 for a, b in counts)
