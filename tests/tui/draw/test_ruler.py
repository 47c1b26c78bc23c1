"""A ruler measures both ways, and stays true while its run goes on."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.draw.ruler import Knots, Ruler

gaps = st.lists(st.tuples(st.integers(1, 50), st.floats(0.01, 1e4)), min_size=1, max_size=40)


def made(parts: list[tuple[int, float]], origin: float = 0.0) -> Ruler:
    knots = Knots()
    knots.extend(
        [0, *accumulate(step for step, _ in parts)], list(accumulate((value for _, value in parts), initial=5.0))
    )
    ruler = knots.ruler(origin)
    assert ruler is not None
    return ruler


@given(gaps, st.floats(-200, 4000))
def test_a_step_is_found_again_at_its_place(parts: list[tuple[int, float]], step: float) -> None:
    ruler = made(parts, origin=5.0)
    assert ruler.step(ruler.at(step)) == pytest.approx(step, abs=1e-3 * (1 + abs(step)))


@given(gaps, gaps, st.floats(0, 100))
def test_a_ruler_measures_the_same_after_its_knots_have_grown(
    parts: list[tuple[int, float]], more: list[tuple[int, float]], step: float
) -> None:
    ruler = made(parts)
    before = ruler.at(step)
    last = ruler.knots.steps[-1]
    ruler.knots.extend([last + at for at in accumulate(s for s, _ in more)], [1e6 + v for _, v in more])
    assert ruler.at(step) == before


def test_a_clock_that_is_set_back_stands_still_and_a_pause_is_one_place() -> None:
    knots = Knots()
    knots.extend([0, 10, 20, 30], [100.0, 110.0, 90.0, 200.0])
    ruler = knots.ruler(100.0)
    assert ruler is not None
    assert [ruler.at(step) for step in (0, 10, 15, 20, 25, 30)] == [0.0, 10.0, 10.0, 10.0, 55.0, 100.0]
    assert ruler.step(10.0) == 20


def test_one_knot_measures_nothing() -> None:
    knots = Knots()
    knots.extend([0], [1.0])
    assert knots.ruler() is None
