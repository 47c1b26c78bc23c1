"""The fold of step events: where a run is, how its loss goes, at what pace.

Nearly all of a long log is step events, so they are folded a stretch at a time, with work per event, not per step.
However the stretches are cut, the result is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from operator import attrgetter

from engine.events import Number, StepOutline, from_number
from engine.runs.state import SPARK_BUCKETS, RunState, SparkBucket

_KEPT = 0.9  # the weight of a running mean against that of a new step; the steps of one event weigh alike


def fold_steps(state: RunState, stretch: Sequence[StepOutline]) -> None:
    """Applies step events that follow each other, one at least."""
    state.follow(stretch)
    state.move("running")
    state.progress_age = 0.0
    if told := [event for event in stretch if event.loss]:
        _losses(state, told)
        _temperature(state, told)
        _pace(state, told)


def _losses(state: RunState, told: list[StepOutline]) -> None:
    bucket: SparkBucket | None = None
    start = end = 0  # the steps of the bucket that the event before ended in: mostly, the next one lies there too
    for event in told:
        losses, first = event.loss, event.first_step
        beyond = first + len(losses)
        if first < start or beyond > end:
            _widen_spark(state, beyond - 1)
            index = (beyond - 2) // state.spark_width
            start, end = 1 + index * state.spark_width, 1 + (index + 1) * state.spark_width
            bucket = None
        total = _finite_sum(losses)
        if total is not None and first >= start:
            bucket = bucket or _bucket(state, index)
            bucket.total += total
            bucket.count += len(losses)
        else:
            for step, value in enumerate(losses, start=first):
                _loss(state, event, step, from_number(value))
    state.step, state.loss = beyond - 1, from_number(losses[-1])


def _loss(state: RunState, event: StepOutline, step: int, loss: float) -> None:
    if isfinite(loss):
        bucket = _bucket(state, (step - 1) // state.spark_width)
        bucket.total += loss
        bucket.count += 1
    else:
        state.non_finite_steps += 1
        state.note(event, f"loss is {loss} at step {step:,}", "warning")


def _finite_sum(losses: list[Number]) -> float | None:
    """None when some loss is not finite, which travels as a string, or the sum overflows."""
    try:
        total: float = sum(losses)  # type: ignore[arg-type]
    except TypeError:
        return None
    return total if isfinite(total) else None


def _widen_spark(state: RunState, step: int) -> None:
    """Halves the resolution until ``step`` has a bucket."""
    while (step - 1) // state.spark_width >= SPARK_BUCKETS:
        halves = state.spark
        state.spark = [
            SparkBucket(
                sum(bucket.total for bucket in halves[index : index + 2]),
                sum(bucket.count for bucket in halves[index : index + 2]),
            )
            for index in range(0, len(halves), 2)
        ]
        state.spark_width *= 2


def _bucket(state: RunState, index: int) -> SparkBucket:
    while len(state.spark) <= index:
        state.spark.append(SparkBucket())
    return state.spark[index]


def _temperature(state: RunState, told: list[StepOutline]) -> None:
    learned = next((event.temperature for event in reversed(told) if event.temperature), None)
    if learned is not None:
        state.temperature = from_number(learned[-1])


def _pace(state: RunState, told: list[StepOutline]) -> None:
    worked, idle = state.step_seconds, state.data_wait_seconds
    pace, share = state.seconds_per_step, state.data_wait_share
    tokens, flops = state.tokens_per_step, state.flops_per_step
    # Running means are written out: this is most of the work of a long replay.
    for event, seconds, waited, read, computed in zip(
        told, _sums("seconds", told), _sums("data_wait", told), _sums("tokens", told), _sums("flops", told), strict=True
    ):
        worked += seconds - waited
        idle += waited
        if seconds > 0:
            count = len(event.loss)
            kept = _KEPT**count
            value = seconds / count
            pace = value if pace is None else value + kept * (pace - value)
            value = waited / seconds
            share = value if share is None else value + kept * (share - value)
            value = read / count
            tokens = value if tokens is None else value + kept * (tokens - value)
            if event.flops:
                value = computed / count
                flops = value if flops is None else value + kept * (flops - value)
    state.step_seconds, state.data_wait_seconds = worked, idle
    state.seconds_per_step, state.data_wait_share = pace, share
    state.tokens_per_step, state.flops_per_step = tokens, flops


def _sums(name: str, told: list[StepOutline]) -> Iterator[float]:
    """Of one column, by event."""
    return map(sum, map(attrgetter(name), told))
