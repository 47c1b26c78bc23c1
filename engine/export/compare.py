"""Runs against a baseline on the same queries: per setting and per language pair, with verdicts.

One ``CompareResult`` feeds the command, the table and whatever draws it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.evaluation.results import query_values, read_ranks, read_summary
from engine.export.conditions import RunGroup, find_group, group_by_seed
from engine.export.run_results import (
    Checkpoint,
    ExportError,
    RunReference,
    RunResult,
    benchmark_folders,
    find_results,
    only_benchmark,
    reason_missing,
)
from engine.measures import HEADLINE, MEASURES

if TYPE_CHECKING:
    from polars import DataFrame as Frame

    from engine.evaluation.statistics import Difference

ALL = "all"


class CompareRow(msgspec.Struct, frozen=True, kw_only=True):
    """One condition against the baseline in one setting, or in one of its cells. Null: too little data to say."""

    run: str
    setting: str  # a metric, or for a cell the metric and its languages: "map_crosslingual en->de"
    value: float
    baseline_value: float
    difference: float
    interval: tuple[float, float] | None  # 95 %
    p_holm: float | None  # adjusted over the cells of one metric and setting, and over the runs compared
    different: bool
    not_inferior: bool | None  # null also for measures of bias, which have no margin
    verdict: str
    metric: str
    query_language: str | None  # null: the mean over languages
    passage_language: str | None  # null: the pool of all languages, or the mean
    lower_bound: float | None  # of the one-sided 95 % interval
    p: float | None
    seed_interval: tuple[float, float] | None  # 95 %, over seeds on these queries
    basis: str  # "for these seeds", "over seeds" from five seeds on a side, or "for these models": none was trained
    clusters: int


class CompareResult(msgspec.Struct, frozen=True, kw_only=True):
    """What ``compare --json`` prints."""

    metric: str  # "all": those of a comparison without --metric
    benchmark: str
    margin: float
    baseline: str
    rows: list[CompareRow]
    conditions: dict[str, list[str]]  # name -> runs
    selection: dict[str, str]  # run -> how its checkpoint was chosen
    not_applicable: dict[str, str] = {}  # metric -> why it is left out
    sampled_of: int | None = None  # the queries are a sample of so many; None: all of the benchmark


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
        benchmark: None is the runs' only one.
        metric: one of ``measures.MEASURES``; None is the headline metrics that the benchmark has.
        margin: of non-inferiority; None is the one that the configs state.

    Raises:
        ConfigError: fewer than two conditions, results that are not of the same queries, or that cannot be read; a
            checkpoint that was selected on the benchmark of the comparison.
    """
    distinct = list(dict.fromkeys(map(_resolved, runs)))
    results = find_results(distinct, benchmark)
    return compare_results(results, None if baseline is None else _resolved(baseline), metric, margin)


def compare_results(
    results: Sequence[RunResult],
    baseline: RunReference | None = None,
    metric: str | None = None,
    margin: float | None = None,
    begins: Callable[[str], object] = lambda metric: None,
) -> CompareResult:
    """The same for results that were found already; ``begins`` is told of every metric before it is computed."""
    key = only_benchmark(results)
    if metric is not None and metric not in MEASURES:
        raise ExportError(f"unknown metric {metric!r}, expected one of {', '.join(MEASURES)}")
    if len(results) < 2:
        raise ExportError("a comparison needs at least two runs")
    _check_same_queries(results)
    for result in results:
        _check_not_selected_here(result)
    groups = group_by_seed(results)
    reference = find_group(groups, baseline)
    margin = _stated_margin(results) if margin is None else margin
    rows: list[CompareRow] = []
    not_applicable: dict[str, str] = {}
    ranks = {result.run: read_ranks(result.folder) for result in results}
    for name in HEADLINE if metric is None else (metric,):
        begins(name)
        reasons = {result.run: reason for result in results if (reason := reason_missing(result, name))}
        if reasons:
            not_applicable[name] = "; ".join(f"{run}: {reason}" for run, reason in reasons.items())
            if metric is not None:
                raise ExportError(f"{name} cannot be compared: {not_applicable[name]}")
            continue
        values = {result.run: query_values(ranks[result.run], name) for result in results}
        if any(not len(frame) for frame in values.values()):
            if metric is not None:
                raise ExportError(f"{key} has no {metric}: no query has the relevant passages it is about")
            continue
        differences = [
            (group.name, *cell)
            for group in groups
            if group is not reference
            for cell in _differences(group, reference, values)
        ]
        rows += _judged(name, differences, margin)
    return CompareResult(
        metric=metric or ALL,
        benchmark=key,
        margin=margin,
        baseline=reference.name,
        rows=rows,
        conditions={group.name: list(group.runs) for group in groups},
        selection={result.run: selection_rule(result) for result in results},
        not_applicable=not_applicable,
        sampled_of=results[0].summary.sampled_of,
    )


