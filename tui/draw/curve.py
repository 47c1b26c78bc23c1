"""One curve of a run, made to grow at its end and to be drawn at any width for the same price.

Points are kept as they came; above them stands a pyramid of minima and maxima (each level four times coarser), so
that the extremes of any stretch are found by looking at a few dozen numbers. Everything is append-only: a ``View``
of the first n points stays true for ever while a reader thread appends to the same curve.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import sub
from typing import NamedTuple

FANOUT = 4
_NOTHING = 1e-18  # a weight that changes no sum of numbers of one size


class Point(NamedTuple):
    """One point of a curve; ``smooth`` is NaN where ``value`` is not finite."""

    step: int
    value: float
    smooth: float


class Curve:
    """Points (step, value) by ascending step, their smoothed values, and the non-finite ones apart.

    Smoothing is the exponential mean over steps, not over points: a point loses the factor beta with each step that
    passes, so that a curve with a point at every twentieth step lags no further behind than one with a point at each.
    With g steps since the point before, s_n = beta^g s_(n-1) + (1 - beta^g) v_n, shown as s_n / (1 - beta^(all steps))
    (Adam's correction of the bias towards zero, arXiv 1412.6980).
    """

    __slots__ = (
        "_mean", "_power", "_smoothed_to", "beta", "levels", "lost_steps", "lost_values", "smooth", "steps", "values",
    )  # fmt: skip

    def __init__(self, beta: float = 0.0) -> None:
        self.beta = beta
        self.steps = array("q")
        self.values = array("d")  # finite ones
        self.smooth = array("d")
        self.levels: list[tuple[array[float], array[float]]] = []
        self.lost_steps = array("q")
        self.lost_values = array("d")  # NaN or infinity
        self._mean, self._power, self._smoothed_to = 0.0, 1.0, 0

    def __len__(self) -> int:
        return len(self.values)

    def extend(self, steps: Iterable[int], values: Iterable[float]) -> None:
        """Appends points whose steps are greater than all before."""
        at, found = array("q", steps), array("d", values)
        if len(at) != len(found):
            raise ValueError(f"{len(at)} steps for {len(found)} values")
        if not math.isfinite(sum(found)):  # one pass at the speed of C, and most often the only one
            at, found, lost_steps, lost_values = _finite(at, found)
            self.lost_steps.extend(lost_steps)
            self.lost_values.extend(lost_values)
        self._smooth(at, found)
        self.steps.extend(at)
        self.values.extend(found)
        self._build()

    def with_smoothing(self, beta: float) -> Curve:
        """A curve that takes over these points with another smoothing; this one must not be extended any more."""
        other = Curve(beta)
        other.steps, other.values, other.levels = self.steps, self.values, self.levels
        other.lost_steps, other.lost_values = self.lost_steps, self.lost_values
        other._smooth(other.steps, other.values)
        return other

    def view(self) -> View:
        return View(self, len(self.values), len(self.lost_steps))

    def _smooth(self, steps: array[int], values: array[float]) -> None:
        if not steps:
            return
        kept = self._kept(steps)
        mean, power, means = self._mean, self._power, array("d")
        for share, value in zip(kept, values, strict=True):
            mean = share * mean + (1.0 - share) * value
            if power >= _NOTHING:
                power *= share
                means.append(mean / (1.0 - power))
            else:
                means.append(mean)
        self._mean, self._power, self._smoothed_to = mean, power, steps[-1]
        self.smooth.extend(means)

    def _kept(self, steps: array[int]) -> list[float]:
        """Of each point the share of the former mean that its step leaves; the first of all counts as one step."""
        before = self._smoothed_to if self._power < 1.0 else steps[0] - 1
        gaps = list(map(sub, steps, chain((before,), steps)))
        powers = {gap: self.beta**gap for gap in set(gaps)}
        return list(map(powers.__getitem__, gaps))

    def _build(self) -> None:
        below_low = below_high = self.values
        depth = 0
        while len(below_low) >= FANOUT:
            if depth == len(self.levels):
                self.levels.append((array("d"), array("d")))
            low, high = self.levels[depth]
            start, end = len(low) * FANOUT, len(below_low) // FANOUT * FANOUT
            low.extend(map(min, *(below_low[start + part : end : FANOUT] for part in range(FANOUT))))
            high.extend(map(max, *(below_high[start + part : end : FANOUT] for part in range(FANOUT))))
            below_low, below_high = low, high
            depth += 1


@dataclass(frozen=True)
class View:
    """The first ``count`` points of a curve."""

    curve: Curve
    count: int
    lost_count: int

    def lost(self) -> list[tuple[int, float]]:
        """(step, NaN or infinity) of every point that is not finite."""
        steps, values = self.curve.lost_steps, self.curve.lost_values
        return list(zip(steps[: self.lost_count], values[: self.lost_count], strict=True))

    def any_lost(self, first: float, before: float) -> bool:
        """Whether a point of first <= step < before is not finite."""
        at = bisect_left(self.curve.lost_steps, first, 0, self.lost_count)
        return at < self.lost_count and self.curve.lost_steps[at] < before

    def count_between(self, first: float, before: float) -> int:
        """Number of points, finite or not, of first <= step < before."""
        return self.count_before(before) - self.count_before(first)

    def count_before(self, step: float) -> int:
        """Number of points, finite or not, before ``step``."""
        return self.index(step) + bisect_left(self.curve.lost_steps, step, 0, self.lost_count)

    def nearest(self, step: float) -> Point | None:
        """The point closest to ``step``, finite or not; of two equally close ones the earlier."""
        curve = self.curve
        at = self.index(step)
        found = [
            Point(curve.steps[index], curve.values[index], curve.smooth[index])
            for index in range(max(0, at - 1), min(self.count, at + 1))
        ]
        at = bisect_left(curve.lost_steps, step, 0, self.lost_count)
        found += [
            Point(curve.lost_steps[index], curve.lost_values[index], math.nan)
            for index in range(max(0, at - 1), min(self.lost_count, at + 1))
        ]
        return min(found, key=lambda point: (abs(point.step - step), point.step), default=None)

    def between(self, step: float, log: bool) -> float | None:
        """Where a straight line between the points around ``step`` is there; None outside of them, or at a point.

        ``log``: straight on a logarithmic axis, where both values allow it.
        """
        curve, after = self.curve, self.index(step)
        if not 0 < after < self.count or curve.steps[after] == step:
            return None
        low, high = curve.values[after - 1], curve.values[after]
        share = (step - curve.steps[after - 1]) / (curve.steps[after] - curve.steps[after - 1])
        if log and low > 0 and high > 0:
            return math.exp((1 - share) * math.log(low) + share * math.log(high))
        return (1 - share) * low + share * high

    def smooth_before(self, step: float) -> float | None:
        """The smoothed value of the last point before ``step``."""
        index = self.index(step)
        return self.curve.smooth[index - 1] if index else None

    def index(self, step: float) -> int:
        """Number of points before ``step``."""
        return bisect_left(self.curve.steps, step, 0, self.count)

    def extremes(self, start: int, end: int, depth: int) -> tuple[list[float], list[float]]:
        """Smallest and greatest raw values of the points start <= i < end, one each for FANOUT ** depth of them.

        ``start`` must be a multiple of that number. Where ``end`` is not, the last entry stands for fewer points.
        """
        values, size = self.curve.values, FANOUT**depth
        if depth == 0:
            return list(values[start:end]), list(values[start:end])
        low, high = self.curve.levels[depth - 1]
        whole = end // size
        lows, highs = list(low[start // size : whole]), list(high[start // size : whole])
        if rest := values[whole * size : end]:
            lows.append(min(rest))
            highs.append(max(rest))
        return lows, highs


def _finite(steps: array[int], values: array[float]) -> tuple[array[int], array[float], array[int], array[float]]:
    """(steps, values) of the finite points, then of the others."""
    kept: tuple[array[int], array[float]] = array("q"), array("d")
    lost: tuple[array[int], array[float]] = array("q"), array("d")
    for step, value in zip(steps, values, strict=True):
        chosen = kept if math.isfinite(value) else lost
        chosen[0].append(step)
        chosen[1].append(value)
    return *kept, *lost


class Envelope(NamedTuple):
    """What the columns of dots that hold a point show, from left to right: parallel lists, made and drawn in bulk."""

    columns: list[int]
    low: list[float]
    high: list[float]
    smooth: list[float]  # the smoothed value at the column's end


def envelope(
    view: View, first: float, last: float, columns: int, edges: Sequence[float] | None = None
) -> Envelope:  # fmt: skip
    """Columns are buckets of equal step ranges over first..last, both included.

    On an axis that is not one of steps they are not equal: ``edges`` are the steps between them, ascending.

    Every point of the range is in exactly one bucket, so no extreme is lost. Long curves are cut at whole buckets of
    the pyramid, at least four to a column: a point may stand up to a quarter of a column beside its place, and the
    price of a redraw does not depend on the length of the run.
    """
    smooth, steps = view.curve.smooth, view.curve.steps
    start, stop = view.index(first), view.index(math.nextafter(last, math.inf))
    depth = 0
    while FANOUT ** (depth + 2) * columns <= stop - start:
        depth += 1
    size = FANOUT**depth
    start -= start % size  # a point or two left of the window count for the first column
    lows, highs = view.extremes(start, stop, depth)
    last_steps = steps[start + size - 1 : stop : size].tolist()  # of every whole bucket of the pyramid
    width = (last - first) / columns
    between = [first + width * column for column in range(1, columns)] if edges is None else edges
    ends = [bisect_left(last_steps, math.ceil(edge)) for edge in between]
    found = enumerate(pairwise([0, *ends, len(lows)]))
    filled = [(column, begin, end) for column, (begin, end) in found if end > begin]
    last_values = smooth[start + size - 1 : stop : size].tolist() + smooth[stop - 1 : stop].tolist()
    return Envelope(
        [column for column, _, _ in filled],
        [min(lows[begin:end]) for _, begin, end in filled],
        [max(highs[begin:end]) for _, begin, end in filled],
        [last_values[end - 1] for _, _, end in filled],
    )
