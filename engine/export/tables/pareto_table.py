"""What single-language quality costs in language bias: conditions by map_monolingual and rank_distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.export.conditions import RunGroup, conditions
from engine.export.run_results import RunResult, only_benchmark

if TYPE_CHECKING:
    from polars import DataFrame as Frame

QUALITY, BIAS = "map_monolingual", "rank_distance"
_MEANS = (QUALITY, "map_crosslingual", "map_multilingual", BIAS, "rank_distance_null")


def pareto_table(results: Sequence[RunResult], groups: Sequence[RunGroup] | None = None) -> Frame:
    """One row per condition: means over its seeds, and the lowest and highest seed of both axes.

    ``groups`` are the conditions where they are known already.

    ``front``: no other condition has a mean map_monolingual as high and a mean rank_distance as low, one of them
    better. Null where a condition lacks one of the two.
    """
    import polars as pl

    only_benchmark(results)
    groups = conditions(results) if groups is None else groups
    means = [{metric: _mean(group, metric) for metric in _MEANS} for group in groups]
    points = [(mean[QUALITY], mean[BIAS]) for mean in means]
    rows = []
    for group, mean, point in zip(groups, means, points, strict=True):
        first = group.results[0]
        rows.append(
            (
                group.name,
                first.mode,
                first.mono_share,
                first.mono_share_schedule,
                len(group.runs) if first.is_trained else None,
                *mean.values(),
                *_range(group, QUALITY),
                *_range(group, BIAS),
                _on_front(point, points),
            )
        )
    schema = {
        "condition": pl.String,
        "mode": pl.String,
        "mono_share": pl.Float64,  # of a schedule, the mean over all updates
        "mono_share_schedule": pl.String,
        "seeds": pl.Int64,
        **dict.fromkeys(_MEANS, pl.Float64),
        **{f"{metric}_{end}": pl.Float64 for metric in (QUALITY, BIAS) for end in ("low", "high")},
        "front": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def with_schedule(name: str, schedule: str | None) -> str:
    """A condition's name, and behind it the schedule of its share of monolingual batches, where it has one."""
    return f"{name} ({schedule})" if schedule else name


def with_conditions(frame: Frame, names: dict[str, str]) -> Frame:
    """A pareto table with other names of its conditions, as a study has them."""
    import polars as pl

    return frame.with_columns(pl.col("condition").replace(names))


def _values(group: RunGroup, metric: str) -> list[float]:
    """Of all runs of a condition; none where one has it not."""
    measured = [result.summary.metrics.get(metric) for result in group.results]
    values = [value for value in measured if value is not None]
    return values if len(values) == len(measured) else []


def _mean(group: RunGroup, metric: str) -> float | None:
    values = _values(group, metric)
    return sum(values) / len(values) if values else None


def _range(group: RunGroup, metric: str) -> tuple[float | None, float | None]:
    values = _values(group, metric)
    return (min(values), max(values)) if values else (None, None)


_Point = tuple[float | None, float | None]


def _on_front(point: _Point, points: Sequence[_Point]) -> bool | None:
    quality, bias = point
    if quality is None or bias is None:
        return None
    complete = [
        (other_quality, other_bias) for other_quality, other_bias in points if None not in (other_quality, other_bias)
    ]
    return not any(
        other != (quality, bias) and other[0] >= quality and other[1] <= bias  # type: ignore[operator]
        for other in complete
    )
