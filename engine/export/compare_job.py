"""A comparison for a screen, computed in a process of its own: no screen waits for it or loads what it needs.

``python -m engine.export.compare_job`` reads one ``CompareRequest`` as JSON from stdin, and writes one JSON object a
line to stdout: ``CompareProgress`` while it computes, then ``CompareOutcome`` or ``CompareFailure``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from engine.config import ConfigError
from engine.export.background import give_way
from engine.export.compare import CompareResult, compare_results, stated_margins
from engine.export.conditions import group_by_seed
from engine.export.measured_runs import headline_measures, primary_of
from engine.export.run_results import find_results


class CompareRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``runs`` are run folders; the first condition's runs are the first."""

    runs: tuple[str, ...]
    baseline: str
    benchmark: str


class CompareProgress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """``what`` is computed now; ``done`` of ``total`` parts are."""

    what: str
    done: int
    total: int


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


class CompareFailure(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """Why there is none, in one line."""

    message: str


CompareMessage = CompareProgress | CompareOutcome | CompareFailure


def main() -> int:
    """Exit status 1: the last line says why."""
    give_way()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=CompareRequest)
    try:
        _send(compare(request))
    except (ConfigError, OSError, ValueError) as error:
        _send(CompareFailure(message=str(error).partition("\n")[0]))
        return 1
    return 0


def compare(request: CompareRequest) -> CompareOutcome:
    """Compares, telling of its progress on stdout.

    Raises:
        ConfigError: the runs cannot be compared; one line.
    """
    results = find_results([Path(run) for run in request.runs], request.benchmark)
    measures = headline_measures(primary_of(results[0]))
    _send(CompareProgress(what="reading the results", done=0, total=len(measures) + 1))
    margins = stated_margins(results)

    def begins(metric: str) -> None:
        _send(CompareProgress(what=metric, done=1 + measures.index(metric), total=len(measures) + 1))

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


def _send(message: CompareMessage) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
