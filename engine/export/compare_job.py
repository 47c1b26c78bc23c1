"""A comparison for a screen, computed in a process of its own: no screen waits for it or loads what it needs.

``python -m engine.export.compare_job`` reads one ``Wanted`` as JSON from stdin, and writes one JSON object a line to
stdout: ``Progress`` while it computes, then ``Done`` or ``Failed``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from engine.config import ConfigError
from engine.export.compare import HEADLINE, CompareResult, compare_results
from engine.export.conditions import group_by_seed
from engine.export.run_results import find_results

_KINDNESS = 5  # of 19: a comparison gives way to whatever trains here


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """``runs`` are run folders; the first condition's runs are the first."""

    runs: tuple[str, ...]
    baseline: str
    benchmark: str


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """``what`` is computed now; ``done`` of ``total`` parts are."""

    what: str
    done: int
    total: int


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A condition in the Pareto view: means over its seeds; None where it lacks the measure."""

    condition: str
    mode: str
    mono_share: float | None
    map_monolingual: float | None
    rank_distance: float | None
    rank_distance_null: float | None
    front: bool | None


class Done(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """Everything a comparison shows."""

    comparison: CompareResult
    places: list[Place]
    margins: list[float]  # that the configs state; of several the smallest was taken
    queries: int
    candidates: int


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """Why there is none, in one line."""

    message: str


Answer = Progress | Done | Failed


def main() -> int:
    """Exit status 1: the last line says why."""
    os.nice(_KINDNESS)
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=Wanted)
    try:
        _tell(compare(wanted))
    except (ConfigError, OSError, ValueError) as error:
        _tell(Failed(message=str(error).partition("\n")[0]))
        return 1
    return 0


def compare(wanted: Wanted) -> Done:
    """Compares, telling of its progress on stdout.

    Raises:
        ConfigError: the runs cannot be compared; one line.
    """
    _tell(Progress(what="reading the results", done=0, total=len(HEADLINE) + 1))
    results = find_results([Path(run) for run in wanted.runs], wanted.benchmark)
    margins = sorted({result.config.evaluation.margin for result in results})

    def begins(metric: str) -> None:
        _tell(Progress(what=metric, done=1 + HEADLINE.index(metric), total=len(HEADLINE) + 1))

    comparison = compare_results(results, Path(wanted.baseline), margin=margins[0], begins=begins)
    from engine.export.tables.pareto_table import (
        pareto_table,  # after the first progress was told: polars takes its time
    )

    rows = pareto_table(results, group_by_seed(results)).to_dicts()
    return Done(
        comparison=comparison,
        places=msgspec.convert(rows, list[Place]),
        margins=margins,
        queries=results[0].summary.queries,
        candidates=results[0].summary.candidates,
    )


def _tell(answer: Answer) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
