"""What every step tells of a run, as numbers to draw."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass

from engine.runs.reader import Series

LOSS = "loss"
_BATCH_UNKNOWN = 0


@dataclass(frozen=True)
class Measure:
    """``values(series, start, end, batch_size)`` gives one number for each step start + 1 .. end; NaN: it has none."""

    name: str
    values: Callable[[Series, int, int, int], array[float]]
    log: bool = False  # the usual axis
    marked: bool = False  # a number that is not finite is news, and marked; else the step has no point
    smoothed: bool = True  # False: it is set, not measured, so a smoothed one would be told wrong


def _column(name: str) -> Callable[[Series, int, int, int], array[float]]:
    def values(series: Series, start: int, end: int, batch_size: int) -> array[float]:
        column: array[float] = getattr(series, name)
        return column[start:end]

    return values


def _pairs_per_second(series: Series, start: int, end: int, batch_size: int) -> array[float]:
    if batch_size == _BATCH_UNKNOWN:
        return array("d", [math.nan]) * (end - start)
    return array("d", [batch_size / seconds if seconds > 0 else math.nan for seconds in series.seconds[start:end]])


def _tokens_per_second(series: Series, start: int, end: int, batch_size: int) -> array[float]:
    pairs = zip(series.tokens[start:end], series.seconds[start:end], strict=True)
    return array("d", [tokens / seconds if seconds > 0 else math.nan for tokens, seconds in pairs])


def _data_wait(series: Series, start: int, end: int, batch_size: int) -> array[float]:
    pairs = zip(series.data_wait[start:end], series.seconds[start:end], strict=True)
    return array("d", [100 * wait / seconds if seconds > 0 else math.nan for wait, seconds in pairs])


STEP_MEASURES = (
    Measure("grad norm", _column("grad_norm"), log=True, marked=True),
    Measure("lr", _column("lr"), smoothed=False),
    Measure("pairs/s", _pairs_per_second),
    Measure("temperature", _column("temperature"), smoothed=False),
    Measure("tokens/s", _tokens_per_second),
    Measure("data wait %", _data_wait),
    Measure("masked a row", _column("masked")),
)


def told(series: Series) -> list[Measure]:
    """The measures that this run's steps tell of."""
    return [measure for measure in STEP_MEASURES if measure.name != "temperature" or series.temperature]
