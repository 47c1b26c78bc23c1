"""The charts of a run by name: losses, what every step tells, and what the evaluations found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from engine.events import EvaluationResult, from_number
from engine.measures import RANK_DISTANCE_NULL
from engine.runs.state import EvaluationPoint, ValidationPoint
from tui.draw.curve import Curve
from tui.draw.lines import SINGLE, Series
from tui.follow.bias_figures import mean_advantage
from tui.follow.measures import LOSS
from tui.numbers import metric_value, visible

_Value = Callable[[EvaluationResult], float | None]


@dataclass(frozen=True)
class Chart:
    """Curves on one pair of axes; ``ready`` False: nobody has asked for it yet, so it is not made."""

    name: str
    series: tuple[Series, ...] = ()
    log: bool = False  # the usual axis
    smoothed: bool = False  # smoothing applies
    ready: bool = True


def _metric(name: str) -> _Value:
    return lambda result: result.metrics.get(name)


_EVALUATION_CHARTS: tuple[tuple[str, bool, tuple[tuple[str, str, _Value], ...]], ...] = (
    ("mAP", False, (
        ("mono", "mono", _metric("map_monolingual")),
        ("cross", "cross", _metric("map_crosslingual")),
        ("mixed", "pool", _metric("map_multilingual")),
    )),
    ("rank distance", True, (
        (SINGLE, "found", _metric("rank_distance")),
        ("english", "null", _metric(RANK_DISTANCE_NULL)),
    )),
    ("own-language advantage", False, ((SINGLE, "doublings", mean_advantage),)),
    ("recall", False, (
        ("mono", "@1 mono", _metric("recall_at_1_monolingual")),
        ("cross", "@1 cross", _metric("recall_at_1_crosslingual")),
        ("mixed", "@10 pool", _metric("recall_at_10_multilingual")),
    )),
    ("ndcg@10", False, ((SINGLE, "ndcg@10", _metric("ndcg_at_10")),)),
    ("recall@100", False, ((SINGLE, "recall@100", _metric("recall_at_100")),)),
)  # fmt: skip

# Values at the ends of their lines look as they do in tables.
_MEASURES = {"rank distance": "rank_distance", "own-language advantage": "own_language_advantage"}
_TEXTS = {name: partial(metric_value, _MEASURES.get(name, name)) for name, _, _ in _EVALUATION_CHARTS}


def evaluation_charts(points: Sequence[EvaluationPoint]) -> list[Chart]:
    """Of every benchmark, named by it where there are several; what no evaluation has is left out."""
    benchmarks = list(dict.fromkeys(point.benchmark for point in points))
    charts: list[Chart] = []
    for benchmark in benchmarks:
        own = [point for point in points if point.benchmark == benchmark]
        suffix = f" {visible(benchmark)}" if len(benchmarks) > 1 else ""
        for name, log, parts in _EVALUATION_CHARTS:
            series = [
                Series(key, label, curve.view(), marked=True, text=_TEXTS[name])
                for key, label, value in parts
                if len(curve := _curve((point.step, value(point.result)) for point in own))
            ]
            if series:
                charts.append(Chart(name + suffix, tuple(series), log))
    return charts


def validation_charts(points: Sequence[ValidationPoint]) -> list[Chart]:
    """The validation loss; a validation metric is among the evaluation charts already."""
    curve = _curve((point.step, from_number(point.value)) for point in points if point.measure == LOSS)
    if not len(curve) and not len(curve.lost_steps):
        return []
    return [Chart("validation loss", (Series(SINGLE, "loss", curve.view(), marked=True),))]


def in_order(charts: Iterable[Chart]) -> tuple[Chart, ...]:
    """What tells most about whether it learns comes first."""
    first = (LOSS, "validation loss", "mAP", "grad norm", "lr", "pairs/s", "temperature", "rank distance")
    rank = {name: place for place, name in enumerate(first)}
    return tuple(sorted(charts, key=lambda chart: rank.get(chart.name, len(rank))))


def _curve(points: Iterable[tuple[int, float | None]]) -> Curve:
    curve = Curve(0.0)
    known = [(step, value) for step, value in points if value is not None]
    curve.extend([step for step, _ in known], [value for _, value in known])
    return curve
