"""Which points of a log stand is what the fold says, whenever and in whatever portions the log is read."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from making import bare_run, started, steps
from random_events import HISTORY, result

from engine import events
from engine.applicability import applicable
from engine.events import AnyEvent, encode, from_number
from engine.export.mirror.quantities import Quantities, evaluation_values
from engine.export.mirror.timeline import Timeline
from engine.export.mirror.tracker import Row
from engine.runs.reader import RunReader


def rows_of(history: list[AnyEvent]) -> tuple[list[Row], Timeline]:
    timeline = Timeline()
    timeline.take(history)
    quantities = Quantities(timeline)
    return [row for event in history for row in quantities.rows(event)], timeline


def as_written(*added: AnyEvent) -> list[AnyEvent]:
    return [msgspec.structs.replace(event, seq=place, t=100.0 * place) for place, event in enumerate(added, start=1)]


@given(HISTORY)
def test_what_stands_is_what_the_fold_has(history: list[AnyEvent]) -> None:
    rows, _ = rows_of(history)
    with tempfile.TemporaryDirectory() as home:
        folder = bare_run(Path(home))
        folder.events.write_bytes(b"".join(map(encode, history)))
        reader = RunReader(folder, series=True)
        reader.poll()
    assert reader.series is not None
    losses = [(row.step, row.values["train/loss"]) for row in rows if "train/loss" in row.values]
    assert len(dict(losses)) == len(losses)
    steps_that_stand = dict(losses)
    assert all(step <= len(reader.series) for step in steps_that_stand)
    for step, loss in enumerate(reader.series.loss, start=1):  # a step whose event is missing is NaN there
        assert repr(steps_that_stand.get(step, math.nan)) == repr(loss)
    measured = [(row.step, dict(row.values)) for row in rows if any(name.startswith("eval/") for name in row.values)]
    points = [
        (point.step, evaluation_values(point.benchmark, applicable(point.result))) for point in reader.state.evaluations
    ]
    assert sorted(measured, key=repr) == sorted(points, key=repr)
    values = [
        (row.step, repr(value)) for row in rows for name, value in row.values.items() if name.startswith("validation/")
    ]
    assert sorted(values) == sorted((point.step, repr(from_number(point.value))) for point in reader.state.validations)


@given(HISTORY, st.integers(0, 25))
def test_rows_of_one_generation_only_ever_get_longer(history: list[AnyEvent], until: int) -> None:
    """Trackers that cannot forget rely on it: they are sent what is behind the rows that they have."""
    rows, timeline = rows_of(history)
    earlier_rows, earlier = rows_of(history[:until])
    assert earlier.generation <= timeline.generation
    if earlier.generation == timeline.generation:
        assert list(map(repr, rows[: len(earlier_rows)])) == list(map(repr, earlier_rows))


@given(HISTORY, st.integers(0, 25))
def test_a_log_in_two_portions_gives_the_same_timeline(history: list[AnyEvent], until: int) -> None:
    at_once, portions = Timeline(), Timeline()
    at_once.take(history)
    portions.take(history[:until])
    portions.take(history[until:])
    assert (portions.generation, portions.state) == (at_once.generation, at_once.state)


def test_each_way_of_taking_back_raises_the_generation_and_nothing_else_does() -> None:
    def generation(*added: AnyEvent) -> int:
        return rows_of(as_written(started(), *added))[1].generation

    def resumed(step: int, purpose: str = "train") -> events.RunResumed:
        return events.RunResumed(from_step=step, host="here", pid=2, purpose=purpose)  # type: ignore[arg-type]

    def evaluated(step: int, value: float) -> events.EvalFinished:
        return events.EvalFinished(benchmark="cldr", step=step, seconds=1.0, result=result(value))

    some = steps(1, [1.0, 2.0, 3.0])
    assert generation(some, resumed(3), steps(4, [1.0])) == 0
    assert generation(some, resumed(2)) == 1
    assert generation(some, resumed(2), steps(3, [1.0]), resumed(2)) == 2
    assert generation(some, resumed(1, "evaluate")) == 0
    assert generation(some, evaluated(3, 0.5), evaluated(3, 0.5)) == 0
    assert generation(some, evaluated(3, 0.5), evaluated(3, 0.6)) == 1
    assert generation(some, evaluated(3, 0.5), resumed(3), evaluated(2, 0.6)) == 0


def test_the_steps_of_one_event_have_the_times_at_which_each_ended() -> None:
    rows, _ = rows_of(as_written(started(), steps(1, [3.0, 2.0, 1.0], seconds=0.25)))
    assert [(row.step, row.t) for row in rows] == [(1, 199.5), (2, 199.75), (3, 200.0)]


def test_a_step_has_every_quantity_that_the_log_has() -> None:
    rows, _ = rows_of(as_written(started(), steps(1, [3.0], seconds=0.5)))
    assert rows[0].values == {
        "train/loss": 3.0, "train/loss_mono": 3.0, "train/learning_rate": 1e-3, "train/grad_norm": 3.0,
        "train/masked": 0.0, "train/seconds": 0.5, "train/data_wait": 0.05, "train/tokens": 7,
        "train/tokens_per_second": 14.0, "train/pairs_per_second": 16.0,
    }  # fmt: skip
