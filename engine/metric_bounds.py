"""What a rule of a config says of a number: ``loss > 10``, ``map_monolingual < 0.6``, ``mlqa-r rank_distance > 40``."""

from __future__ import annotations

import math
import re

import msgspec

from engine.config_error import ConfigError
from engine.measures import MEASURES

LOSS = "loss"
_FORM = re.compile(r"\s*(?:(\S+)\s+)?([a-z][a-z0-9_]*)\s*([<>])\s*(\S+)\s*")


class MetricBound(msgspec.Struct, frozen=True):
    """A value beyond which somebody wants to know.

    Attributes:
        metric: of an evaluation, or "loss": that of any training step.
        benchmark: key of the only benchmark that is meant; None: any of them.
        above: whether values above ``limit`` are beyond it; else those below.
    """

    metric: str
    benchmark: str | None
    above: bool
    limit: float

    def is_crossed_by(self, value: float) -> bool:
        """Never by a NaN."""
        return value > self.limit if self.above else value < self.limit

    def text(self) -> str:
        """As a config has it, in one spelling."""
        benchmark = "" if self.benchmark is None else f"{self.benchmark} "
        return f"{benchmark}{self.metric} {'>' if self.above else '<'} {self.limit:g}"


def parse_metric_bound(text: str) -> MetricBound:
    """``[BENCHMARK] METRIC < NUMBER``, or ``>``.

    Raises:
        ConfigError: what is wrong, without file or field.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ConfigError(f"{text!r}: expected METRIC < NUMBER, as 'loss > 10' or 'cldr map_monolingual < 0.6'")
    benchmark, metric, sign, number = match.groups()
    try:
        limit = float(number)
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise ConfigError(f"{text!r}: {number!r} is not a finite number")
    if metric != LOSS and metric not in MEASURES:
        raise ConfigError(f"{text!r}: unknown metric {metric!r}; there are {LOSS}, {', '.join(MEASURES)}")
    if metric == LOSS and benchmark is not None:
        raise ConfigError(f"{text!r}: the loss is of training steps and of no benchmark")
    return MetricBound(metric, benchmark, sign == ">", limit)
