"""A comparison for a screen, computed in a process of its own: see engine.export.background."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from engine.export.background import JobProgress, run_job, send
from engine.export.compare import CompareResult, compare_results, stated_margins
from engine.export.conditions import group_by_seed
from engine.export.measured_runs import headline_measures, primary_of
from engine.export.run_results import find_results


class CompareRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``runs`` are run folders; the first condition's runs are the first."""

    runs: tuple[str, ...]
    baseline: str
    benchmark: str


class ParetoPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A condition in the Pareto view: means over its seeds; None where it lacks the measure."""

    condition: str
    mode: str | None  # None: it is no training
    mono_share: float | None  # of a schedule, the mean over all updates
    mono_share_schedule: str | None
    map_monolingual: float | None
    rank_distance: float | None
    rank_distance_null: float | None
    front: bool | None


class CompareOutcome(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """Everything a comparison shows."""

    comparison: CompareResult
    points: list[ParetoPoint]
    margins: list[float]  # that the configs state; of several the smallest was taken
    queries: int
    candidates: int


def main() -> int:
    """Exit status 1: the last line says why."""
    return run_job(CompareRequest, compare)


def compare(request: CompareRequest) -> CompareOutcome:
    """Compares, telling of its progress on stdout.

    Raises:
        ConfigError: the runs cannot be compared; one line.
    """
    results = find_results([Path(run) for run in request.runs], request.benchmark)
    measures = headline_measures(primary_of(results[0]))
    send(JobProgress(what="reading the results", done=0, total=len(measures) + 1))
    margins = stated_margins(results)

    def begins(metric: str) -> None:
        send(JobProgress(what=metric, done=1 + measures.index(metric), total=len(measures) + 1))

    comparison = compare_results(results, Path(request.baseline), margin=margins[0], begins=begins)
    from engine.export.tables.pareto_table import (
        pareto_table,  # after the first progress was told: polars takes its time
    )

    rows = pareto_table(results, group_by_seed(results)).to_dicts()
    return CompareOutcome(
        comparison=comparison,
        points=msgspec.convert(rows, list[ParetoPoint]),
        margins=margins,
        queries=results[0].summary.queries,
        candidates=results[0].summary.candidates,
    )


if __name__ == "__main__":
    sys.exit(main())
