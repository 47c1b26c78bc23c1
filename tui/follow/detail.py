"""Everything the run screen shows of one run, as of one moment."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.events import Device, ModelLoaded
from engine.runs.folder import Spec
from engine.runs.reader import Series
from engine.runs.state import RECENT_STEPS, EvaluationPoint, Note, RunState
from tui.draw.curve import View
from tui.draw.lines import Kind
from tui.draw.ruler import Ruler
from tui.follow.charts import Chart
from tui.follow.curves import CurveBook
from tui.follow.rows import GONE, RunRow, gone_row
from tui.numbers import visible

_RATE_BUCKETS = 24
_RATE_STEPS = 8  # per bucket


@dataclass(frozen=True)
class Figures:
    """What the run does now; None where no step has told yet."""

    pairs_per_second: float | None = None
    rates: tuple[float, ...] = ()  # pairs per second over the last stretches of steps, oldest first
    tokens_per_second: float | None = None
    data_wait: float | None = None  # share of the step time
    masked: float | None = None  # masked in-batch negatives per row
    grad_norm: float | None = None
    lr: float | None = None
    temperature: float | None = None  # of the loss, where it is learned
    mfu: float | None = None  # model FLOP utilisation, 0 to 1


@dataclass(frozen=True)
class LaidOver:
    """Another run, whose curves lie over those of the open one."""

    row: RunRow
    charts: tuple[Chart, ...]
    ruler: Ruler | None


@dataclass(frozen=True)
class RunDetail:
    """Built in the reader thread; ``curves`` are views that stay true while the run goes on."""

    row: RunRow
    spec: Spec | None
    curves: tuple[tuple[str, View], ...]
    charts: tuple[Chart, ...]
    figures: Figures
    time_shares: dict[str, float]  # "step", "data", "evaluation", "checkpoint": of the time spent, 0 to 1
    evaluations: tuple[EvaluationPoint, ...]
    notes: tuple[Note, ...]  # texts are safe to show, and say how often what repeats itself came
    worker_log: tuple[str, ...]  # the last lines of its worker's output
    device: Device | None
    model: ModelLoaded | None  # as the newest attempt loaded it; None: from before workers told, or not loaded yet
    checkpoint_step: int | None
    checkpoint_time: float | None
    error: str
    last_lines: tuple[str, ...]
    hint: str
    skipped: int
    smoothing: float
    kind: Kind = "step"  # what the x axis of the charts measures
    ruler: Ruler | None = None
    over: tuple[LaidOver, ...] = ()

    def of_benchmark(self, benchmark: str) -> tuple[EvaluationPoint, ...]:
        """Its evaluations by ascending step."""
        return tuple(point for point in self.evaluations if point.benchmark == benchmark)

    @property
    def benchmarks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(point.benchmark for point in self.evaluations))


def make_detail(
    row: RunRow, spec: Spec | None, state: RunState, series: Series, book: CurveBook, smoothing: float, skipped: int,
    kind: Kind = "step", over: tuple[LaidOver, ...] = (), *, notes: tuple[Note, ...], words: tuple[str, ...],
) -> RunDetail:  # fmt: skip
    """``notes`` and ``words``, the last of the worker, are safe to show."""
    return RunDetail(
        row=row,
        spec=spec,
        curves=book.views(),
        charts=book.charts(state.evaluations, state.validations),
        figures=replace(figures(series, batch_size(state, spec)), mfu=state.mfu()),
        time_shares=state.time_shares(),
        evaluations=tuple(state.evaluations),
        notes=notes,
        worker_log=words,
        device=state.device,
        model=state.model,
        checkpoint_step=state.checkpoint_step,
        checkpoint_time=state.checkpoint_time,
        error=visible(state.error or ""),
        last_lines=tuple(visible(line) for line in state.last_lines),
        hint=visible(state.hint),
        skipped=skipped,
        smoothing=smoothing,
        kind=kind,
        ruler=book.ruler(),
        over=over,
    )


def kept_when_gone(former: RunDetail | None, detail: RunDetail) -> RunDetail:
    """The detail to show: of a run whose folder is gone, what was last known of it."""
    if former is None or detail.row.state != GONE or former.row.step <= detail.row.step:
        return detail
    return replace(former, row=gone_row(former.row, detail.row.reason))


def batch_size(state: RunState, spec: Spec | None) -> int:
    """Pairs a step; 0 where nobody has told yet."""
    return state.batch_size or (spec.config.batch.size if spec is not None else 0)


def figures(series: Series, batch_size: int) -> Figures:
    """Means over the newest steps of a run."""
    if not len(series):
        return Figures()
    seconds, waits = series.seconds[-RECENT_STEPS:], series.data_wait[-RECENT_STEPS:]
    known = [(second, wait) for second, wait in zip(seconds, waits, strict=True) if second > 0]
    total = sum(second for second, _ in known)
    tail = series.seconds[-_RATE_BUCKETS * _RATE_STEPS :]
    rates = []
    for start in range(0, len(tail), _RATE_STEPS):
        part = [second for second in tail[start : start + _RATE_STEPS] if second > 0]
        rates.append(len(part) * batch_size / sum(part) if part else math.nan)
    return Figures(
        pairs_per_second=len(known) * batch_size / total if total else None,
        rates=tuple(rates),
        tokens_per_second=sum(series.tokens[-RECENT_STEPS:]) / total if total else None,
        data_wait=sum(wait for _, wait in known) / total if total else None,
        masked=_mean(list(series.masked[-RECENT_STEPS:])),
        grad_norm=series.grad_norm[-1],
        lr=series.lr[-1],
        temperature=series.temperature[-1] if series.temperature else None,
    )


def _mean(values: list[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else None
