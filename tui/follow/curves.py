"""The curves of a run, kept up to date step by step: the losses of each batch mode, and the measures asked for."""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import accumulate, compress

from engine.runs.reader import MODE_NAMES, UNKNOWN_MODE, Series
from engine.runs.state import EvaluationPoint, ValidationPoint
from tui.draw import lines
from tui.draw.curve import Curve, View
from tui.draw.lines import SINGLE, Kind
from tui.draw.ruler import Knots, Ruler
from tui.follow.charts import Chart, evaluation_charts, in_order, validation_charts
from tui.follow.measures import LOSS, STEP_MEASURES, Measure, told

SMOOTHINGS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


class CurveBook:
    """Owned by the reader thread; hands out views that stay true while it goes on."""

    def __init__(self) -> None:
        self._beta = 0.0
        self._curves: dict[str, Curve] = {}
        self._measured: dict[str, Curve] = {}
        self._reached: dict[str, int] = {}  # steps taken up, by measure
        self._series: Series | None = None
        self._attempt = 0
        self._done = 0
        self._evaluated: tuple[list[EvaluationPoint], list[ValidationPoint], list[Chart]] = ([], [], [])
        self._times, self._tokens = Knots(), Knots()
        self._events = self._counted = 0  # events whose time, steps whose tokens were taken up
        self._kind: Kind = "step"

    def sync(
        self, series: Series, attempt: int, beta: float, wanted: Collection[str] = (), batch_size: int = 0,
        kind: Kind = "step",
    ) -> None:  # fmt: skip
        """Takes up the steps that are new, of the losses and of the ``wanted`` measures.

        A resumed run (another attempt) may have superseded some: it starts over. ``kind`` is what the x axis measures.
        """
        if series is not self._series or attempt != self._attempt or len(series) < self._done:
            self._series, self._attempt, self._done = series, attempt, 0
            self._curves, self._measured, self._reached = {}, {}, {}
            self._times, self._tokens, self._events, self._counted = Knots(), Knots(), 0, 0
        self._kind = kind
        if kind in ("moment", "elapsed"):
            self._take_times(series)
        elif kind == "tokens":
            self._take_tokens(series)
        if beta != self._beta:
            self._beta = beta
            self._curves = {mode: curve.with_smoothing(beta) for mode, curve in self._curves.items()}
            for measure in STEP_MEASURES:
                if measure.smoothed and measure.name in self._measured:
                    self._measured[measure.name] = self._measured[measure.name].with_smoothing(beta)
        self._take_losses(series)
        for measure in told(series):
            if measure.name in wanted:
                self._take(measure, series, batch_size)

    def views(self) -> tuple[tuple[str, View], ...]:
        """(mode, losses) in the order mono, cross, mixed, english."""
        return tuple((mode, self._curves[mode].view()) for mode in MODE_NAMES if mode in self._curves)

    def charts(self, evaluations: list[EvaluationPoint], validations: list[ValidationPoint]) -> tuple[Chart, ...]:
        """Every chart that the run has; those of measures that were not wanted are not ready."""
        ruler = self.ruler()
        losses = tuple(lines.Series(mode, mode, view, ruler=ruler) for mode, view in self.views())
        found = [Chart(LOSS, losses, log=True, smoothed=True)]
        for measure in told(self._series) if self._series is not None else ():
            curve = self._measured.get(measure.name)
            series = (lines.Series(SINGLE, measure.name, curve.view(), ruler=ruler),) if curve is not None else ()
            found.append(Chart(measure.name, series, measure.log, measure.smoothed, ready=curve is not None))
        if (evaluations, validations) != self._evaluated[:2]:
            made = [*validation_charts(validations), *evaluation_charts(evaluations)]
            self._evaluated = (list(evaluations), list(validations), made)
        evaluated = self._evaluated[2] if ruler is None else [measured(chart, ruler) for chart in self._evaluated[2]]
        return in_order([*found, *evaluated])

    def ruler(self) -> Ruler | None:
        """Of the x axis; None where it is one of steps, or nothing is known yet."""
        if self._kind == "tokens":
            return self._tokens.ruler()
        if self._kind == "step" or not len(self._times.values):
            return None
        return self._times.ruler(self._times.values[0] if self._kind == "elapsed" else 0.0)

    def _take_times(self, series: Series) -> None:
        """When each event was written; before the first of them when its first step began."""
        start, end = self._events, len(series.event_steps)
        if start == end:
            return
        if not start:
            count = series.event_steps[0]
            seconds = sum(second for second in series.seconds[:count] if second > 0)
            self._times.extend([0], [series.event_times[0] - seconds])
        self._times.extend(series.event_steps[start:end], series.event_times[start:end])
        self._events = end

    def _take_tokens(self, series: Series) -> None:
        start, end = self._counted, len(series)
        if not start and end:
            self._tokens.extend([0], [0.0])
        if start < end:
            total = self._tokens.values[-1]
            self._tokens.extend(
                range(start + 1, end + 1), list(accumulate(series.tokens[start:end], initial=total))[1:]
            )
        self._counted = end

    def _take_losses(self, series: Series) -> None:
        start, end = self._done, len(series)
        if start == end:
            return
        codes, losses = series.mode[start:end], series.loss[start:end]
        for code, mode in enumerate(MODE_NAMES):
            if code not in codes:
                continue
            steps, values = _of_code(codes, losses, code, start + 1)
            self._curves.setdefault(mode, Curve(self._beta)).extend(steps, values)
        self._done = end

    def _take(self, measure: Measure, series: Series, batch_size: int) -> None:
        start, end = self._reached.get(measure.name, 0), len(series)
        curve = self._measured.setdefault(measure.name, Curve(self._beta if measure.smoothed else 0.0))
        if start == end:
            return
        steps: Iterable[int] = range(start + 1, end + 1)
        values: Sequence[float] = measure.values(series, start, end, batch_size)
        if not math.isfinite(sum(values)):
            modes = series.mode[start:end]
            kept = [
                index
                for index, value in enumerate(values)
                if math.isfinite(value) or (measure.marked and modes[index] != UNKNOWN_MODE)
            ]
            steps, values = [start + 1 + index for index in kept], [values[index] for index in kept]
        curve.extend(steps, values)
        self._reached[measure.name] = end


def measured(chart: Chart, ruler: Ruler) -> Chart:
    """The chart on the x axis of ``ruler``."""
    return replace(chart, series=tuple(replace(one, ruler=ruler) for one in chart.series))


def usual_smoothing(max_steps: int) -> float:
    """Enough to see the trend, little enough not to lag behind it: about a fortieth of the run."""
    return next((beta for beta in reversed(SMOOTHINGS) if beta and 1 / (1 - beta) <= max_steps / 40), 0.5)


def _of_code(codes: array[int], values: array[float], code: int, first_step: int) -> tuple[array[int], array[float]]:
    """(steps, values) of the batches of one mode; index 0 is ``first_step``."""
    steps = range(first_step, first_step + len(codes))
    return (
        array("q", compress(steps, map(code.__eq__, codes))),
        array("d", compress(values, map(code.__eq__, codes))),
    )
