"""Where the steps of a run lie on an axis that is no axis of steps: of time, or of tokens."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


class Knots:
    """Places (step, value), both ascending, between which values grow evenly. Append-only, as a curve is."""

    __slots__ = ("steps", "values")

    def __init__(self) -> None:
        self.steps = array("q")
        self.values = array("d")

    def extend(self, steps: Iterable[int], values: Iterable[float]) -> None:
        """A value below the one before counts as equal to it: a clock may be set back."""
        for step, value in zip(steps, values, strict=True):
            self.values.append(max(value, self.values[-1]) if self.values else value)
            self.steps.append(step)

    def ruler(self, origin: float = 0.0) -> Ruler | None:
        """Of what is known by now; None where that is too little to measure by."""
        return Ruler(self, len(self.steps), origin) if len(self.steps) > 1 else None


@dataclass(frozen=True)
class Ruler:
    """By the first ``count`` knots, at least two; ``origin`` is the value that reads as zero."""

    knots: Knots
    count: int
    origin: float = 0.0

    def at(self, step: float) -> float:
        """The place of a step; beyond both ends as the whole run went on average."""
        steps, values = self.knots.steps, self.knots.values
        after = bisect_left(steps, step, 0, self.count)
        if after == 0 or after == self.count:
            end = 0 if after == 0 else self.count - 1
            return values[end] + (step - steps[end]) * self._pace() - self.origin
        share = (step - steps[after - 1]) / (steps[after] - steps[after - 1])
        return values[after - 1] + share * (values[after] - values[after - 1]) - self.origin

    def step(self, place: float) -> float:
        """The step at a place; of several at one place the last."""
        steps, values = self.knots.steps, self.knots.values
        value = place + self.origin
        after = bisect_right(values, value, 0, self.count)
        if after == 0 or after == self.count:
            end, pace = (0 if after == 0 else self.count - 1), self._pace()
            return steps[end] + ((value - values[end]) / pace if pace else 0.0)
        share = (value - values[after - 1]) / (values[after] - values[after - 1])
        return steps[after - 1] + share * (steps[after] - steps[after - 1])

    def _pace(self) -> float:
        """Value a step, on average."""
        steps, values, last = self.knots.steps, self.knots.values, self.count - 1
        return (values[last] - values[0]) / (steps[last] - steps[0])
