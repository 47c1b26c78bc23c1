"""The state of a run by its log, as engine.runs.fold makes it; dashboard, command line, worker and tests all read it.

Whether the worker is alive is not in it: engine.runs.status adds that, from the lock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from engine import events
from engine.config import RunKind
from engine.events import CommandName, EvaluationResult, Event, Number, Outcome

Phase = Literal[
    "queued", "starting", "running", "evaluating", "pausing", "paused", "stopping", "stopped", "finished", "failed"
]
Level = Literal["info", "warning", "error"]
NoteKind = Literal["problem", "evaluation", "checkpoint", "command", "other"]
FINAL_PHASES: frozenset[str] = frozenset({"paused", "stopped", "finished", "failed"})

NOTES_KEPT = 5000  # far more than a run has, unless something repeats itself in ever other words
_FIRST_NOTES = 1000  # of them are those of the beginning
RESUMED = "resumed"  # the topic of a new beginning
_LOOK_BACK = 8  # notes among which one that repeats itself is looked for
SPARK_BUCKETS = 64
RECENT_STEPS = 50  # the present pace is the mean of so many
_RECENT_BUCKETS = 8  # of SPARK_BUCKETS: an eighth of a run that fills them


class Note(msgspec.Struct, frozen=True):
    """One readable line of the run's history; one that repeats itself stands where it first came."""

    t: float  # unix seconds of the first time
    text: str
    level: Level = "info"
    seq: int = 0  # of its first event: a follower knows by it which lines it has shown
    times: int = 1
    last_t: float = 0.0  # unix seconds of the last time, where there are several
    topic: str = ""  # notes of one topic repeat each other; empty: it stands for itself
    first: str = ""  # what was special about the first time: "step 310"
    last: str = ""
    kind: NoteKind = "other"  # what it is about

    @property
    def kinds(self) -> tuple[NoteKind, ...]:
        """What it is about, and whether it tells of a problem."""
        return (self.kind,) if self.level == "info" else (self.kind, "problem")

    def line(self) -> str:
        """The text, with how often it came and when it began."""
        if self.times == 1:
            return self.text
        special = f", first at {self.first}, last at {self.last}" if self.first else ""
        return f"{self.topic if self.first else self.text} x {self.times:,}{special}"


class EvaluationPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One finished evaluation on the current timeline."""

    t: float
    step: int
    benchmark: str
    seconds: float
    result: EvaluationResult


class ValidationPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One value of the measure that selects the checkpoint, on the current timeline."""

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


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Long work in progress: a part of an evaluation, tokenising, a download."""

    what: str
    done: int
    total: int | None


class SparkBucket(msgspec.Struct):
    """Sum and count of the finite losses of ``spark_width`` consecutive steps."""

    total: float = 0.0
    count: int = 0


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of the steps of one event together."""

    steps: int
    seconds: float
    tokens: float | None  # None: the event does not say
    flops: float | None


