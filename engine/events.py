"""The event types: the only language spoken between the engine and whoever watches a run.

One event is one JSON line of ``events.jsonl``: ``{"v":1,"seq":n,"t":unix,"attempt":k,"type":"...",...}``.
Readers ignore fields and types they do not know; ``v`` rises only when old readers would misread.
JSON has no NaN: non-finite numbers travel as the strings "NaN", "Infinity" and "-Infinity".
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

EVENT_VERSION = 1

Number = float | Literal["NaN", "Infinity", "-Infinity"]
CommandName = Literal["pause", "stop", "checkpoint", "evaluate", "discard"]  # discard: stop, and save nothing
Outcome = Literal["done", "stale", "failed"]

_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def to_number(value: float) -> Number:
    """A float as it is written: itself when finite, else its name."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def from_number(value: Number) -> float:
    """The inverse of ``to_number``."""
    return _NON_FINITE[value] if isinstance(value, str) else value


def to_numbers(values: Iterable[float]) -> list[Number]:
    return [to_number(value) for value in values]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Fields of every event. The log writer fills ``seq``, ``t`` and ``attempt``."""

    v: Annotated[int, Meta(le=EVENT_VERSION)] = EVENT_VERSION  # a later one would be misread: it does not decode
    seq: int = 0  # 1, 2, 3, ... over all attempts, without gap
    t: float = 0.0  # unix seconds, wall clock: for display only
    attempt: int = 0  # 1 for the first worker, one more for each resume


class RunStarted(Event, frozen=True, kw_only=True, tag="run.started"):
    """The worker of a new run is alive; configuration and provenance are in spec.json.

    An evaluation has no mode, and no steps.
    """

    name: str
    mode: str
    mono_share: float | None  # hybrid only: at the first update
    max_steps: int
    batch_size: int
    seed: int
    host: str
    pid: int
    kind: Literal["training", "evaluation"] = "training"
    mono_share_schedule: str = ""  # "1->0 linear"; empty: the share is constant
    system: str = ""  # evaluation: what is measured, a model's name or folder, "bm25", a file


class RunResumed(Event, frozen=True, kw_only=True, tag="run.resumed"):
    """A new worker took the run up from a checkpoint; points after ``from_step`` are superseded when it trains."""

    from_step: int
    host: str
    pid: int
    purpose: Literal["train", "evaluate"] = "train"


class StepColumns(Event, frozen=True, kw_only=True):
    """The columns that every reader decodes."""

    first_step: int
    loss: list[Number]
    seconds: list[float]  # monotonic time of the update, data wait included
    data_wait: list[float]  # seconds of it spent waiting for the batch
    temperature: list[Number] = []  # of the loss after the update; empty where it is not learned


class Step(StepColumns, frozen=True, kw_only=True, tag="step"):
    """All optimizer updates since the last such event; step s is the s-th update, so the first is 1.

    Numbers are written with the digits that are significant (engine.worker.step_records).
    """

    mode: list[str]  # "mono", "cross", "mixed" or "english": what each batch was
    lr: list[float]
    masked: list[float]  # masked in-batch negatives per row
    grad_norm: list[Number]  # before clipping
    tokens: list[int]  # without padding
    # Of this rank's device, forward and backward; without padding, embeddings, and what is computed again to save
    # memory. Over ``seconds`` and ``Device.peak_flops`` it gives the model FLOP utilisation (MFU).
    flops: list[float] = []


class StepOutline(StepColumns, frozen=True, kw_only=True, tag="step"):
    """A step event with only what the state of a run needs, for readers that draw no curves.

    The state shows tokens and flops of the last steps only, so these stay undecoded JSON until somebody asks for them.
    """

    tokens: msgspec.Raw
    flops: msgspec.Raw = msgspec.Raw(b"[]")


class Heartbeat(Event, frozen=True, kw_only=True, tag="heartbeat"):
    """Every 5 s while the worker lives."""

    progress_age: float  # seconds since the last step or unit of long work


class EvalStarted(Event, frozen=True, kw_only=True, tag="eval.started"):
    benchmark: str
    step: int


class EvalProgress(Event, frozen=True, kw_only=True, tag="eval.progress"):
    benchmark: str
    step: int
    what: str  # "queries", "candidates", "ranking"
    done: int
    total: int


class RankDistances(msgspec.Struct, frozen=True, kw_only=True):
    """Distribution of max - min rank over the queries of one language (two or more relevant passages each)."""

    queries: int
    mean: float
    median: float
    p90: float
    histogram: list[int]  # counts between consecutive ``histogram_edges`` of the result


class Advantage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A mean in doublings of rank, with a 95 % bootstrap interval over clusters."""

    mean: float
    interval: tuple[float, float] | None  # None: too little data for one
    no_interval: str = ""  # why there is none


