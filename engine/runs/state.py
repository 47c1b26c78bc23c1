"""The fold: one pure function from events to what is known about a run.

Dashboard, command line, worker and tests all read a run through it. It knows only the log; whether the
worker still lives is asked of the lock (engine.runs.liveness) and combined in engine.runs.status.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from engine import events
from engine.events import AnyEvent, CommandName, EvaluationResult, Number, Outcome, from_number

Phase = Literal[
    "queued", "starting", "running", "evaluating", "pausing", "paused", "stopping", "stopped", "finished", "failed"
]
FINAL_PHASES: frozenset[str] = frozenset({"paused", "stopped", "finished", "failed"})

NOTES_KEPT = 200
COMMANDS_KEPT = 50
SPARK_BUCKETS = 64
_RECENT_BUCKETS = 8  # an eighth of the run, once it fills the buckets
_RATE_WEIGHT = 0.1  # of a new step in the running means; the steps of one event weigh alike


class Note(msgspec.Struct, frozen=True):
    """One readable line of the run's history."""

    t: float
    text: str
    level: Literal["info", "warning", "error"] = "info"
    seq: int = 0  # of the event that it tells of: what a follower has shown already


class EvaluationPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One finished evaluation on the current timeline."""

    t: float
    step: int
    benchmark: str
    seconds: float
    result: EvaluationResult


class ValidationPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One value of what the checkpoint is chosen by, on the current timeline."""

    step: int
    measure: str  # "loss", or benchmark and metric
    value: Number
    best_step: int | None
    best_value: Number | None
    since_best: int


class CommandState(msgspec.Struct, kw_only=True):
    """A command the worker has received; ``outcome`` is None until it is done."""

    uuid: str
    command: CommandName
    received: float
    outcome: Outcome | None = None
    detail: str = ""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """Long work under way: an evaluation's part, tokenising, a download."""

    what: str
    done: int
    total: int | None


class SparkBucket(msgspec.Struct):
    """Sum and count of the finite losses of ``spark_width`` consecutive steps."""

    total: float = 0.0
    count: int = 0