def compare_table(results: Sequence[RunResult]) -> Frame:
    """The rows of a comparison with the first run, intervals as two columns each."""
    import polars as pl

    text = ("run", "setting", "verdict", "metric", "query_language", "passage_language", "basis")
    rows = []
    for row in compare_results(results).rows:
        record = msgspec.structs.asdict(row)
        for name in ("interval", "seed_interval"):
            record[f"{name}_low"], record[f"{name}_high"] = record.pop(name) or (None, None)
        rows.append(record)
    order = [name for name in CompareRow.__struct_fields__ if "interval" not in name]
    index = order.index("difference") + 1
    order[index:index] = ["interval_low", "interval_high"]
    order += ["seed_interval_low", "seed_interval_high"]
    kinds = {
        "different": pl.Boolean,
        "not_inferior": pl.Boolean,
        "clusters": pl.Int64,
        **dict.fromkeys(text, pl.String),
    }
    return pl.DataFrame(rows, schema={name: kinds.get(name, pl.Float64) for name in order})


def selection_rule(result: RunResult) -> str:
    """How the checkpoint that is compared came to be chosen, as far as the run's folder tells."""
    if not result.is_trained:
        return f"none: {result.model} is measured as it is"
    if result.checkpoint is not None:
        return f"step {result.step:,}, named for this comparison"
    if result.choice is not None:
        rule = result.choice.rule()
        return rule if result.step == result.choice.step else f"newest evaluated step ({result.step:,}), not the {rule}"
    last = result.config.optimizer.max_steps
    if result.step == last:
        return f"last step ({last:,}), fixed before training"
    return f"newest evaluated step ({result.step:,} of {last:,}), not the last one that was fixed before training"


def _differences(
    group: RunGroup, reference: RunGroup, values: dict[str, Frame]
) -> Iterator[tuple[str | None, str | None, Difference]]:
    """(query language, passage language, difference): the mean over the cells first, as (None, None, ...)."""
    import numpy as np
    import polars as pl

    from engine.evaluation.statistics import Condition, compare_conditions

    keys = values[group.runs[0]].drop("value")
    for run in (*group.runs, *reference.runs):
        if not values[run].drop("value").equals(keys):
            raise ExportError(f"{run} and {group.runs[0]} were not measured on the same queries")
    cells = keys.select("query_language", "passage_language").unique().sort(pl.all())
    numbered = cells.with_row_index("stratum")
    stratum = keys.join(
        numbered, on=["query_language", "passage_language"], how="left", nulls_equal=True, maintain_order="left"
    )["stratum"]

    def condition(of: RunGroup) -> Condition:
        return Condition(np.stack([values[run]["value"].to_numpy() for run in of.runs]), of.seeds)

    compared = compare_conditions(
        condition(group),
        condition(reference),
        stratum.to_numpy().astype(np.int64),
        keys["cluster"].to_list(),
        len(cells),
    )
    yield None, None, compared.macro
    for index, (asked, answered) in enumerate(cells.rows()):
        yield asked, answered, compared.strata[index]


def _judged(
    metric: str, differences: Sequence[tuple[str, str | None, str | None, Difference]], margin: float
) -> Iterator[CompareRow]:
    """Rows with Holm's adjustment within the means, and within the cells."""
    from engine.evaluation.statistics import holm, is_different, is_not_inferior, verdict

    direction = MEASURES[metric].wanted
    adjusted: dict[int, float | None] = {}
    for is_mean in (True, False):
        family = [index for index, (_, asked, _, _) in enumerate(differences) if (asked is None) == is_mean]
        adjusted.update(zip(family, holm([differences[index][3].p for index in family]), strict=True))
    for index, (run, asked, answered, difference) in enumerate(differences):
        different = is_different(adjusted[index])
        not_inferior = is_not_inferior(difference, margin) if direction == "higher" else None
        cell = "" if asked is None else f" {asked}" if answered is None else f" {asked}->{answered}"
        yield CompareRow(
            run=run,
            setting=metric + cell,
            value=difference.value,
            baseline_value=difference.baseline_value,
            difference=difference.difference,
            interval=difference.interval,
            p_holm=adjusted[index],
            different=different,
            not_inferior=not_inferior,
            verdict=verdict(
                difference, different=different, not_inferior=not_inferior, margin=margin, wanted=direction
            ),
            metric=metric,
            query_language=asked,
            passage_language=answered,
            lower_bound=difference.lower_bound,
            p=difference.p,
            seed_interval=difference.seed_interval,
            basis=difference.basis,
            clusters=difference.clusters,
        )


def _check_same_queries(results: Sequence[RunResult]) -> None:
    first = results[0]
    for other in results[1:]:
        if other.summary.protocol.data_digest != first.summary.protocol.data_digest:
            raise ExportError(
                f"{first.run} and {other.run} were measured on different data of {first.benchmark}: "
                "other questions, candidates, languages or units"
            )


def selected_on_itself(result: RunResult) -> bool:
    """Whether the checkpoint was chosen for its score on these very queries, on which it then scores too well."""
    validation = result.config.evaluation.validation
    if result.choice is None or validation in (None, "loss"):
        return False
    if result.checkpoint not in (None, result.choice.step):
        return False
    if validation == result.benchmark:
        return True
    step = next(parent for parent in result.folder.parents if parent.name == f"step-{result.step:06d}")
    folder = benchmark_folders(step).get(str(validation))
    return folder is not None and read_summary(folder).protocol.data_digest == result.summary.protocol.data_digest


def _check_not_selected_here(result: RunResult) -> None:
    if result.choice is not None and selected_on_itself(result):
        raise ExportError(
            f"{result.run}: its checkpoint was selected on {result.benchmark} itself ({result.choice.rule()}); there "
            "is no verdict on it: select by 'loss' or another benchmark, or take the last step (evaluation.select)"
        )


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
