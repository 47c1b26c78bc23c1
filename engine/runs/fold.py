"""The fold: one pure function from the events of a run's log to its state."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import chain
from math import isfinite
from operator import add, attrgetter, sub

import msgspec

from engine import events
from engine.applicability import applicable
from engine.events import AnyEvent, AnyStep, Number, Outline, from_number
from engine.runs.state import (
    FINAL_PHASES,
    RECENT_STEPS,
    RESUMED,
    SPARK_BUCKETS,
    Activity,
    CommandState,
    EvaluationPoint,
    Level,
    Pace,
    Phase,
    RunState,
    SparkBucket,
    ValidationPoint,
)

COMMANDS_SHOWN = 50


def fold(state: RunState, event: AnyEvent | Outline) -> RunState:
    """Applies one event. Depends on nothing else; takes ownership of ``state`` and returns it."""
    if isinstance(event, events.StepColumns):
        fold_steps(state, [event])
        return state
    state.follow([event])
    match event:
        case events.Heartbeat():
            state.progress_age = event.progress_age
        case events.EvalProgress():
            state.work = Activity(what=f"{event.benchmark}: {event.what}", done=event.done, total=event.total)
        case events.Progress():
            state.work = Activity(what=event.what, done=event.done, total=event.total)
        case events.RunStarted():
            _started(state, event)
        case events.RunResumed():
            _resumed(state, event)
        case events.EvalStarted():
            state.move("evaluating")
            state.work = Activity(what=event.benchmark, done=0, total=None)
        case events.EvalFinished():
            _evaluated(state, event)
        case events.Validation():
            _validated(state, event)
        case events.CheckpointSaved():
            state.checkpoint_seconds += event.seconds
            state.checkpoints += 1
            state.checkpoint_step, state.checkpoint_time = event.step, event.t
            state.note(event, f"checkpoint {event.path} saved, {event.bytes / 1e6:.1f} MB in {event.seconds:.1f} s")
        case events.CommandReceived():
            _received(state, event)
        case events.CommandDone():
            _done(state, event)
        case events.Device():
            _device(state, event)
        case events.ModelLoaded():
            state.model = event
            state.note(event, f"model {event.name}: {event.modules}; {event.attention}, {event.precision}")
        case events.Warning():
            state.warnings += 1
            state.note(event, event.message, "warning")
        case events.RunPaused():
            _end(state, "paused", event, _left(state, "paused", event))
        case events.RunStopped():
            _end(state, "stopped", event, _left(state, "stopped", event))
        case events.RunFinished():
            state.selected_step, state.finished_early = event.selected_step, event.early
            early = ", early, since validation stopped improving" if event.early else ""
            chosen = "" if event.selected_step is None else f"; the model is that of step {event.selected_step:,}"
            text = f"finished at step {event.step:,} after {event.seconds:.1f} s{early}{chosen}"
            if state.kind == "evaluation":
                text = f"{state.system} is measured after {event.seconds:.1f} s"
            elif state.only_evaluates:
                text = f"evaluation over after {event.seconds:.1f} s; finished at step {event.step:,}, as before"
            _end(state, "finished", event, text)
        case events.RunFailed():
            state.error, state.last_lines, state.hint = event.error, event.last_lines, event.hint
            state.refused = event.refused
            _end(state, "failed", event, event.error, "error")
    if not isinstance(event, events.Heartbeat):
        state.progress_age = 0.0
    return state


def fold_steps(state: RunState, stretch: Sequence[AnyStep]) -> None:
    """Applies step events that follow each other, at least one.

    Nearly all of a long log is step events: a stretch takes work for each event, not for each step. However the log is
    cut into stretches, the result is the same to the last bit.
    """
    state.follow(stretch)
    state.move("running")
    state.progress_age = 0.0
    if with_steps := [event for event in stretch if event.loss]:
        _add_losses(state, with_steps)
        _take_temperature(state, with_steps)
        _add_times(state, with_steps)
        _take_recent(state, with_steps)


def _started(state: RunState, event: events.RunStarted) -> None:
    state.name, state.mode = event.name, event.mode
    state.mono_share, state.mono_share_schedule = event.mono_share, event.mono_share_schedule
    state.kind, state.system = event.kind, event.system
    state.max_steps, state.batch_size, state.seed = event.max_steps, event.batch_size, event.seed
    state.host, state.pid, state.phase = event.host, event.pid, "starting"
    state.note(event, f"started on {event.host}")


def _resumed(state: RunState, event: events.RunResumed) -> None:
    state.host, state.pid, state.work = event.host, event.pid, None
    state.only_evaluates = event.purpose == "evaluate"
    if event.purpose == "evaluate":
        # Where the process before this one also came to evaluate and was killed, the run still is what it was earlier.
        state.former_phase = state.phase if state.phase in FINAL_PHASES else state.former_phase
        state.phase = "starting"
        return
    state.phase, state.former_phase = "starting", None
    state.error, state.last_lines, state.hint, state.refused = None, [], "", False
    state.step = event.from_step
    state.loss = None
    # An evaluation at from_step itself stands: it measured the very weights that were restored.
    state.evaluations = [point for point in state.evaluations if point.step <= event.from_step]
    state.validations = [point for point in state.validations if point.step <= event.from_step]
    state.selected_step, state.finished_early = None, False
    del state.spark[event.from_step // state.spark_width :]
    state.note(event, f"resumed{_at(state, event.from_step, ' from')} on {event.host}", topic=RESUMED)


def _evaluated(state: RunState, event: events.EvalFinished) -> None:
    if not state.only_evaluates:  # one asked for later is no part of the training, whose time the shares divide
        state.evaluation_seconds += event.seconds
    state.work = None
    if state.phase == "evaluating":
        state.phase = "running"
    state.evaluations = [
        point for point in state.evaluations if (point.step, point.benchmark) != (event.step, event.benchmark)
    ]
    state.evaluations.append(
        EvaluationPoint(
            t=event.t,
            step=event.step,
            benchmark=event.benchmark,
            seconds=event.seconds,
            result=applicable(event.result),  # logs of earlier versions have measures that mean nothing
        )
    )
    state.evaluations.sort(key=lambda point: point.step)
    state.note(event, f"evaluation {event.benchmark}{_at(state, event.step)} done in {event.seconds:.1f} s")


def _validated(state: RunState, event: events.Validation) -> None:
    state.evaluation_seconds += event.seconds
    state.validations = [point for point in state.validations if point.step != event.step]
    point = ValidationPoint(
        step=event.step,
        measure=event.measure,
        value=event.value,
        best_step=event.best_step,
        best_value=event.best_value,
        since_best=event.since_best,
    )
    state.validations.append(point)
    state.validations.sort(key=lambda point: point.step)
    standing = "the best so far" if point.best_step == point.step else f"{point.since_best} since the best"
    state.note(event, f"validation {point.measure} at step {event.step:,}: {from_number(point.value):.4f}, {standing}")


def _received(state: RunState, event: events.CommandReceived) -> None:
    state.commands.append(CommandState(uuid=event.uuid, command=event.command, received=event.t))
    del state.commands[:-COMMANDS_SHOWN]
    if state.phase not in FINAL_PHASES:
        if event.command == "pause":
            state.phase = "pausing"
        elif event.command in ("stop", "discard"):
            state.phase = "stopping"
    by = f" ({event.uuid.split('-')[1]})" if event.uuid.startswith("signal-") else ""
    state.note(event, f"{event.command} acknowledged{by}")


def _done(state: RunState, event: events.CommandDone) -> None:
    command = next((command for command in state.commands if command.uuid == event.uuid), None)
    if command is None:  # answered without an acknowledgement: it was stale
        command = CommandState(uuid=event.uuid, command=event.command, received=event.t)
        state.commands.append(command)
        del state.commands[:-COMMANDS_SHOWN]
    if command.outcome is None:  # a worker killed right after its answer leaves the file, and the next answers again
        command.outcome, command.detail = event.outcome, event.detail
    if event.outcome == "failed" and state.phase in ("pausing", "stopping"):
        state.phase = "running"
    detail = f": {event.detail}" if event.detail else ""
    state.note(event, f"{event.command} {event.outcome}{detail}", "info" if event.outcome == "done" else "warning")


def _device(state: RunState, event: events.Device) -> None:
    moved = state.device is None or state.device.waiting_for != event.waiting_for
    state.device = event
    if event.waiting_for is not None:
        state.move("queued")
        if moved:
            state.note(event, f"waiting for {event.waiting_for}")
    elif state.phase == "queued":
        state.phase = "starting"


def _end(state: RunState, phase: Phase, event: AnyEvent, text: str, level: Level = "info") -> None:
    state.phase, state.former_phase = phase, None
    state.work, state.pid = None, None
    state.note(event, text, level)


def _left(state: RunState, how: str, event: events.RunPaused | events.RunStopped) -> str:
    """The note of a run that was left; a process that only evaluated returns it to that."""
    left = f"{how}{_at(state, event.step)}"
    if not event.saved:
        left = f"{how} without a checkpoint, step {event.step:,} lost"
    return f"evaluation over; {left}, as before" if state.only_evaluates else left


def _at(state: RunState, step: int, word: str = " at") -> str:
    """Where in its training a run was; an evaluation has no steps."""
    return "" if state.kind == "evaluation" else f"{word} step {step:,}"


def _add_losses(state: RunState, stretch: list[AnyStep]) -> None:
    """Adds each loss to the bucket of its step in the sparkline, and counts and notes those that are not finite."""
    for event in stretch:
        last_step = event.first_step + len(event.loss) - 1
        if last_step > SPARK_BUCKETS * state.spark_width:
            _widen_spark(state, last_step)
        index = (last_step - 1) // state.spark_width
        total = _finite_sum(event.loss)
        if total is not None and event.first_step > index * state.spark_width:
            # All steps are of one bucket, as nearly always: one addition an event keeps a long replay fast.
            bucket = _bucket(state, index)
            bucket.total += total
            bucket.count += len(event.loss)
        else:
            for step, loss in enumerate(event.loss, start=event.first_step):
                _add_loss(state, event, step, from_number(loss))
    state.step, state.loss = last_step, from_number(stretch[-1].loss[-1])


def _add_loss(state: RunState, event: AnyStep, step: int, loss: float) -> None:
    if isfinite(loss):
        bucket = _bucket(state, (step - 1) // state.spark_width)
        bucket.total += loss
        bucket.count += 1
    else:
        state.non_finite_steps += 1
        state.note(event, f"loss is {loss} at step {step:,}", "warning", topic="non-finite loss", at=f"step {step:,}")


def _finite_sum(losses: list[Number]) -> float | None:
    """None where a loss is not finite (the log has its name, a string), or where the sum overflows."""
    try:
        total: float = sum(losses)  # type: ignore[arg-type]
    except TypeError:
        return None
    return total if isfinite(total) else None


def _widen_spark(state: RunState, step: int) -> None:
    """Joins buckets in pairs until one of SPARK_BUCKETS covers ``step``."""
    while step > SPARK_BUCKETS * state.spark_width:
        narrow = state.spark
        state.spark = [
            SparkBucket(
                sum(bucket.total for bucket in narrow[index : index + 2]),
                sum(bucket.count for bucket in narrow[index : index + 2]),
            )
            for index in range(0, len(narrow), 2)
        ]
        state.spark_width *= 2


def _bucket(state: RunState, index: int) -> SparkBucket:
    while len(state.spark) <= index:
        state.spark.append(SparkBucket())
    return state.spark[index]


def _take_temperature(state: RunState, stretch: list[AnyStep]) -> None:
    learned = next((event.temperature for event in reversed(stretch) if event.temperature), None)
    if learned is not None:
        state.temperature = from_number(learned[-1])


def _add_times(state: RunState, stretch: list[AnyStep]) -> None:
    waits = list(map(sum, map(attrgetter("data_wait"), stretch)))
    updates = map(sub, map(sum, map(attrgetter("seconds"), stretch)), waits)
    # Added event by event: one ``sum`` over the stretch would round differently for every way to cut the log.
    state.step_seconds = reduce(add, updates, state.step_seconds)
    state.data_wait_seconds = reduce(add, waits, state.data_wait_seconds)


def _take_recent(state: RunState, stretch: list[AnyStep]) -> None:
    """Keeps the last events that cover RECENT_STEPS steps together."""
    newest_first: list[Pace] = []
    steps = 0
    for pace in chain(map(_pace, reversed(stretch)), reversed(state.recent)):
        newest_first.append(pace)
        steps += pace.steps
        if steps >= RECENT_STEPS:
            break
    state.recent = newest_first[::-1]


def _pace(event: AnyStep) -> Pace:
    tokens, flops = _total(event.tokens, int), _total(event.flops, float)
    return Pace(steps=len(event.loss), seconds=sum(event.seconds), tokens=tokens, flops=flops)


def _total(column: Sequence[float] | msgspec.Raw, kind: type[float]) -> float | None:
    """None where the column is empty, or holds anything but numbers of that kind."""
    if isinstance(column, msgspec.Raw):
        try:
            column = msgspec.json.decode(column, type=list[kind])  # type: ignore[valid-type]
        except (msgspec.MsgspecError, RecursionError):
            return None
    total = float(sum(column))
    return total if column and isfinite(total) else None
