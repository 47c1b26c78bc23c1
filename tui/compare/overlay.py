"""The curves of several runs over one another: losses, and metrics over the evaluations; read in a worker thread."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

from engine.runs.folder import RunFolder
from engine.runs.reader import MODE_CODES, RunReader, Series
from engine.runs.state import EvaluationPoint
from tui.draw.curve import Curve, View

ALL = "all batches"
LOSSES = {ALL: None, "mono batches": MODE_CODES["mono"], "cross batches": MODE_CODES["cross"]}
METRICS = ("map_monolingual", "map_crosslingual", "map_multilingual", "ndcg_at_10", "rank_distance")


@dataclass(frozen=True)
class Overlay:
    """``curves[what][condition]``; of several seeds the mean over those that reached a step."""

    benchmark: str  # of the metrics
    curves: dict[str, dict[str, View]]
    last: int  # the last step of any
    seconds: float  # that reading took

    def kinds(self) -> list[str]:
        """What at least one condition has."""
        return [what for what, found in self.curves.items() if found]

    def usual(self) -> str:
        """What is shown first: quality, where it was evaluated more than once, else the loss of one kind of batch.

        The loss of all batches of a hybrid run falls and rises with its share of monolingual ones.
        """
        kinds = self.kinds()
        evaluated = [what for what in METRICS if any(view.count > 1 for view in self.curves[what].values())]
        losses = [what for what in LOSSES if what in kinds and what != ALL]
        return next(iter((*evaluated, *losses, *kinds)), "")


class OverlayReader:
    """Owns the readers of the runs: what was read once is not read again. Used by one thread at a time."""

    def __init__(self, conditions: dict[str, Sequence[RunFolder]], benchmark: str) -> None:
        self._readers = {
            name: [RunReader(folder, series=True) for folder in folders] for name, folders in conditions.items()
        }
        self.benchmark = benchmark

    def read(self, beta: float) -> Overlay:
        """Takes up what is new; ``beta`` smooths the losses."""
        curves: dict[str, dict[str, View]] = {what: {} for what in (*LOSSES, *METRICS)}
        last, began = 0, time.monotonic()
        for name, readers in self._readers.items():
            for reader in readers:
                reader.poll()
            columns = [reader.series for reader in readers if reader.series is not None]
            last = max([last, *(len(series) for series in columns)])
            for what, code in LOSSES.items():
                steps, values = _mean([_losses(series, code) for series in columns])
                _add(curves[what], name, steps, values, beta)
            points = [
                [point for point in reader.state.evaluations if point.benchmark == self.benchmark] for reader in readers
            ]
            for metric in METRICS:
                steps, values = _mean([_metric(found, metric) for found in points])
                _add(curves[metric], name, steps, values, 0.0)
        return Overlay(self.benchmark, curves, last, time.monotonic() - began)


Points = tuple[Sequence[int], Sequence[float]]  # ascending steps, values; non-finite ones among them


def _losses(series: Series, code: int | None) -> Points:
    """Without a loop of Python's own: a run may have a million steps."""
    if code is None:
        return range(1, len(series) + 1), series.loss[:]
    wanted = bytes(mode == code for mode in range(256))
    chosen = series.mode.tobytes().translate(wanted)
    return array("q", compress(range(1, len(series) + 1), chosen)), array("d", compress(series.loss, chosen))


def _metric(points: Sequence[EvaluationPoint], metric: str) -> Points:
    found = {point.step: value for point in points if (value := point.result.metrics.get(metric)) is not None}
    return list(found), list(found.values())


def _mean(runs: Sequence[Points]) -> Points:
    """Step by step over the runs that have the step, and a finite value there."""
    if len(runs) == 1:
        return runs[0]
    sums: dict[int, tuple[float, int]] = {}
    for steps, values in runs:
        for step, value in zip(steps, values, strict=True):
            if not math.isfinite(value):
                continue
            total, count = sums.get(step, (0.0, 0))
            sums[step] = total + value, count + 1
    steps = sorted(sums)
    return steps, [sums[step][0] / sums[step][1] for step in steps]


def _add(curves: dict[str, View], name: str, steps: Sequence[int], values: Sequence[float], beta: float) -> None:
    """Smoothed already: one clean line a condition, without a band of raw values that would hide the others."""
    if not steps:
        return
    raw = Curve(beta)
    raw.extend(steps, values)
    smooth = Curve()
    smooth.extend(raw.steps, raw.smooth)
    smooth.lost_steps, smooth.lost_values = raw.lost_steps, raw.lost_values
    curves[name] = smooth.view()
