"""One evaluation as an MTEB TaskResult: the JSON that mteb's own class loads and aggregates.

The benchmarks are not MTEB's tasks of similar names, which are paragraph retrieval in pools of one language; so the
task carries this program's key, and no mteb version, since mteb did not measure it. A split is a setting. Its subsets
are the query languages, or for the cross-lingual setting the pairs "query-passage"; so the mean that
``get_score(splits=["monolingual"])`` takes is the macro mean that this program reports. The main score is nDCG@10 where
that is the benchmark's primary measure (``engine.measures``), else mAP of the full ranking.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from engine.applicability import answered_in_several
from engine.evaluation.results import query_values, read_ranks
from engine.export.run_results import RunResult
from engine.measures import MEASURES, Cells, primary_measure

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_Main = Literal["map", "ndcg_at_10"]

_SPLITS: dict[str, Cells] = {
    "monolingual": "own language",
    "crosslingual": "other languages",
    "multilingual": "pool",
}
_SCORES = {
    "map": "map_monolingual",
    "ndcg_at_10": "ndcg_at_10",
    "recall_at_1": "recall_at_1_monolingual",
    "recall_at_10": "recall_at_10_multilingual",
    "recall_at_100": "recall_at_100",
}  # name in the file -> a metric with that value of a query, in whatever setting

# mteb names languages by ISO 639-3 and ISO 15924.
LANGUAGES = {
    "ar": "ara-Arab",
    "bn": "ben-Beng",
    "de": "deu-Latn",
    "el": "ell-Grek",
    "en": "eng-Latn",
    "es": "spa-Latn",
    "fa": "fas-Arab",
    "fi": "fin-Latn",
    "fr": "fra-Latn",
    "hi": "hin-Deva",
    "id": "ind-Latn",
    "ja": "jpn-Jpan",
    "ko": "kor-Hang",
    "ru": "rus-Cyrl",
    "sw": "swa-Latn",
    "te": "tel-Telu",
    "th": "tha-Thai",
    "tr": "tur-Latn",
    "vi": "vie-Latn",
    "yo": "yor-Latn",
    "zh": "zho-Hans",
}


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
    """
    ranks, summary = read_ranks(result.folder), result.summary
    by_ndcg = primary_measure(result.benchmark, answered_in_several(summary)) == "ndcg_at_10"
    main: _Main = "ndcg_at_10" if by_ndcg else "map"
    has = [split for split in _SPLITS if summary.metrics.get(f"map_{split}") is not None]
    return TaskResult(
        dataset_revision=summary.protocol.data_digest,
        task_name=result.benchmark,
        mteb_version=None,
        scores={split: _subsets(ranks, _SPLITS[split], main) for split in has},
        evaluation_time=None,
    )


def _subsets(ranks: Frame, cells: Cells, main: _Main) -> list[dict[str, Any]]:
    import polars as pl

    by_cell: dict[tuple[str, str | None], dict[str, Any]] = {}
    for name, metric in _SCORES.items():
        values = query_values(ranks, replace(MEASURES[metric], cells=cells, needs="nothing"))
        means = values.group_by("query_language", "passage_language").agg(pl.col("value").mean())
        for asked, answered, value in means.sort("query_language", "passage_language").iter_rows():
            by_cell.setdefault((asked, answered), {})[name] = value
    return [
        {
            "hf_subset": f"{asked}-{answered}" if cells == "other languages" else asked,
            "languages": list(
                dict.fromkeys(LANGUAGES.get(name, name) for name in (asked, answered) if name is not None)
            ),
            "main_score": scores[main],
            **scores,
        }
        for (asked, answered), scores in by_cell.items()
    ]
