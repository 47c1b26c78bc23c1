"""One line of the runs screen."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.benchmark_names import parse_benchmark_key
from engine.config import RunConfig, RunKind
from engine.events import Device
from engine.mono_share import schedule_text
from engine.runs.annotations import NOTHING, Annotations
from engine.runs.folder import RunFolder, Spec
from engine.runs.lock import Liveness
from engine.runs.state import Activity, EvaluationPoint, RunState
from engine.runs.status import reason, shown_state
from engine.runs.time_left import may_end_early, seconds_left
from tui.follow.requests import Request
from tui.numbers import memory, visible

BEST_BY = ("map_multilingual", "map_monolingual")  # the first of them that the benchmark has
_CLOCK_IS_SET = 1_577_836_800.0  # unix seconds of the year 2020
GONE = "gone"  # the state of a run whose folder is no longer where it was, or cannot be read
LIVE_STATES = frozenset({"queued", "starting", "running", "evaluating", "pausing", "stopping", "stalled"})


class RunRow(msgspec.Struct, frozen=True):
    """A run as far as one line tells; texts are already safe to show."""

    folder: RunFolder
    name: str
    mode: str  # "eval" for an evaluation
    mono_share: float | None  # at the first update
    state: str
    reason: str
    step: int
    max_steps: int  # 0 for an evaluation
    loss: float | None  # mean of the last stretch
    spark: tuple[float, ...]
    benchmark: str | None
    metrics: dict[str, float | None]  # of the last evaluation of ``benchmark``
    updated: float  # unix seconds of the last event; 0: nobody knows
    device: str
    host: str
    work: Activity | None
    seconds_left: float | None  # steps, evaluations and checkpoints, more or less
    alive: bool | None  # None: on another machine
    attempt: int
    telemetry: str = ""  # of its GPU, as of its last sign: "  97 %  61/80 GiB  612 W"
    mono_share_schedule: str = ""  # "1->0 linear"; empty: the share is constant
    study: str = ""  # the sweep or study that it belongs to
    seed: int = 0
    created: float = 0.0  # unix seconds
    best: float | None = None  # of ``BEST_BY``, over all evaluations of ``benchmark``
    kind: RunKind = "training"
    benchmarks: int = 0  # of the config
    is_sampled: bool = False  # the metrics are of a sample of the benchmark's queries
    evaluated: tuple[tuple[str, int, float], ...] = ()  # (benchmark, step, unix seconds) of each newest evaluation

    config: RunConfig | None = None  # None: the spec cannot be read
    results: Mapping[str, Mapping[str, float | None]] = {}  # of the last evaluation of each benchmark
    note: str = ""
    tags: tuple[str, ...] = ()
    pinned: bool = False
    may_end_early: bool = False  # training ends where validation stops improving
    requests: tuple[Request, ...] = ()  # commands under way, just answered, or failed

    @property
    def id(self) -> str:
        return self.folder.id

    @property
    def live(self) -> bool:
        return self.state in LIVE_STATES


def make_row(
    folder: RunFolder, spec: Spec | None, state: RunState, liveness: Liveness, now: float,
    said: Annotations = NOTHING, *, words: tuple[str, ...] = (), requests: tuple[Request, ...] = (),
) -> RunRow:  # fmt: skip
    """``spec`` None: it cannot be read. ``now`` is unix seconds. ``words``: what its worker said last."""
    config = spec.config if spec is not None else None
    kind = config.kind if config is not None else state.kind
    latest = state.latest_evaluations()
    benchmark = main_benchmark(state.evaluations, spec)
    device = state.device
    return RunRow(
        folder=folder,
        name=visible(said.name or state.name or (config.name if config is not None else folder.id)),
        kind=kind,
        mode="eval" if kind == "evaluation" else visible(state.mode or (config.batch.mode if config else "?")),
        mono_share=None if kind == "evaluation" else _mono_share(state, spec),
        mono_share_schedule=schedule_text(config.batch) if config is not None and kind == "training" else "",
        state=shown_state(state, liveness, now),
        reason=visible(reason(state, liveness, now, words)),
        step=state.step,
        max_steps=state.max_steps or (config.optimizer.max_steps if config and kind == "training" else 0),
        benchmarks=len(config.evaluation.benchmarks) if config is not None else 0,
        loss=state.recent_loss(),
        spark=tuple(state.losses_sparkline()),
        benchmark=visible(benchmark) if benchmark is not None else None,
        metrics=dict(latest[benchmark].result.metrics) if benchmark is not None else {},
        is_sampled=benchmark is not None and latest[benchmark].result.sampled_of is not None,
        updated=_updated(state, spec),
        device=visible(device.name) if device is not None else "",
        host=visible(state.host),
        work=state.work,
        seconds_left=seconds_left(state, config) if config is not None else None,
        may_end_early=config is not None and may_end_early(config),
        alive=liveness.alive,
        attempt=state.attempt,
        telemetry=_telemetry(device) if device is not None else "",
        study=visible(config.study) if config is not None and config.study is not None else "",
        seed=config.seed if config is not None else state.seed,
        created=spec.created if spec is not None else 0.0,
        best=_best(state.evaluations, benchmark),
        evaluated=tuple((key, point.step, point.t) for key, point in latest.items()),
        config=config,
        results={key: point.result.metrics for key, point in latest.items()},
        note=visible(said.note),
        tags=tuple(map(visible, said.tags)),
        pinned=said.pinned,
        requests=requests,
    )


def gone_row(row: RunRow, why: str) -> RunRow:
    """What is left of a run that cannot be followed any more: what it last showed."""
    return msgspec.structs.replace(
        row, state=GONE, reason=why, alive=False, work=None, seconds_left=None, telemetry="", requests=()
    )


def main_benchmark(evaluations: list[EvaluationPoint], spec: Spec | None) -> str | None:
    """The one that validates, else the first of the config that has been evaluated, else the first evaluated."""
    found = list(dict.fromkeys(point.benchmark for point in evaluations))
    if spec is not None:
        wanted = spec.config.evaluation
        for key in (wanted.validation, *map(parse_benchmark_key, wanted.benchmarks)):
            if key in found:
                return key
    return found[0] if found else None


def _updated(state: RunState, spec: Spec | None) -> float:
    """Where the clock of the run's machine stood before this program existed, it had not been set yet."""
    updated = state.updated if state.updated >= _CLOCK_IS_SET else 0.0
    return updated or (spec.created if spec is not None and spec.created >= _CLOCK_IS_SET else 0.0)


def _telemetry(device: Device) -> str:
    """What the device tells of itself; a CPU tells nothing."""
    found = "" if device.utilization is None else f"  {device.utilization:.0f} %"
    if device.memory_used is not None and device.memory_total is not None:
        found += f"  {memory(device.memory_used, device.memory_total)}"
    return found + ("" if device.power is None else f"  {device.power:.0f} W")


def _best(evaluations: list[EvaluationPoint], benchmark: str | None) -> float | None:
    results = [point.result for point in evaluations if point.benchmark == benchmark]
    for metric in BEST_BY:
        values = [value for result in results if (value := result.metrics.get(metric)) is not None]
        if values:
            return max(values)
    return None


def _mono_share(state: RunState, spec: Spec | None) -> float | None:
    if state.mono_share is not None or spec is None:
        return state.mono_share
    return spec.config.batch.mono_share if spec.config.batch.mode == "hybrid" else None
