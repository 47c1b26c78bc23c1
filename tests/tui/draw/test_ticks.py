"""Axis ticks lie inside the axis, are few, and their labels tell them apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.draw.ticks import log_ticks, nice_ticks, tick_label


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 12))
def test_linear_ticks_lie_inside_and_are_few(low: float, span: float, count: int) -> None:
    ticks = nice_ticks(low, low + span, count)
    assert len(ticks) <= count + 1
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)


@given(st.floats(1e-6, 1e6), st.floats(1.001, 1e9), st.integers(1, 12))
def test_log_ticks_lie_inside_and_are_few(low: float, ratio: float, count: int) -> None:
    high = low * ratio
    ticks = log_ticks(low, high, count)
    assert len(ticks) <= count + 1
    assert all(low * (1 - 1e-6) <= tick <= high * (1 + 1e-6) for tick in ticks)


@given(st.floats(1e-4, 1e5), st.floats(1.5, 1e6), st.integers(2, 8))
def test_labels_of_neighbouring_ticks_differ_and_are_short(low: float, ratio: float, count: int) -> None:
    labels = [tick_label(tick) for tick in log_ticks(low, low * ratio, count)]
    assert len(set(labels)) == len(labels)
    assert all(len(label) <= 6 for label in labels)