class RunState(msgspec.Struct, kw_only=True):
    """Everything but the per-step columns (engine.runs.series), so that 500 runs open at once."""

    name: str = ""
    mode: str = ""
    mono_share: float | None = None
    max_steps: int = 0
    batch_size: int = 0
    seed: int = 0
    host: str = ""
    pid: int | None = None

    seq: int = 0
    attempt: int = 0
    phase: Phase = "starting"
    former_phase: Phase | None = None  # while a process only evaluates: what the run returns to
    only_evaluates: bool = False  # whether the present process was started for that, or the last one was
    started: float = 0.0  # unix seconds of the first event
    updated: float = 0.0  # unix seconds of the last event
    progress_age: float = 0.0  # seconds, as the last heartbeat said

    step: int = 0
    loss: float | None = None  # of the last step; NaN is kept
    seconds_per_step: float | None = None  # running mean
    data_wait_share: float | None = None  # running mean of data_wait / seconds
    tokens_per_step: float | None = None  # running mean, without padding
    flops_per_step: float | None = None  # running mean, see events.Step
    temperature: float | None = None  # of the loss, where it is learned
    # Seconds spent, over all attempts, superseded steps included.
    step_seconds: float = 0.0  # waiting for data left out
    data_wait_seconds: float = 0.0
    evaluation_seconds: float = 0.0
    checkpoint_seconds: float = 0.0
    non_finite_steps: int = 0

    evaluations: list[EvaluationPoint] = []
    validations: list[ValidationPoint] = []
    # Of a finished run: whose weights are in model/, where validation chose them; whether it ended before max_steps.
    selected_step: int | None = None
    finished_early: bool = False
    work: Work | None = None
    checkpoint_step: int | None = None
    checkpoint_time: float | None = None
    commands: list[CommandState] = []
    device: events.Device | None = None
    warnings: int = 0
    error: str | None = None
    last_lines: list[str] = []
    hint: str = ""
    notes: list[Note] = []

    spark_width: int = 1
    spark: list[SparkBucket] = []

    def losses_sparkline(self) -> list[float]:
        """Mean loss of up to 64 equal stretches of the run; a stretch without a finite loss is NaN."""
        return [bucket.total / bucket.count if bucket.count else math.nan for bucket in self.spark]

    def recent_loss(self) -> float | None:
        """Mean loss of the last stretch, batches of every mode: that of one batch depends on which mode it drew.

        None where nothing was trained yet, not finite where the last step is not.
        """
        if self.loss is None or not math.isfinite(self.loss):
            return self.loss
        last = self.spark[-_RECENT_BUCKETS:]
        count = sum(bucket.count for bucket in last)
        return sum(bucket.total for bucket in last) / count if count else self.loss

    def latest_evaluations(self) -> dict[str, EvaluationPoint]:
        """The last evaluation of each benchmark on the current timeline."""
        return {point.benchmark: point for point in self.evaluations}

    def pairs_per_second(self) -> float | None:
        return self.batch_size / self.seconds_per_step if self.seconds_per_step else None

    def tokens_per_second(self) -> float | None:
        """Without padding."""
        if not self.seconds_per_step or self.tokens_per_step is None:
            return None
        return self.tokens_per_step / self.seconds_per_step

    def mfu(self) -> float | None:
        """Model FLOP utilisation, 0 to 1: what the steps compute over the device's peak; None where none is known.

        Neither padding nor embeddings nor what is computed again count as work.
        """
        peak = self.device.peak_flops if self.device is not None else None
        if not peak or not self.seconds_per_step or self.flops_per_step is None:
            return None
        return self.flops_per_step / self.seconds_per_step / peak

    def time_shares(self) -> dict[str, float]:
        """Shares of the time spent in "step", "data", "evaluation" and "checkpoint"; they sum to 1. Empty at first."""
        spent = {
            "step": self.step_seconds,
            "data": self.data_wait_seconds,
            "evaluation": self.evaluation_seconds,
            "checkpoint": self.checkpoint_seconds,
        }
        total = sum(spent.values())
        return {name: seconds / total for name, seconds in spent.items()} if total > 0 else {}

    def seconds_left(self) -> float | None:
        """Training time left at the present rate; evaluations not counted."""
        if self.seconds_per_step is None or self.phase in FINAL_PHASES:
            return None
        return (self.max_steps - self.step) * self.seconds_per_step


def fold(state: RunState, event: AnyEvent) -> RunState:
    """Applies one event. Depends on nothing else; takes ownership of ``state`` and returns it."""
    state.seq, state.attempt = event.seq, event.attempt
    state.updated = max(state.updated, event.t)  # the wall clock may step back; ages never show below zero
    state.started = state.started or event.t
    match event:
        case events.Step():
            _step(state, event)
        case events.Heartbeat():
            state.progress_age = event.progress_age
        case events.EvalProgress():
            state.work = Work(what=f"{event.benchmark}: {event.what}", done=event.done, total=event.total)
        case events.Progress():
            state.work = Work(what=event.what, done=event.done, total=event.total)
        case events.RunStarted():
            _started(state, event)
        case events.RunResumed():
            _resumed(state, event)
        case events.EvalStarted():
            _move(state, "evaluating")
            state.work = Work(what=event.benchmark, done=0, total=None)
        case events.EvalFinished():
            _evaluated(state, event)
        case events.Validation():
            _validated(state, event)
        case events.CheckpointSaved():
            state.checkpoint_seconds += event.seconds
            state.checkpoint_step, state.checkpoint_time = event.step, event.t
            _note(state, event.t, f"checkpoint {event.path} saved, {event.bytes / 1e6:.1f} MB in {event.seconds:.1f} s")
        case events.CommandReceived():
            _received(state, event)
        case events.CommandDone():
            _done(state, event)
        case events.Device():
            _device(state, event)
        case events.Warning():
            state.warnings += 1
            _note(state, event.t, event.message, "warning")
        case events.RunPaused():
            _end(state, "paused", event.t, _left(state, "paused", event.step))
        case events.RunStopped():
            _end(state, "stopped", event.t, _left(state, "stopped", event.step))
        case events.RunFinished():
            state.selected_step, state.finished_early = event.selected_step, event.early
            early = ", early, since validation stopped improving" if event.early else ""
            chosen = "" if event.selected_step is None else f"; the model is that of step {event.selected_step:,}"
            text = f"finished at step {event.step:,} after {event.seconds:.1f} s{early}{chosen}"
            if state.only_evaluates:
                text = f"evaluation over after {event.seconds:.1f} s; finished at step {event.step:,}, as before"
            _end(state, "finished", event.t, text)
        case events.RunFailed():
            state.error, state.last_lines, state.hint = event.error, event.last_lines, event.hint
            _end(state, "failed", event.t, event.error, "error")
    if not isinstance(event, events.Heartbeat):
        state.progress_age = 0.0
    return state


