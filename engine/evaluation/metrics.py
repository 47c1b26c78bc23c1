"""The metrics of an evaluation: means over queries, then over languages (macro), and over queries alone (micro).

Shapes: Q queries; N cells, P and M queries as in query_scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Ints, Values
from engine.evaluation.query_scores import QueryScores
from engine.evaluation.summary import METRICS


@dataclass(frozen=True, slots=True)
class Metrics:
    """None where a benchmark cannot have a metric (cross-lingual with one language)."""

    settings: dict[str, int]
    macro: dict[str, float | None]
    micro: dict[str, float | None]
    matrix: dict[str, dict[str, float]]  # mAP, matrix[query_language][candidate_language]
    map_multilingual_by_language: dict[str, float]


def compute_metrics(benchmark: Benchmark, scores: QueryScores) -> Metrics:
    """Means of the scores of single queries.

    - monolingual: mean over languages l of the mean over l's queries against the candidates of l;
    - cross-lingual: mean over ordered pairs a != b of the mean over a's queries that have a relevant passage in b;
    - multilingual: mean over query languages of the mean against the pool of all languages;
    - rank distance: mean over queries with two or more relevant passages, then over query languages;
    - nDCG@10 and recall@100: mean over languages l of the mean over l's queries against the candidates of l.

    Micro values weigh every query (cross-lingual: every query and passage language) the same.
    """
    count = len(benchmark.languages)
    cells, pool, distances = scores.cells, scores.pool, scores.distances
    language = benchmark.query_language.astype(np.int64)  # [Q]
    asked, pool_asked = language[cells.query], language[pool.query]
    pair = asked * count + cells.language

    def by_pair(values: Values) -> Values:
        return _group_means(pair, values, count * count).reshape(count, count)

    ap_by_pair, recall_by_pair = by_pair(cells.average_precision), by_pair(cells.recall_at_1)
    own, own_cell = np.eye(count, dtype=bool), asked == cells.language
    ap_by_language = _group_means(pool_asked, pool.average_precision, count)
    recall_by_language = _group_means(pool_asked, pool.recall_at_10, count)
    distance = distances.distance.astype(np.float64)
    distance_by_language = _group_means(language[distances.query], distance, count)
    macro = (
        ap_by_pair[own],
        ap_by_pair[~own],
        ap_by_language,
        recall_by_pair[own],
        recall_by_pair[~own],
        recall_by_language,
        distance_by_language,
        by_pair(cells.ndcg_at_10)[own],
        by_pair(cells.recall_at_100)[own],
    )
    micro = (
        cells.average_precision[own_cell],
        cells.average_precision[~own_cell],
        pool.average_precision,
        cells.recall_at_1[own_cell],
        cells.recall_at_1[~own_cell],
        pool.recall_at_10,
        distance,
        cells.ndcg_at_10[own_cell],
        cells.recall_at_100[own_cell],
    )
    names = benchmark.languages
    return Metrics(
        settings={
            "monolingual": int(np.isfinite(ap_by_pair[own]).sum()),
            "crosslingual": int(np.isfinite(ap_by_pair[~own]).sum()),
            "multilingual": int(np.isfinite(ap_by_language).sum()),
        },
        macro={name: _mean(values) for name, values in zip(METRICS, macro, strict=True)},
        micro={name: _mean(values) for name, values in zip(METRICS, micro, strict=True)},
        matrix={
            name: by_language
            for name, row in zip(names, ap_by_pair, strict=True)
            if (by_language := _present(names, row))
        },
        map_multilingual_by_language=_present(names, ap_by_language),
    )


def _group_means(group: Ints, values: Values, groups: int) -> Values:
    """[groups] means; NaN for a group without values."""
    counts = np.bincount(group, minlength=groups)
    means: Values = np.full(groups, np.nan)
    return np.divide(np.bincount(group, values, minlength=groups), counts, out=means, where=counts > 0)


def _mean(values: Values) -> float | None:
    present = values[np.isfinite(values)]
    return float(present.mean()) if len(present) else None


def _present(names: tuple[str, ...], values: Values) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True) if np.isfinite(value)}
