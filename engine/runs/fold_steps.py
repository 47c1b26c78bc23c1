"""The fold of step events: where a run is, how its loss goes, at what pace.

Nearly all of a long log is step events, so they are folded a stretch at a time, with work per event, not per step.
However the stretches are cut, the result is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import chain
from math import isfinite
from operator import add, attrgetter, sub

import msgspec

from engine.events import AnyStep, Number, from_number
from engine.runs.state import RECENT_STEPS, SPARK_BUCKETS, Pace, RunState, SparkBucket


def fold_steps(state: RunState, stretch: Sequence[AnyStep]) -> None:
    """Applies step events that follow each other, one at least."""
    state.follow(stretch)
    state.move("running")
    state.progress_age = 0.0
    if told := [event for event in stretch if event.loss]:
        _losses(state, told)
        _temperature(state, told)
        _times(state, told)
        _recent(state, told)


def _losses(state: RunState, told: list[AnyStep]) -> None:
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


def _loss(state: RunState, event: AnyStep, step: int, loss: float) -> None:
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


def _temperature(state: RunState, told: list[AnyStep]) -> None:
    learned = next((event.temperature for event in reversed(told) if event.temperature), None)
    if learned is not None:
        state.temperature = from_number(learned[-1])


def _times(state: RunState, told: list[AnyStep]) -> None:
    waits = list(map(sum, map(attrgetter("data_wait"), told)))
    worked = map(sub, map(sum, map(attrgetter("seconds"), told)), waits)
    # Added one by one: ``sum`` rounds otherwise, and as many together as there happen to be.
    state.step_seconds = reduce(add, worked, state.step_seconds)
    state.data_wait_seconds = reduce(add, waits, state.data_wait_seconds)


def _recent(state: RunState, told: list[AnyStep]) -> None:
    recent: list[Pace] = []
    steps = 0
    for pace in chain(map(_pace, reversed(told)), reversed(state.recent)):
        recent.append(pace)
        steps += pace.steps
        if steps >= RECENT_STEPS:
            break
    state.recent = recent[::-1]


def _pace(event: AnyStep) -> Pace:
    tokens, flops = _total(event.tokens, int), _total(event.flops, float)
    return Pace(steps=len(event.loss), seconds=sum(event.seconds), tokens=tokens, flops=flops)


def _total(column: Sequence[float] | msgspec.Raw, kind: type[float]) -> float | None:
    """None where nothing is told, or no numbers of that kind."""
    if isinstance(column, msgspec.Raw):
        try:
            column = msgspec.json.decode(column, type=list[kind])  # type: ignore[valid-type]
        except (msgspec.MsgspecError, RecursionError):
            return None
    total = float(sum(column))
    return total if column and isfinite(total) else None
