"""From values to places on an axis, linear or logarithmic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

REACH = 1e300  # what lies beyond is drawn at the edge: differences of such numbers overflow
_FLAT = 1e-12


class Scale:
    """Values to places 0..count - 1; place 0 is ``high``, as rows are counted. What lies beyond is at the edge."""

    __slots__ = ("_bottom", "_factor", "_last", "_top", "high", "log", "low")

    def __init__(self, low: float, high: float, log: bool, count: int) -> None:
        self.low, self.high, self.log = low, high, log
        self._top, self._bottom = (math.log(high), math.log(low)) if log else (high, low)
        reach = self._top - self._bottom
        self._last = count - 1
        self._factor = self._last / (reach or 1.0)

    def row(self, value: float) -> int:
        if self.log:
            if value <= 0:
                return self._last
            value = math.log(value)
        at = (self._top - value) * self._factor
        return 0 if at < 0 else self._last if at > self._last else round(at)

    def rows(self, values: Sequence[float]) -> list[int]:
        """The rows of many values, for half of what they cost one after the other."""
        if self.log and min(values, default=1.0) > 0:
            values = list(map(math.log, values))
        elif self.log:
            values = [math.log(value) if value > 0 else self._bottom for value in values]
        top, factor, last = self._top, self._factor, self._last
        at = [(top - value) * factor for value in values]
        if at and (min(at) < 0 or max(at) > last):
            at = [min(max(each, 0.0), last) for each in at]
        return list(map(round, at))

    def column(self, value: float) -> int:
        """The same, counted from ``low``."""
        return self._last - self.row(value)


def bounds(values: Iterable[float], log: bool, pad: float = 0.0) -> tuple[float, float]:
    """The ends of an axis for finite ``values``: never equal, both positive on a log axis.

    ``pad``: share of the reach that is added at either end.
    """
    shown = [value for value in values if value > 0] if log else list(values)
    if not shown:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = max(min(shown), -REACH), min(max(shown), REACH)
    if log:
        low, high = max(low, 1 / REACH), max(high, 1 / REACH)
    if high - low < _FLAT * max(abs(low), abs(high), 1e-300):
        return (low / 2, high * 2) if log else (low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2)
    if pad and log:
        factor = (high / low) ** pad
        return max(low / factor, 1 / REACH), min(high * factor, REACH)
    margin = pad * (high - low)
    return low - margin, high + margin
