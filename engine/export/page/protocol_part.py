"""How the numbers of a report were made: what is the same for all evaluations first, then what tells them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from engine.export.evaluation import correction_text, protocol_values
from engine.export.page.html import table
from engine.export.page.reported_run import ReportedRun, labels_of
from engine.export.run_results import RunResult


def protocol_part(runs: Sequence[ReportedRun]) -> str:
    """As HTML; empty where nothing was measured."""
    results = [result for run in runs for result in run.results]
    return "\n".join(_tables(results, labels_of(runs))) if results else ""


def _tables(results: Sequence[RunResult], labels: Mapping[str, str]) -> Iterator[str]:
    values = [dict(_protocol(result)) for result in results]
    names = list(dict.fromkeys(name for found in values for name in found))
    shared = [name for name in names if len({found.get(name, "none") for found in values}) == 1]
    rows = [[name, values[0].get(name, "none")] for name in shared]
    yield table("Protocol" if len(results) == 1 else "The same for all", ["", "value"], rows, words=(1,))
    differing = [name for name in names if name not in shared]
    if differing:
        several = len({result.benchmark for result in results}) > 1
        heads = [f"{labels[result.run]}, {result.benchmark}" if several else labels[result.run] for result in results]
        rows = [[name, *(found.get(name, "none") for found in values)] for name in differing]
        yield table("What differs", ["", *heads], rows, words=range(1, 99), across=4)


def _protocol(result: RunResult) -> Iterator[tuple[str, str]]:
    for name, value, origin in protocol_values(result.summary.protocol):
        shown = correction_text(value) if isinstance(value, dict) else str(value)
        yield name, ("none" if value in (None, "") else shown) + origin
