"""Runs against a baseline on the same queries: per setting and per language pair, with verdicts.

Several benchmarks are compared as a suite: the mean over them, and each beside it. One ``CompareResult`` feeds the
command, the table and whatever draws it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.benchmark_names import is_suite
from engine.export.checkpoint_choice import check_not_selected_here, selection_rule
from engine.export.compare_rows import CompareRow, data_set_rows, judged_rows
from engine.export.conditions import RunGroup, find_group, group_by_seed
from engine.export.measured_runs import MeasuredRuns, MeasuredSuite, check_comparable, headline_measures
from engine.export.run_results import Checkpoint, ExportError, RunReference, RunResult, find_results
from engine.measures import MEASURES

if TYPE_CHECKING:
    from engine.evaluation.statistics import Difference

ALL = "all"


class CompareResult(msgspec.Struct, frozen=True, kw_only=True):
    """What ``compare --json`` prints."""

    metric: str  # "all": those of a comparison without --metric
    benchmark: str  # a key, or a suite
    margin: float
    baseline: str
    rows: list[CompareRow]
    conditions: dict[str, list[str]]  # name -> runs
    selection: dict[str, str]  # run -> how its checkpoint was chosen
    not_applicable: dict[str, str] = {}  # metric -> why it is left out
    sampled_of: int | None = None  # the queries are a sample of so many; None: all of the benchmark
    data_sets: list[str] = []  # of a suite: the benchmarks that the mean is over
    primary: str = ""  # the measure of single-language quality


def compare_runs(
    runs: Sequence[RunReference],
    baseline: RunReference | None = None,
    benchmark: str | None = None,
    metric: str | None = None,
    margin: float | None = None,
) -> CompareResult:
    """Compares evaluations of ``runs`` (run folders); those that differ only in their seed count as one.

    Of a run as a whole it is the newest evaluation, or that of the step which validation chose.

    Args:
        baseline: one of the runs; None is the first.
        benchmark: a key, or a suite such as "beir/*"; None is the runs' only one.
        metric: one of ``measures.MEASURES``; None is the headline metrics that the benchmark has.
        margin: of non-inferiority; None is the one that the configs state.

    Raises:
        ConfigError: fewer than two conditions, results that are not of the same queries, or that cannot be read; a
            checkpoint that was selected on the benchmark of the comparison.
    """
    distinct = list(dict.fromkeys(map(_resolved, runs)))
    results = find_results(distinct, benchmark)
    reference = None if baseline is None else _resolved(baseline)
    if benchmark is not None and is_suite(benchmark):
        return compare_suite_results(results, benchmark, reference, metric, margin)
    return compare_results(results, reference, metric, margin)


def compare_results(
    results: Sequence[RunResult],
    baseline: RunReference | None = None,
    metric: str | None = None,
    margin: float | None = None,
    begins: Callable[[str], object] = lambda metric: None,
) -> CompareResult:
    """The same for results on one benchmark that were found already; ``begins`` is told of every metric before it is
    computed."""
    measured = MeasuredRuns(results)
    groups, reference = _conditions(results, baseline)
    margin = _stated_margin(results) if margin is None else margin
    return compare_groups(measured, groups, reference, margin, metric, begins=begins)


def compare_groups(
    measured: MeasuredRuns,
    groups: Sequence[RunGroup],
    reference: RunGroup,
    margin: float,
    metric: str | None = None,
    primary: str | None = None,
    begins: Callable[[str], object] = lambda metric: None,
) -> CompareResult:
    """The same for conditions that are known; ``reference`` is one of them.

    Args:
        primary: the measure of single-language quality; None is the benchmark's usual one.

    Raises:
        ExportError: an unknown or inapplicable metric; a checkpoint that was selected on the benchmark.
    """
    primary = primary or measured.primary
    rows: list[CompareRow] = []
    not_applicable: dict[str, str] = {}
    for result in measured.results.values():
        check_not_selected_here(result)
    for name in _metrics(metric, primary):
        begins(name)
        comparable = _comparable(measured, name, groups, reference, not_applicable, is_asked_for=metric is not None)
        differences = [
            (group.name, *cell) for group in comparable for cell in _differences(measured, name, group, reference)
        ]
        rows += judged_rows(name, measured.key, differences, margin)
    return CompareResult(
        metric=metric or ALL,
        benchmark=measured.key,
        margin=margin,
        baseline=reference.name,
        rows=rows,
        conditions={group.name: list(group.runs) for group in groups},
        selection={run: selection_rule(result) for run, result in measured.results.items()},
        not_applicable=not_applicable,
        sampled_of=next(iter(measured.results.values())).summary.sampled_of,
        primary=primary,
    )


def compare_suite_results(
    results: Sequence[RunResult],
    suite: str,
    baseline: RunReference | None = None,
    metric: str | None = None,
    margin: float | None = None,
) -> CompareResult:
    """The same for results on the data sets of a suite: the mean over them, then each.

    Raises:
        ExportError: a run lacks a data set that another has, or the data sets have no measure in common.
    """
    by_key = results_by_benchmark(results)
    runs = dict.fromkeys(result.run for result in results)
    for key, found in by_key.items():
        if missing := runs.keys() - {result.run for result in found}:
            raise ExportError(f"{min(missing)} has no results on {key}, which other runs have: a mean needs them all")
    first, *_ = by_key.values()
    groups, reference = _conditions(first, baseline)
    margin = _stated_margin(results) if margin is None else margin
    data_sets = MeasuredSuite(suite, [MeasuredRuns(found) for found in by_key.values()])
    return compare_suite_groups(data_sets, groups, reference, margin, metric)


def compare_suite_groups(
    suite: MeasuredSuite,
    groups: Sequence[RunGroup],
    reference: RunGroup,
    margin: float,
    metric: str | None = None,
    primary: str | None = None,
) -> CompareResult:
    """The same for conditions that are known.

    Raises:
        ExportError: an unknown or inapplicable metric, no common primary measure, or a checkpoint that was selected on
            one of the data sets.
    """
    primary = primary or metric or suite.primary
    for measured in suite.data_sets:
        for result in measured.results.values():
            check_not_selected_here(result)
    rows: list[CompareRow] = []
    not_applicable: dict[str, str] = {}
    for name in _metrics(metric, primary):
        comparable = _comparable(suite, name, groups, reference, not_applicable, is_asked_for=metric is not None)
        compared = [(group.name, suite.compared(name, group, reference)) for group in comparable]
        rows += judged_rows(name, suite.key, [(run, None, None, found.mean) for run, found in compared], margin)
        rows += data_set_rows(
            name,
            [
                (run, measured.key, each.macro)
                for run, found in compared
                for measured, each in zip(suite.data_sets, found.data_sets, strict=True)
            ],
            margin,
        )
    selection: dict[str, dict[str, None]] = {}
    sizes = []
    for measured in suite.data_sets:
        for run, result in measured.results.items():
            selection.setdefault(run, {})[selection_rule(result)] = None
        summary = next(iter(measured.results.values())).summary
        sizes.append((summary.queries, summary.sampled_of))
    return CompareResult(
        metric=metric or ALL,
        benchmark=suite.key,
        margin=margin,
        baseline=reference.name,
        rows=rows,
        conditions={group.name: list(group.runs) for group in groups},
        selection={run: "; ".join(rules) for run, rules in selection.items()},
        not_applicable=not_applicable,
        sampled_of=sum(of or queries for queries, of in sizes) if any(of for _, of in sizes) else None,
        data_sets=[measured.key for measured in suite.data_sets],
        primary=primary,
    )


def results_by_benchmark(results: Sequence[RunResult]) -> dict[str, list[RunResult]]:
    """Keys ascending; within each the results in their order."""
    ordered = sorted(results, key=lambda result: result.benchmark)
    return {key: list(found) for key, found in groupby(ordered, key=lambda result: result.benchmark)}


def _conditions(results: Sequence[RunResult], baseline: RunReference | None) -> tuple[list[RunGroup], RunGroup]:
    """The conditions among the results on one benchmark, and the baseline."""
    if len(results) < 2:
        raise ExportError("a comparison needs at least two runs")
    groups = group_by_seed(results)
    return groups, find_group(groups, baseline)


def _metrics(metric: str | None, primary: str) -> tuple[str, ...]:
    if metric is None:
        return headline_measures(primary)
    if metric not in MEASURES:
        raise ExportError(f"unknown metric {metric!r}, expected one of {', '.join(MEASURES)}")
    return (metric,)


def _comparable(
    measured: MeasuredRuns | MeasuredSuite,
    name: str,
    groups: Sequence[RunGroup],
    reference: RunGroup,
    not_applicable: dict[str, str],
    *,
    is_asked_for: bool,
) -> list[RunGroup]:
    """Those of the conditions that can be compared with ``reference`` in a measure; the reasons why others cannot are
    added to ``not_applicable``.

    Raises:
        ExportError: one cannot, and the measure was asked for.
    """
    found = []
    for group in groups:
        if group is reference:
            continue
        if is_asked_for:
            check_comparable(measured, name, group, reference)
        if reason := measured.reason_missing(name, group, reference):
            known = not_applicable.get(name)
            not_applicable[name] = reason if known in (None, reason) else f"{known}; {reason}"
        elif measured.has_values(name, group, reference):
            found.append(group)
    return found


def _differences(
    measured: MeasuredRuns, metric: str, group: RunGroup, reference: RunGroup
) -> Iterator[tuple[str | None, str | None, Difference]]:
    """(query language, passage language, difference): the mean over the cells first, as (None, None, ...)."""
    cells, compared = measured.compared(metric, group, reference)
    yield None, None, compared.macro
    for index, (asked, answered) in enumerate(cells):
        yield asked, answered, compared.strata[index]


def stated_margins(results: Sequence[RunResult]) -> list[float]:
    """Margins that the configs state, in ascending order: those of training, where any of the runs trained."""
    trained = [result for result in results if result.is_trained]
    return sorted({result.config.evaluation.margin for result in trained or results})


def _resolved(run: RunReference) -> RunReference:
    return run.resolve() if isinstance(run, Path) else Checkpoint(run.path.resolve(), run.step)


def _stated_margin(results: Sequence[RunResult]) -> float:
    margins = stated_margins(results)
    if len(margins) > 1:
        stated = ", ".join(f"{margin:g}" for margin in margins)
        raise ExportError(f"the runs state different margins ({stated}): choose one with --margin")
    return margins[0]
