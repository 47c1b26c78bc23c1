"""The column of the learned temperature is aligned with the steps, whatever events tell of it."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from engine.events import Step
from engine.runs.series import Series


def step_event(first_step: int, count: int, learned: bool) -> Step:
    ones = [1.0] * count
    return Step(
        first_step=first_step, loss=ones, mode=["mono"] * count, lr=ones, masked=ones, grad_norm=ones, seconds=ones,
        data_wait=ones, tokens=[1] * count,
        temperature=[first_step + index + 0.5 for index in range(count)] if learned else [],
    )  # fmt: skip


@given(st.lists(st.tuples(st.integers(-4, 3), st.integers(1, 5), st.booleans()), max_size=12))
def test_a_step_has_the_temperature_that_its_event_told(plan: list[tuple[int, int, bool]]) -> None:
    """Over gaps (lost events), overlaps (a resumed run) and events that tell nothing."""
    series, expected = Series(), {}
    for shift, count, learned in plan:
        first = max(1, len(series) + 1 + shift)
        series.extend([step_event(first, count, learned)])
        expected = {step: value for step, value in expected.items() if step < first}
        if learned:
            expected |= {first + index: first + index + 0.5 for index in range(count)}
    assert len(series.temperature) in (0, len(series))
    told = {index + 1: value for index, value in enumerate(series.temperature) if not math.isnan(value)}
    assert told == expected
