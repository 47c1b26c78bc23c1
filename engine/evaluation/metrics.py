"""The metrics of an evaluation: means over queries, then over languages (macro), and over queries alone (micro).

Shapes: L languages, n values of a measure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.evaluation.arrays import Ints, Values
from engine.evaluation.scores import Placement, QueryScores, Scores
from engine.measures import METRICS


@dataclass(frozen=True, slots=True)
class Metrics:
    """None where a benchmark cannot have a metric (cross-lingual with one language)."""

    settings: dict[str, int]
    macro: dict[str, float | None]
    micro: dict[str, float | None]
    matrix: dict[str, dict[str, float]]  # mAP, matrix[query_language][candidate_language]
    map_multilingual_by_language: dict[str, float]


def compute_metrics(scores: QueryScores, placement: Placement = "id") -> Metrics:
    """Means of the scores of single queries.

    - monolingual: mean over languages l of the mean over l's queries against the candidates of l;
    - cross-lingual: mean over ordered pairs a != b of the mean over a's queries that have a relevant passage in b;
    - multilingual: mean over query languages of the mean against the pool of all languages;
    - rank distance: mean over queries with two or more relevant passages, then over query languages;
    - nDCG@10 and recall@100: mean over languages l of the mean over l's queries against the candidates of l.

    Micro values weigh every query (cross-lingual: every query and passage language) the same.
    """
    names = scores.judgements.languages
    values = {name: scores.of(name, placement) for name in METRICS}
    means = {name: language_means(scores, found) for name, found in values.items()}
    own, other = means["map_monolingual"], means["map_crosslingual"]
    matrix = np.where(np.eye(len(names), dtype=bool), own, other)
    return Metrics(
        settings={
            "monolingual": _count(own),
            "crosslingual": _count(other),
            "multilingual": _count(means["map_multilingual"]),
        },
        macro={name: _mean(found) for name, found in means.items()},
        micro={name: _mean(found.value) for name, found in values.items()},
        matrix={
            name: by_language for name, row in zip(names, matrix, strict=True) if (by_language := _present(names, row))
        },
        map_multilingual_by_language=_present(names, means["map_multilingual"]),
    )


def language_means(scores: QueryScores, values: Scores) -> Values:
    """Means by query language [L], or by query and passage language [L, L]; NaN where there are no values."""
    judgements = scores.judgements
    count, asked = len(judgements.languages), judgements.query_language[values.query]
    if values.language is None:
        return _group_means(asked, values.value, count)
    return _group_means(asked * count + values.language, values.value, count * count).reshape(count, count)


def _group_means(group: Ints, values: Values, groups: int) -> Values:
    counts = np.bincount(group, minlength=groups)
    means: Values = np.full(groups, np.nan)
    return np.divide(np.bincount(group, values, minlength=groups), counts, out=means, where=counts > 0)


def _count(means: Values) -> int:
    return int(np.isfinite(means).sum())


def _mean(values: Values) -> float | None:
    present = values[np.isfinite(values)]
    return float(present.mean()) if len(present) else None


def _present(names: tuple[str, ...], values: Values) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True) if np.isfinite(value)}