def _started(state: RunState, event: events.RunStarted) -> None:
    state.name, state.mode, state.mono_share = event.name, event.mode, event.mono_share
    state.max_steps, state.batch_size, state.seed = event.max_steps, event.batch_size, event.seed
    state.host, state.pid, state.phase = event.host, event.pid, "starting"
    _note(state, event.t, f"started on {event.host}")


def _resumed(state: RunState, event: events.RunResumed) -> None:
    state.host, state.pid, state.work = event.host, event.pid, None
    state.only_evaluates = event.purpose == "evaluate"
    if event.purpose == "evaluate":
        # Kept where a process that came to evaluate was killed: the run still is what it was before.
        state.former_phase = state.phase if state.phase in FINAL_PHASES else state.former_phase
        state.phase = "starting"
        return
    state.phase, state.former_phase = "starting", None
    state.error, state.last_lines, state.hint = None, [], ""
    state.step = event.from_step
    state.loss = None
    # An evaluation at from_step itself stands: it was made with the very weights that were restored.
    state.evaluations = [point for point in state.evaluations if point.step <= event.from_step]
    state.validations = [point for point in state.validations if point.step <= event.from_step]
    state.selected_step, state.finished_early = None, False
    del state.spark[event.from_step // state.spark_width :]
    _note(state, event.t, f"resumed from step {event.from_step:,} on {event.host}")


def _step(state: RunState, event: events.Step) -> None:
    """Work per event, not per step, where the losses are finite: a long log must replay fast."""
    _move(state, "running")
    count = len(event.loss)
    if count == 0:
        return
    state.step = event.first_step + count - 1
    state.loss = from_number(event.loss[-1])
    _widen_spark(state, state.step)
    first, last = (event.first_step - 1) // state.spark_width, (state.step - 1) // state.spark_width
    total = _finite_sum(event.loss)
    if total is not None and first == last:
        _add_to_spark(state, last, total, count)
    else:
        for step, value in enumerate(event.loss, start=event.first_step):
            _loss(state, event.t, step, from_number(value))
    if event.temperature:
        state.temperature = from_number(event.temperature[-1])
    seconds, waited = sum(event.seconds), sum(event.data_wait)
    state.step_seconds += seconds - waited
    state.data_wait_seconds += waited
    if seconds > 0:
        kept = (1 - _RATE_WEIGHT) ** count
        state.seconds_per_step = _running_mean(state.seconds_per_step, seconds / count, kept)
        state.data_wait_share = _running_mean(state.data_wait_share, waited / seconds, kept)
        state.tokens_per_step = _running_mean(state.tokens_per_step, sum(event.tokens) / count, kept)
        if event.flops:
            state.flops_per_step = _running_mean(state.flops_per_step, sum(event.flops) / count, kept)


def _finite_sum(losses: list[Number]) -> float | None:
    """None when some loss is not finite, which travels as a string, or the sum overflows."""
    try:
        total: float = sum(losses)  # type: ignore[arg-type]
    except TypeError:
        return None
    return total if math.isfinite(total) else None


def _loss(state: RunState, t: float, step: int, loss: float) -> None:
    if math.isfinite(loss):
        _add_to_spark(state, (step - 1) // state.spark_width, loss, 1)
    else:
        state.non_finite_steps += 1
        _note(state, t, f"loss is {loss} at step {step:,}", "warning")


def _running_mean(mean: float | None, value: float, kept: float) -> float:
    """``kept``: the weight that the former mean keeps."""
    return value if mean is None else value + kept * (mean - value)


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


def _add_to_spark(state: RunState, index: int, total: float, count: int) -> None:
    while len(state.spark) <= index:
        state.spark.append(SparkBucket())
    bucket = state.spark[index]
    bucket.total += total
    bucket.count += count


def _evaluated(state: RunState, event: events.EvalFinished) -> None:
    if not state.only_evaluates:  # asked for by hand, after the training whose time the shares divide
        state.evaluation_seconds += event.seconds
    state.work = None
    if state.phase == "evaluating":
        state.phase = "running"
    state.evaluations = [
        point for point in state.evaluations if (point.step, point.benchmark) != (event.step, event.benchmark)
    ]
    state.evaluations.append(
        EvaluationPoint(
            t=event.t, step=event.step, benchmark=event.benchmark, seconds=event.seconds, result=event.result
        )
    )
    state.evaluations.sort(key=lambda point: point.step)
    _note(state, event.t, f"evaluation {event.benchmark} at step {event.step:,} done in {event.seconds:.1f} s")


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
    _note(
        state, event.t, f"validation {point.measure} at step {event.step:,}: {from_number(point.value):.4f}, {standing}"
    )


def _received(state: RunState, event: events.CommandReceived) -> None:
    state.commands.append(CommandState(uuid=event.uuid, command=event.command, received=event.t))
    del state.commands[:-COMMANDS_KEPT]
    if state.phase not in FINAL_PHASES:
        if event.command == "pause":
            state.phase = "pausing"
        elif event.command == "stop":
            state.phase = "stopping"
    _note(state, event.t, f"{event.command} acknowledged")


def _done(state: RunState, event: events.CommandDone) -> None:
    known = next((command for command in state.commands if command.uuid == event.uuid), None)
    if known is None:  # answered without being taken up: stale
        known = CommandState(uuid=event.uuid, command=event.command, received=event.t)
        state.commands.append(known)
        del state.commands[:-COMMANDS_KEPT]
    if known.outcome is None:  # killed after the answer, the next attempt finds the file and answers again
        known.outcome, known.detail = event.outcome, event.detail
    if event.outcome == "failed" and state.phase in ("pausing", "stopping"):
        state.phase = "running"
    detail = f": {event.detail}" if event.detail else ""
    _note(state, event.t, f"{event.command} {event.outcome}{detail}", "info" if event.outcome == "done" else "warning")


def _device(state: RunState, event: events.Device) -> None:
    moved = state.device is None or state.device.waiting_for != event.waiting_for
    state.device = event
    if event.waiting_for is not None:
        _move(state, "queued")
        if moved:
            _note(state, event.t, f"waiting for {event.waiting_for}")
    elif state.phase == "queued":
        state.phase = "starting"


def _move(state: RunState, phase: Phase) -> None:
    """Work that goes on while a pause or stop is under way does not take the run out of it."""
    if state.phase not in ("pausing", "stopping"):
        state.phase = phase


def _end(state: RunState, phase: Phase, t: float, text: str, level: Literal["info", "error"] = "info") -> None:
    state.phase, state.former_phase = phase, None
    state.work, state.pid = None, None
    _note(state, t, text, level)


def _left(state: RunState, how: str, step: int) -> str:
    """The note of a run that was left; a process that only evaluated returns it to that."""
    return f"evaluation over; {how} at step {step:,}, as before" if state.only_evaluates else f"{how} at step {step:,}"


def _note(state: RunState, t: float, text: str, level: Literal["info", "warning", "error"] = "info") -> None:
    state.notes.append(Note(t, text, level, state.seq))
    if len(state.notes) > 2 * NOTES_KEPT:  # trimmed in blocks: trimming at every note would make long logs slow
        del state.notes[:-NOTES_KEPT]
