"""What each condition of a study reached on a benchmark or suite: means over its runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.export.conditions import RunGroup
from engine.export.study_comparisons import StudyComparison, mean_over_data_sets, mean_value
from engine.export.study_results import StudyResults
from engine.export.tables.pareto_table import BIAS, QUALITY, pareto_table

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_BESIDE = "recall_at_100"  # of single-language quality


def benchmark_means(compared: StudyComparison) -> Frame:
    """One row a condition.

    Where some query has relevant passages in several languages it is the pareto table, with the primary measure before
    its own. Elsewhere: the primary measure, its lowest and highest seed, and recall at 100.
    """
    import polars as pl

    groups = list(compared.groups.values())
    frame = pareto_table([result for group in groups for result in group.results], groups)
    described = ["condition", "mode", "mono_share", "mono_share_schedule", "seeds"]
    if frame["mono_share_schedule"].is_null().all():  # a study of schedules is rare: no empty column in every report
        frame = frame.drop("mono_share_schedule")
        described.remove("mono_share_schedule")
    values = {name: [mean_value(group, name) for group in groups] for name in (compared.primary, _BESIDE)}
    primary = pl.Series(compared.primary, values[compared.primary], dtype=pl.Float64)
    if frame[BIAS].is_not_null().any():
        position = frame.columns.index(QUALITY)
        return frame if compared.primary == QUALITY else frame.insert_column(position, primary)
    ends = [_ends(group, compared.primary) for group in groups]
    return frame.select(described).with_columns(
        primary,
        *(
            pl.Series(f"{compared.primary}_{name}", [pair[place] for pair in ends], dtype=pl.Float64)
            for place, name in enumerate(("low", "high"))
        ),
        *([] if compared.primary == _BESIDE else [pl.Series(_BESIDE, values[_BESIDE], dtype=pl.Float64)]),
    )


def suite_means(study: StudyResults, compared: StudyComparison, keys: Sequence[str]) -> Frame:
    """One row a condition: the primary measure on each data set, after the mean over them."""
    import polars as pl

    rows = []
    for name, group in compared.groups.items():
        mean, of_sets = mean_over_data_sets(study, group, keys, compared.primary)
        first = group.results[0]
        rows.append((name, first.mode, len(group.runs) if first.is_trained else None, mean, *of_sets))
    schema = {
        "condition": pl.String,
        "mode": pl.String,
        "seeds": pl.Int64,
        compared.primary: pl.Float64,
        **dict.fromkeys(keys, pl.Float64),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _ends(group: RunGroup, measure: str) -> tuple[float | None, float | None]:
    """The lowest and the highest run."""
    values = [mean_value(RunGroup(group.name, (result,)), measure) for result in group.results]
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known and len(known) == len(values) else (None, None)
