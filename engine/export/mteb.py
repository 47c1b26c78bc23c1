"""One evaluation as an MTEB TaskResult: the JSON that mteb's own class loads and aggregates.

A benchmark ``mteb/TASK`` is that task: its name, its split, its subsets, and the measures whose formulas are mteb's.

The other benchmarks are not MTEB's tasks of similar names, which are paragraph retrieval in pools of one language; so
the task carries this program's key. A split is a setting. Its subsets are the query languages, or for the cross-lingual
setting the pairs "query-passage"; so the mean that ``get_score(splits=["monolingual"])`` takes is the macro mean that
this program reports. The main score is nDCG@10 or nDCG@20 where that is the benchmark's primary measure
(``engine.measures``), else mAP of the full ranking.

No mteb version is given, since mteb did not measure it.

Scores of a sample of the queries (``--max-queries``) are not those of the task, and the task's name says so: no place
where mteb shows a score goes without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from engine.applicability import answered_in_several
from engine.config import ConfigError
from engine.data.task_source import TaskSource
from engine.evaluation.results import query_values, read_ranks
from engine.export.run_results import RunResult
from engine.language_codes import langscript
from engine.measures import MEASURES, Cells, Formula, Measure, primary_measure

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_SPLITS: dict[str, Cells] = {
    "monolingual": "own language",
    "crosslingual": "other languages",
    "multilingual": "pool",
}
_SCORES = {
    "map": "map_monolingual",
    "ndcg_at_10": "ndcg_at_10",
    "ndcg_at_20": "ndcg_at_20",
    "recall_at_1": "recall_at_1_monolingual",
    "recall_at_10": "recall_at_10_multilingual",
    "recall_at_100": "recall_at_100",
}  # name in the file -> a metric with that value of a query, in whatever setting

_FORMULAS: dict[str, Formula] = {"ndcg": "nDCG", "recall": "recall"}
_CUTOFFS = (1, 3, 5, 10, 20, 100, 1000)  # mteb's


class TaskResult(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of mteb.TaskResult."""

    dataset_revision: str
    task_name: str
    mteb_version: str | None
    scores: dict[str, list[dict[str, Any]]]
    evaluation_time: float | None
    kg_co2_emissions: float | None = None


def task_result(result: RunResult) -> TaskResult:
    """The scores of one evaluation, by setting and language or pair of languages; settings it has not are left out.

    Raises:
        ResultError: the result folder cannot be read.
        ConfigError: a task of mteb whose main score is not measured here.
    """
    ranks, summary = read_ranks(result.folder), result.summary
    task, digest = summary.protocol.task, summary.protocol.data_digest
    sample = "" if summary.sampled_of is None else f" ({summary.queries:,} of {summary.sampled_of:,} queries)"
    if task is not None:
        return TaskResult(
            dataset_revision=task.revision or digest,
            task_name=task.name + sample,
            mteb_version=None,
            scores={task.split: _task_subsets(ranks, task)},
            evaluation_time=None,
        )
    primary = primary_measure(result.benchmark, answered_in_several(summary))
    main = primary if primary in _SCORES else "map"
    has = [split for split in _SPLITS if summary.metrics.get(f"map_{split}") is not None]
    return TaskResult(
        dataset_revision=digest,
        task_name=result.benchmark + sample,
        mteb_version=None,
        scores={split: _subsets(ranks, _SPLITS[split], main) for split in has},
        evaluation_time=None,
    )


def _task_subsets(ranks: Frame, task: TaskSource) -> list[dict[str, Any]]:
    """The subsets of a task, each against its own passages."""
    wanted = [f"{formula}_at_{k}" for formula in _FORMULAS for k in _CUTOFFS]
    if task.main_score not in wanted:
        raise ConfigError(f"{task.name}: mteb's main score is {task.main_score}, which is not measured here")
    scores: dict[str, dict[str, Any]] = {}
    for name in wanted:
        formula, _, k = name.partition("_at_")
        for language, _, value in _means(ranks, Measure(name, "own language", _FORMULAS[formula], int(k))):
            scores.setdefault(language, {})[name] = value
    return [
        {
            "hf_subset": task.subsets[language],
            "languages": task.languages[language],
            "main_score": values[task.main_score],
            **values,
        }
        for language, values in scores.items()
    ]


def _subsets(ranks: Frame, cells: Cells, main: str) -> list[dict[str, Any]]:
    by_cell: dict[tuple[str, str | None], dict[str, Any]] = {}
    for name, metric in _SCORES.items():
        for asked, answered, value in _means(ranks, replace(MEASURES[metric], cells=cells, needs="nothing")):
            by_cell.setdefault((asked, answered), {})[name] = value
    return [
        {
            "hf_subset": f"{asked}-{answered}" if cells == "other languages" else asked,
            "languages": list(dict.fromkeys(langscript(name) for name in (asked, answered) if name is not None)),
            "main_score": scores[main],
            **scores,
        }
        for (asked, answered), scores in by_cell.items()
    ]


def _means(ranks: Frame, measure: Measure) -> Iterator[tuple[str, str | None, float]]:
    """(query language, passage language or None, mean over the queries)."""
    import polars as pl

    values = query_values(ranks, measure).group_by("query_language", "passage_language").agg(pl.col("value").mean())
    yield from values.sort("query_language", "passage_language").iter_rows()