class RunState(msgspec.Struct, kw_only=True):
    """Everything but the per-step columns (engine.runs.reader), so that 500 runs open at once."""

    name: str = ""
    kind: RunKind = "training"
    system: str = ""  # evaluation: what is measured
    mode: str = ""
    mono_share: float | None = None
    mono_share_schedule: str = ""
    max_steps: int = 0
    batch_size: int = 0
    seed: int = 0
    host: str = ""
    pid: int | None = None

    seq: int = 0
    attempt: int = 0
    phase: Phase = "starting"
    former_phase: Phase | None = None  # while a process only evaluates: the phase that the run returns to
    only_evaluates: bool = False  # whether the present or last process was started only to evaluate
    started: float = 0.0  # unix seconds of the first event
    updated: float = 0.0  # unix seconds of the last event
    progress_age: float = 0.0  # seconds since the last progress, by the last heartbeat

    step: int = 0
    loss: float | None = None  # of the last step; may be NaN
    recent: list[Pace] = []  # of the last events that cover RECENT_STEPS steps together, or of all events
    temperature: float | None = None  # of the loss, where it is learned
    # Seconds spent in all attempts, superseded steps included.
    step_seconds: float = 0.0  # without the wait for data
    data_wait_seconds: float = 0.0
    evaluation_seconds: float = 0.0
    checkpoint_seconds: float = 0.0
    checkpoints: int = 0  # so many took checkpoint_seconds
    non_finite_steps: int = 0

    evaluations: list[EvaluationPoint] = []
    validations: list[ValidationPoint] = []
    # Of a finished run: whose weights are in model/, where validation chose them; whether it ended before max_steps.
    selected_step: int | None = None
    finished_early: bool = False
    work: Activity | None = None
    checkpoint_step: int | None = None
    checkpoint_time: float | None = None
    commands: list[CommandState] = []
    device: events.Device | None = None
    model: events.ModelLoaded | None = None
    warnings: int = 0
    error: str | None = None
    last_lines: list[str] = []
    hint: str = ""
    refused: bool = False  # a failed run could not be started as its config says
    notes: list[Note] = []  # at most NOTES_KEPT: of more, some behind the first are left out
    notes_left_out: int = 0

    spark_width: int = 1
    spark: list[SparkBucket] = []

    def follow(self, stretch: Sequence[Event]) -> None:
        """Applies what all events have in common: number, attempt and time, of one or several in a row."""
        last = stretch[-1]
        self.seq, self.attempt = last.seq, last.attempt
        times = [event.t for event in stretch]
        self.updated = max(self.updated, *times)  # the wall clock may step back; ages never show below zero
        self.started = self.started or next(filter(None, times), 0.0)

    def move(self, phase: Phase) -> None:
        """Changes the phase, unless the run is pausing or stopping: work in progress goes on meanwhile."""
        if self.phase not in ("pausing", "stopping"):
            self.phase = phase

    def note(self, event: Event, text: str, level: Level = "info", *, topic: str = "", at: str = "") -> None:
        """Adds a line that tells of ``event``.

        What repeats itself, by its ``topic`` or as a warning in the same words, is counted where it first came; ``at``
        says what was special about this time. A resume ends that: what comes after it is another story.
        """
        topic = topic or (text if level == "warning" else "")
        if topic not in ("", RESUMED) and (index := self._repeated(topic)) is not None:
            former = self.notes[index]
            self.notes[index] = msgspec.structs.replace(former, times=former.times + 1, last_t=event.t, last=at)
            return
        self.notes.append(Note(event.t, text, level, event.seq, topic=topic, first=at, last=at, kind=_kind(event)))
        if len(self.notes) > NOTES_KEPT + _FIRST_NOTES:  # in blocks: at every note it would make long logs slow
            self.notes_left_out += _FIRST_NOTES
            del self.notes[_FIRST_NOTES : 2 * _FIRST_NOTES]

    def _repeated(self, topic: str) -> int | None:
        """Where among the last notes one of that topic stands."""
        for index in range(len(self.notes) - 1, max(-1, len(self.notes) - 1 - _LOOK_BACK), -1):
            if self.notes[index].topic == topic:
                return index
            if self.notes[index].topic == RESUMED:
                return None
        return None

    def history(self) -> list[Note]:
        """The notes, with a line where some are left out."""
        if not self.notes_left_out:
            return self.notes
        before = self.notes[_FIRST_NOTES - 1]
        text = f"{self.notes_left_out:,} lines are left out here; events.jsonl has what they told"
        gap = Note(before.t, text, "warning", before.seq)
        return [*self.notes[:_FIRST_NOTES], gap, *self.notes[_FIRST_NOTES:]]

    def losses_sparkline(self) -> list[float]:
        """Mean loss of up to 64 equal stretches of the run; a stretch without a finite loss is NaN."""
        return [bucket.total / bucket.count if bucket.count else math.nan for bucket in self.spark]

    def recent_loss(self) -> float | None:
        """Mean loss of the last stretch of steps: that of a single batch depends on the mode that it drew.

        None before the first step; not finite where the loss of the last step is not.
        """
        if self.loss is None or not math.isfinite(self.loss):
            return self.loss
        last = self.spark[-_RECENT_BUCKETS:]
        count = sum(bucket.count for bucket in last)
        return sum(bucket.total for bucket in last) / count if count else self.loss

    def latest_evaluations(self) -> dict[str, EvaluationPoint]:
        """The last evaluation of each benchmark on the current timeline."""
        return {point.benchmark: point for point in self.evaluations}

    @property
    def seconds_per_step(self) -> float | None:
        """Mean of the last steps, data wait included."""
        return self._per_step((pace.seconds, pace.steps) for pace in self.recent)

    @property
    def tokens_per_step(self) -> float | None:
        """Mean of the last steps, without padding."""
        return self._per_step((pace.tokens, pace.steps) for pace in self.recent)

    @property
    def flops_per_step(self) -> float | None:
        """Mean of the last steps; see events.Step."""
        return self._per_step((pace.flops, pace.steps) for pace in self.recent)

    @staticmethod
    def _per_step(totals: Iterable[tuple[float | None, int]]) -> float | None:
        """Mean over the events that have a total, as (total, steps); None where none has."""
        present = [(total, steps) for total, steps in totals if total is not None]
        return sum(total for total, _ in present) / sum(steps for _, steps in present) if present else None

    def pairs_per_second(self) -> float | None:
        return self.batch_size / self.seconds_per_step if self.seconds_per_step else None

    def tokens_per_second(self) -> float | None:
        """Without padding."""
        if not self.seconds_per_step or self.tokens_per_step is None:
            return None
        return self.tokens_per_step / self.seconds_per_step

    def mfu(self) -> float | None:
        """Model FLOP utilisation, 0 to 1: what the steps compute over the device's peak; None where no peak is known.

        Padding, embeddings and recomputation do not count.
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


def _kind(event: Event) -> NoteKind:
    match event:
        case events.EvalFinished() | events.Validation():
            return "evaluation"
        case events.CheckpointSaved():
            return "checkpoint"
        case events.CommandReceived() | events.CommandDone():
            return "command"
    return "other"
