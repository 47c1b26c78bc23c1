"""The published tables of the hybrid-batch paper, with the user's runs beneath the published rows.

One block for each measure: mAP, recall (R@1 monolingual and cross-lingual, R@10 multilingual) and rank distance, which
is of the multilingual pool. Columns are monolingual (Mo), cross-lingual (Cr) and multilingual (Mul) of XQuAD-R and
MLQA-R.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from engine.export.checkpoint_choice import selected_on_itself
from engine.export.conditions import RunGroup, conditions
from engine.export.run_results import ExportError, RunResult, reason_missing
from engine.export.tables.published import FULL_SIZES, PUBLISHED, SOURCE
from engine.mono_share import mono_share_text

if TYPE_CHECKING:
    from polars import DataFrame as Frame

MEASURES: dict[str, tuple[str | None, str | None, str]] = {
    "mAP": ("map_monolingual", "map_crosslingual", "map_multilingual"),
    "R@1, R@1, R@10": ("recall_at_1_monolingual", "recall_at_1_crosslingual", "recall_at_10_multilingual"),
    "rank distance": (None, None, "rank_distance"),
}
_BENCHMARKS = tuple(FULL_SIZES)
_UNIT = "sentence"
_PUBLISHED = "published"

_Cell = float | None
_Label = tuple[str, str, str, int | None]  # model, batches, source, seeds


def paper_table(results: Sequence[RunResult]) -> Frame:
    """One row per measure and system: those published, then one per condition of ``results``, averaged over its seeds.

    ``note`` says where a published row comes from, and in what a user's row differs from the published protocol: a part
    of the benchmark, or context beside the sentence.

    Raises:
        ExportError: a run has results on neither benchmark.
    """
    import polars as pl

    for run in dict.fromkeys(result.run for result in results):
        if not any(result.run == run and result.benchmark in _BENCHMARKS for result in results):
            raise ExportError(f"{run} has no results on {' or '.join(_BENCHMARKS)}, which the published tables are of")
    on_benchmarks = [result for result in results if result.benchmark in _BENCHMARKS]
    systems = conditions(list({result.run: result for result in reversed(on_benchmarks)}.values())[::-1])
    rows: list[tuple[str | _Cell | int, ...]] = []
    for measure in MEASURES:
        rows += [(measure, *label, *cells, SOURCE) for label, cells in _published(measure)]
        rows += [_measured_row(measure, system, on_benchmarks) for system in systems]
    schema = {
        "measure": pl.String,
        "model": pl.String,
        "batches": pl.String,
        "source": pl.String,
        "seeds": pl.Int64,
        **{f"{key.replace('-', '_')}_{setting}": pl.Float64 for key in _BENCHMARKS for setting in ("mo", "cr", "mul")},
        "note": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _published(measure: str) -> Iterator[tuple[_Label, list[_Cell]]]:
    for row in PUBLISHED:
        cells: list[_Cell] = []
        for key in _BENCHMARKS:
            if measure == "rank distance":
                cells += [None, None, row.rank_distance[key]]
            else:
                cells += (row.map if measure == "mAP" else row.recall)[key]
        yield (row.model, row.batches, _PUBLISHED, None), cells


def _measured_row(measure: str, system: RunGroup, results: Sequence[RunResult]) -> tuple[str | int | _Cell, ...]:
    first = system.results[0]
    batches = first.mode if first.mono_share is None else f"hybrid {mono_share_text(first.config.batch)}"
    seeds = len(system.runs) if first.is_trained else None
    of_system = [result for result in results if result.run in system.runs]
    cells: list[_Cell] = []
    for key in _BENCHMARKS:
        of_benchmark = [result for result in of_system if result.benchmark == key]
        cells += [_mean(of_benchmark, metric) for metric in MEASURES[measure]]
    note = "; ".join(dict.fromkeys(text for result in of_system for text in _differences(result))) or None
    return measure, first.model, batches, system.name, seeds, *cells, note


def _mean(results: Sequence[RunResult], metric: str | None) -> float | None:
    values = [result.summary.metrics.get(metric) for result in results] if metric is not None else []
    complete = [value for value in values if value is not None]
    return sum(complete) / len(complete) if complete and len(complete) == len(values) else None


def _differences(result: RunResult) -> Iterator[str]:
    """In what a result is not of the published benchmark, in words."""
    summary, (queries, candidates) = result.summary, FULL_SIZES[result.benchmark]
    if (summary.queries, summary.candidates) != (queries, candidates):
        yield (
            f"{result.benchmark}: {summary.queries:,} of {queries:,} queries, "
            f"{summary.candidates:,} of {candidates:,} candidates"
        )
    if selected_on_itself(result):
        yield f"{result.benchmark}: the checkpoint was selected on it"
    if reason := reason_missing(result, "rank_distance"):
        yield f"{result.benchmark}: no rank distance, {reason}"
    if summary.protocol.unit != _UNIT:
        yield f"{result.benchmark}: a candidate is {summary.protocol.unit}"
