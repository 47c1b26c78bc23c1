"""The report of a run, or of a comparison of several, as one page.

Its numbers are those of ``export`` and ``compare``; its sections are here, and what stands in each is in a file of its
own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from engine.benchmark_names import is_suite, members
from engine.export.compare import compare_results, compare_suite_results
from engine.export.figures.style import available
from engine.export.page.benchmark_part import benchmark_part
from engine.export.page.comparison_part import comparison_part
from engine.export.page.config_part import config_part, provenance_part
from engine.export.page.drawings import LEFT_OUT
from engine.export.page.html import Section, document, isolated, note
from engine.export.page.protocol_part import protocol_part
from engine.export.page.reported_run import ReportedRun, benchmarks_of, labels_of, read_runs
from engine.export.page.standing_part import standing_part
from engine.export.page.training_part import training_part
from engine.export.run_results import Checkpoint, ExportError, RunReference, RunResult


def report_page(
    runs: Sequence[RunReference],
    baseline: RunReference | None = None,
    benchmark: str | None = None,
    margin: float | None = None,
) -> str:
    """The page as HTML. Runs that are not finished, or not measured yet, are told of as far as they are.

    Args:
        runs: run folders, or runs at a step.
        baseline: of the comparison, one of the runs; None: the first.
        benchmark: a key, or a suite such as "beir/*"; None: all that the runs were measured on.
        margin: of non-inferiority; None: the one that the configs state.

    Raises:
        ExportError: none of the runs was measured on the benchmark, or the baseline is not one of them.
        RunError: a path is not a run.
    """
    distinct = list(dict.fromkeys(map(_resolved, runs)))
    reference = None if baseline is None else _resolved(baseline)
    if reference is not None and reference not in distinct:
        raise ExportError("the baseline is not one of the runs that are compared")
    reported = read_runs(distinct, benchmark)
    sections = list(_sections(reported, reference, benchmark, margin))
    introduction = [f'<p class="lead">{isolated(_lead(reported))}</p>']
    if not available():
        introduction.append(note(LEFT_OUT))
    return document(_title(reported), introduction, sections)


def _sections(
    runs: Sequence[ReportedRun], baseline: RunReference | None, benchmark: str | None, margin: float | None
) -> Iterator[Section]:
    several = len(runs) > 1
    yield Section("runs", "The runs" if several else "The run", standing_part(runs))
    keys = benchmarks_of(runs)
    if several and keys:
        yield from _comparisons(runs, keys, baseline, benchmark, margin)
    for number, key in enumerate(keys):
        measured = [run for run in runs if run.on(key) is not None]
        yield Section(f"results-{number}", f"Results on {key}", benchmark_part(key, measured, f"-{number}"))
    for id, title, body in (
        ("training", "Training", training_part(runs)),
        ("protocol", "How these numbers were made", protocol_part(runs)),
        ("config", "Configuration", config_part(runs)),
        ("provenance", "Provenance", provenance_part(runs)),
    ):
        if body:
            yield Section(id, title, body)


def _comparisons(
    runs: Sequence[ReportedRun],
    keys: Sequence[str],
    baseline: RunReference | None,
    benchmark: str | None,
    margin: float | None,
) -> Iterator[Section]:
    """A section for each benchmark, or one for a suite; where there can be no verdict, it says why."""
    labels = labels_of(runs)
    asked = [benchmark] if benchmark is not None and is_suite(benchmark) else keys
    for number, key in enumerate(asked):
        of_key = set(members(key, list(keys)))
        results = [result for run in runs for result in run.results if result.benchmark in of_key]
        if len({result.run for result in results}) < 2:
            body = note(f"Only {labels[results[0].run]} was measured on {key}, so there is nothing to compare.")
        else:
            body = _comparison(key, results, labels, baseline, margin, f"-{number}")
        yield Section(f"comparison-{number}", f"Comparison on {key}", body)


def _comparison(
    key: str,
    results: Sequence[RunResult],
    labels: Mapping[str, str],
    baseline: RunReference | None,
    margin: float | None,
    suffix: str,
) -> str:
    try:
        if is_suite(key):
            compared = compare_suite_results(results, key, baseline, margin=margin)
        else:
            compared = compare_results(results, baseline, margin=margin)
    except ExportError as error:
        return note(f"There is no comparison on {key}: {error}.")
    return comparison_part(compared, results, labels, suffix)


def _title(runs: Sequence[ReportedRun]) -> str:
    return runs[0].label if len(runs) == 1 else f"Comparison of {len(runs)} runs"


def _lead(runs: Sequence[ReportedRun]) -> str:
    if len(runs) > 1:
        return ", ".join(run.label for run in runs)
    (run,) = runs
    if not run.is_trained:
        return f"An evaluation of {run.state.system or run.spec.config.name}: {run.status.state}."
    return (
        f"A training run of {run.spec.config.model.name} with {run.spec.config.batch.mode} batches: {run.status.state}."
    )


def _resolved(run: RunReference) -> RunReference:
    return run.resolve() if isinstance(run, Path) else Checkpoint(run.path.resolve(), run.step)
