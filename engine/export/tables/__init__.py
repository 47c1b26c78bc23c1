"""Result tables of runs. One frame feeds every format: what is printed, saved and drawn are the same numbers.

A new table is one function in ``TABLES``; a new format is one function in ``engine.export.tables.formats.FORMATS``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.benchmark_names import is_suite
from engine.evaluation.results import read_ranks
from engine.export.conditions import conditions
from engine.export.run_results import ExportError, RunReference, RunResult, find_results, only_benchmark
from engine.export.tables.bias_table import bias_table
from engine.export.tables.compare_table import compare_suite_table, compare_table
from engine.export.tables.formats import write
from engine.export.tables.geometry_table import geometry_table
from engine.export.tables.paper_table import paper_table
from engine.export.tables.pareto_table import pareto_table
from engine.measures import METRICS

if TYPE_CHECKING:
    from polars import DataFrame as Frame

SAMPLED_OF = "sampled_of"

__all__ = ["TABLES", "ExportError", "build_table", "write"]


def build_table(
    kind: str, runs: Sequence[RunReference], benchmark: str | None = None, step: int | None = None
) -> Frame:
    """The table ``kind`` of the results of ``runs`` (run folders, or runs at a step).

    Args:
        benchmark: None is the runs' only one; "summary" and "paper" then take all. They and "compare" also take a
            suite, such as "beir/*".
        step: None is the newest evaluated step of each run.

    Raises:
        ConfigError: no such table, no such results, or results that cannot be read; one line.
    """
    table = TABLES.get(kind)
    if table is None:
        raise ExportError(f"unknown table {kind!r}, expected one of {', '.join(TABLES)}")
    results = find_results(runs, benchmark, step)
    if kind == "compare" and benchmark is not None and is_suite(benchmark):
        return _with_samples(compare_suite_table(results, benchmark), results)
    frame = table(results)
    return frame if kind in ("summary", "paper") else _with_samples(frame, results)  # these two tell of it themselves


def _summary(results: Sequence[RunResult]) -> Frame:
    """One row per run and benchmark: what was trained, and every metric."""
    import polars as pl

    metrics = [*METRICS, *sorted({name for result in results for name in result.summary.metrics} - set(METRICS))]
    rows = [
        (
            result.run,
            result.mode,
            result.mono_share,
            result.mono_share_schedule,
            result.seed,
            result.step,
            result.benchmark,
            result.summary.queries,
            result.summary.sampled_of,
            *(result.summary.metrics.get(name) for name in metrics),
        )
        for result in results
    ]
    schema = {
        "run": pl.String,
        "mode": pl.String,
        "mono_share": pl.Float64,  # of a schedule, the mean over all updates
        "mono_share_schedule": pl.String,
        "seed": pl.Int64,
        "step": pl.Int64,
        "benchmark": pl.String,
        "queries": pl.Int64,
        SAMPLED_OF: pl.Int64,  # the queries are a sample of so many; null: all of the benchmark
        **dict.fromkeys(metrics, pl.Float64),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _with_samples(frame: Frame, results: Sequence[RunResult]) -> Frame:
    """Where some of the results are of a sample of the queries, a last column says of how many."""
    import polars as pl

    if all(result.summary.sampled_of is None for result in results):
        return frame
    if "benchmark" in frame.columns:  # of a comparison, whose conditions have the same queries
        column, found = "benchmark", {result.benchmark: result.summary.sampled_of for result in results}
    elif "condition" in frame.columns:
        column = "condition"
        found = {group.name: group.results[0].summary.sampled_of for group in conditions(results)}
    else:
        column, found = "run", {result.run: result.summary.sampled_of for result in results}
    return frame.with_columns(
        pl.col(column).replace_strict(found, default=None, return_dtype=pl.Int64).alias(SAMPLED_OF)
    )


def _heatmap(results: Sequence[RunResult]) -> Frame:
    """One row per run and query language: mAP by candidate language, and the mean over the other languages."""
    import polars as pl

    only_benchmark(results)
    answered = sorted({name for result in results for row in result.summary.matrix.values() for name in row})
    rows = []
    for result in results:
        for asked, row in sorted(result.summary.matrix.items()):
            others = [value for name, value in row.items() if name != asked]
            mean_other = sum(others) / len(others) if others else None
            rows.append((result.run, asked, *(row.get(name) for name in answered), mean_other))
    schema = {
        "run": pl.String,
        "query_language": pl.String,
        **dict.fromkeys(answered, pl.Float64),
        "mean_other": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _ranks(results: Sequence[RunResult]) -> Frame:
    """ranks.parquet of every run, with the run's id before its columns; older results have fewer of them."""
    import polars as pl

    only_benchmark(results)
    return pl.concat(
        [read_ranks(result.folder).select(pl.lit(result.run).alias("run"), pl.all()) for result in results],
        how="diagonal",
    ).with_columns(pl.col(pl.Float32).cast(pl.Float64))


TABLES: dict[str, Callable[[Sequence[RunResult]], Frame]] = {
    "summary": _summary,
    "heatmap": _heatmap,
    "ranks": _ranks,
    "bias": bias_table,
    "geometry": geometry_table,
    "compare": compare_table,
    "pareto": pareto_table,
    "paper": paper_table,
}