class LanguageEffect(msgspec.Struct, frozen=True, kw_only=True):
    """Doublings of rank that a pair of languages adds to what query and passage language each explain."""

    effect: dict[str, dict[str, float]]  # [query_language][passage_language]; negative: ranks better
    p: float  # of no interaction, by permutations of passage languages within queries
    permutations: int


class Friedman(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the queries of one language agree on which passage languages rank better."""

    statistic: float
    p: float  # takes queries for independent
    p_clusters: float | None  # on the mean places of clusters; None below two
    agreement: float  # Kendall's W
    queries: int


class LanguageBias(msgspec.Struct, frozen=True, kw_only=True):
    """Measures of language bias; definitions in engine.evaluation.bias.

    A measure that the benchmark cannot have, or that no ranking could change, is in ``not_applicable`` with the reason
    and nowhere else.
    """

    measures: dict[str, float]  # means over query languages
    by_language: dict[str, dict[str, float]]  # [measure][query_language]
    own_language_advantage: Advantage | None  # the mean over query languages, with its interval
    language_effect: LanguageEffect | None
    language_share_at_10: dict[str, dict[str, float]]  # [query_language][passage_language], of non-relevant passages
    pool_share: dict[str, float]  # [passage_language]
    friedman: dict[str, Friedman]  # [query_language]
    not_applicable: dict[str, str]  # measure -> reason
    intervals: dict[str, tuple[float, float]] = {}  # measure -> 95 %, over clusters; results of before have none
    nulls: dict[str, float] = {}  # measure -> what it would be if languages did not matter
    left_out: dict[str, int] = {}  # measure -> queries that cannot have it, where there are such


class VectorMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of the vectors themselves; definitions in engine.evaluation.geometry, docs/measures.md."""

    mean: float  # over pairs of languages, or over languages
    interval: tuple[float, float] | None  # 95 %, by clusters; None: too few of them
    null: float  # what it would be if language, or translation, told nothing
    by_pair: dict[str, dict[str, float]] = {}  # [language][language], each pair once
    by_language: dict[str, float] = {}


class VectorSide(msgspec.Struct, frozen=True, kw_only=True):
    """The vectors of the queries, or of the candidates, as far as a sample of translations tells."""

    texts: int
    sets: int  # of translations
    clusters: int
    measures: dict[str, VectorMeasure]
    not_applicable: dict[str, str]  # measure -> reason


class EvaluationResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one evaluation, small enough for an event; the ranks themselves are in ranks.parquet.

    A metric that a benchmark cannot have (cross-lingual with one language) is None.
    """

    queries: int
    candidates: int
    languages: list[str]
    settings: dict[str, int]  # {"monolingual": 11, "crosslingual": 110, "multilingual": 11}
    metrics: dict[str, float | None]  # by name: engine.measures, docs/measures.md
    matrix: dict[str, dict[str, float]]  # mAP, matrix[query_language][candidate_language]
    map_multilingual_by_language: dict[str, float]
    histogram_edges: list[float]  # shared by all languages: whole distances, exact below 16
    rank_distance: dict[str, RankDistances]  # by query language
    own_language_advantage: dict[str, Advantage]  # by query language
    ties: int  # relevant candidates whose score another candidate shares
    bias: LanguageBias | None = None  # None: from before these were measured
    sampled_of: int | None = None  # the queries are a sample of so many; None: all of the benchmark
    vectors: dict[str, VectorSide] = {}  # "queries" and "candidates"; empty: from before these were measured

    def value_of(self, measure: str) -> float | None:
        """Of a metric or a measure of bias; None where there is none."""
        value = self.metrics.get(measure)
        return value if value is not None or self.bias is None else self.bias.measures.get(measure)

    def count_of_queries(self) -> str:
        """In words, and whether they are a sample."""
        sample = "" if self.sampled_of is None else f" (a sample of {self.sampled_of:,})"
        return f"{self.queries:,} queries{sample}"


class EvalFinished(Event, frozen=True, kw_only=True, tag="eval.finished"):
    benchmark: str
    step: int
    seconds: float
    result: EvaluationResult


class Validation(Event, frozen=True, kw_only=True, tag="validation"):
    """A value of the measure that selects the checkpoint (evaluation.validation), and the best step so far."""

    step: int
    measure: str  # "loss", or benchmark and metric: "own/dev map_multilingual"
    value: Number
    best_step: int | None  # None: no value was finite yet
    best_value: Number | None
    since_best: int  # validations after the best one
    seconds: float = 0.0  # of a validation loss; a metric comes with its evaluation


class CheckpointSaved(Event, frozen=True, kw_only=True, tag="checkpoint.saved"):
    step: int
    path: str  # relative to the run folder
    bytes: int
    seconds: float


class CommandReceived(Event, frozen=True, kw_only=True, tag="command.received"):
    uuid: str
    command: CommandName


class CommandDone(Event, frozen=True, kw_only=True, tag="command.done"):
    uuid: str
    command: CommandName
    outcome: Outcome
    detail: str = ""


NO_USABLE_GPU = "no usable GPU"  # in the device's name, where a run takes the CPU because no GPU can be used


class Device(Event, frozen=True, kw_only=True, tag="device"):
    """Where the run computes, or what it waits for; with telemetry where the device gives it.

    Sampled beside the training steps, at each heartbeat. What cannot be read is None, never a guess.
    """

    name: str  # "cpu (2 threads)", "GPU0 NVIDIA H100"; with the reason where a CPU stands in for an unusable GPU
    waiting_for: str | None = None  # set: the run is queued
    utilization: float | None = None  # percent of a GPU's time in which a kernel ran
    memory_used: int | None = None  # bytes of the GPU, all processes
    memory_total: int | None = None  # bytes of the GPU
    power: float | None = None  # watts of the GPU
    process_cpu: float | None = None  # percent of one core that the worker used since the last sample, all threads
    process_memory: int | None = None  # bytes of main memory that the worker has resident
    peak_flops: float | None = None  # dense floating-point operations a second at the run's precision
    peak_source: str = ""  # where peak_flops is from: "specification" or "measured" (a large matrix product)


class ModelLoaded(Event, frozen=True, kw_only=True, tag="model.loaded"):
    """The encoder as a worker loaded it: how texts become vectors, and where each option came from."""

    name: str  # as the config has it
    revision: str | None = None  # the commit of a model of the hub
    parameters: int
    trained: int  # of them
    width: int  # of the vectors
    modules: str  # from text to vector, in words
    options: dict[str, str | int | bool | None]  # pooling, prefixes, lengths, similarity, ...
    origins: dict[str, str]  # of each option: "config", "model" or "default"
    attention: str  # how sequences are laid out and which kernel computes them
    precision: str  # of matrix products: "float32", "tf32", "bfloat16" or "float16"


class Progress(Event, frozen=True, kw_only=True, tag="progress"):
    """Any long work outside steps and evaluations: tokenising, encoding, downloading."""

    what: str
    done: int
    total: int | None


class Warning(Event, frozen=True, kw_only=True, tag="warning"):
    message: str


class RunPaused(Event, frozen=True, kw_only=True, tag="run.paused"):
    step: int
    saved: bool = True  # False: there is no checkpoint of this step; what came after the newest one is lost


class RunStopped(Event, frozen=True, kw_only=True, tag="run.stopped"):
    step: int
    saved: bool = True  # as of run.paused


class RunFinished(Event, frozen=True, kw_only=True, tag="run.finished"):
    step: int
    seconds: float  # monotonic, since this attempt had its device
    selected_step: int | None = None  # whose weights are in model/; None: those of the last step
    early: bool = False  # ended before max_steps, because validation had stopped improving


class RunFailed(Event, frozen=True, kw_only=True, tag="run.failed"):
    error: str  # one line
    last_lines: list[str]  # of the traceback
    hint: str = ""  # what to do about it; empty where nothing helpful can be said
    refused: bool = False  # the config, a model or a file cannot be used: as it is, the run can never be


OtherEvent = (
    RunStarted
    | RunResumed
    | Heartbeat
    | EvalStarted
    | EvalProgress
    | EvalFinished
    | Validation
    | CheckpointSaved
    | CommandReceived
    | CommandDone
    | Device
    | ModelLoaded
    | Progress
    | Warning
    | RunPaused
    | RunStopped
    | RunFinished
    | RunFailed
)
AnyStep = Step | StepOutline
AnyEvent = Step | OtherEvent
Outline = StepOutline | OtherEvent

_encoder = msgspec.json.Encoder()


@cache  # looking into all these types takes a few milliseconds; a list of runs that have ended needs neither
def _decoder() -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(AnyEvent)


@cache
def _outlines() -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(Outline)


def encode(event: Event) -> bytes:
    """One line with its newline."""
    return _encoder.encode(event) + b"\n"


def decode(line: bytes) -> AnyEvent:
    """One line -> its event.

    Raises:
        msgspec.MsgspecError: the line is torn, not JSON, of an unknown type or a later version, or misses a field.
    """
    event: AnyEvent = _decoder().decode(line)
    return event


def decode_lines(lines: bytes) -> list[AnyEvent]:
    """All events of whole lines at once, which is faster than one by one.

    Raises:
        msgspec.MsgspecError: some line cannot be decoded.
    """
    return _decoder().decode_lines(lines)


def decode_outline(line: bytes) -> Outline:
    """``decode`` in less time: of a step only the outline."""
    event: Outline = _outlines().decode(line)
    return event


def decode_outlines(lines: bytes) -> list[Outline]:
    """``decode_lines``, of steps only the outlines."""
    return _outlines().decode_lines(lines)
