"""All measures of language bias of one evaluation, and for those that a benchmark cannot have, why."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.applicability import inapplicable
from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Ints, Values
from engine.evaluation.bias.by_language import mean_interval
from engine.evaluation.bias.effects import rank_distance_without_effects
from engine.evaluation.bias.interaction import interaction
from engine.evaluation.bias.nulls import exchanged_nulls, worst_rank_nulls
from engine.evaluation.bias.rank_tests import friedman, peer
from engine.evaluation.bias.relevant import precision_lost
from engine.evaluation.bias.top_lists import language_shares, rank_correlations
from engine.evaluation.judgements import Judgements
from engine.evaluation.ranks import Ranks, TopK
from engine.evaluation.scores import QueryScores
from engine.events import Advantage, Friedman, LanguageBias, LanguageEffect
from engine.measures import FOUR_WAY, RANK_DISTANCE_NULL

_OF_ALL_RANKS = (
    RANK_DISTANCE_NULL,
    "own_language_advantage",
    "worst_relevant_rank",
    "worst_relevant_rank_normalised",
    "map_lost_without_own_language",
    "map_lost_without_another_language",
)
_NO_OTHER_LANGUAGE = "no query has a relevant passage in another language"
_SHARES = frozenset((
    "other_language_recall_at_10", "complete_at_10", "language_aware_ndcg_at_10", "language_preference",
    "language_preference_pairwise", "language_preference_first", *FOUR_WAY, "peer",
))  # fmt: skip
_NO_FIRST = "no query retrieved a passage"
_NO_TWO_LANGUAGES = "no query has relevant passages both in its language and in another"


def language_bias(
    benchmark: Benchmark,
    scores: QueryScores,
    ranks: Ranks,
    top: TopK,
    mean_advantage: Advantage | None,
    *,
    refused: str | None = None,
) -> LanguageBias:
    """Measures the ranks.

    Args:
        scores: of the judgements with these ranks, which know the first passages.
        mean_advantage: the own-language advantage, a mean over query languages.
        refused: why measures that are made of the ranks of all relevant passages cannot be; None: they can.
    """
    every = scores.judgements
    absent = inapplicable(len(benchmark.languages), answered_in_several=scores.answered_in_several)
    if len(benchmark.languages) < 2:
        return _without_any(absent)
    if refused is not None:
        of_all_ranks = ("rank_distance", *_OF_ALL_RANKS, "language_effect", "friedman", "peer")
        absent = dict.fromkeys(of_all_ranks, refused) | absent
    means = _Means(benchmark, every, absent)
    shares, pool_shares = language_shares(benchmark, ranks, top)

    has_ranks = refused is None and scores.answered_in_several  # of relevant passages that can be compared
    if has_ranks:
        _add_rank_measures(scores, len(benchmark.candidate_ids), means)
        _add_peer(every, means)
    else:
        _add_recall(scores, means)
    _add_of_first_places(scores, means)
    _add_correlations(every, top, means)
    means.add_nulls(exchanged_nulls(scores, pool_shares))

    ranked = every.fully_ranked()
    if has_ranks:
        means.add_nulls(worst_rank_nulls(ranked, len(benchmark.candidate_ids)))
    effect = _effect(ranked, absent) if has_ranks else None
    tests = friedman(ranked) if has_ranks else {}
    if not tests and has_ranks:
        absent["friedman"] = "no language has two queries with relevant passages in every language"
    return LanguageBias(
        measures=means.overall(),
        by_language=means.by_language,
        own_language_advantage=mean_advantage,
        language_effect=effect,
        language_share_at_10=_matrix(benchmark.languages, shares),
        pool_share=dict(zip(benchmark.languages, pool_shares.tolist(), strict=True)),
        friedman={
            name: Friedman(
                statistic=found.statistic,
                p=found.p,
                p_clusters=found.p_clusters,
                agreement=found.agreement,
                queries=found.queries,
            )
            for name, found in tests.items()
        },
        not_applicable=absent,
        intervals=means.intervals,
        nulls=means.nulls,
        left_out=means.left_out,
    )


class _Means:
    """Means over query languages, as they are found, with what belongs to each.

    Attributes:
        by_language: of each measure; what has no value is in ``absent`` with the reason.
        intervals: 95 %, over clusters.
        left_out: how many of the queries with relevant passages cannot have the measure, where some can and some not.
    """

    def __init__(self, benchmark: Benchmark, judgements: Judgements, absent: dict[str, str]) -> None:
        self._benchmark, self._judgements, self.absent = benchmark, judgements, absent
        self._queries = len(np.unique(judgements.query))
        self.by_language: dict[str, dict[str, float]] = {}
        self.intervals: dict[str, tuple[float, float]] = {}
        self.nulls: dict[str, float] = {}
        self.left_out: dict[str, int] = {}

    def add(self, name: str, queries: Ints, values: Values, reason: str) -> None:
        """Mean, interval and left-out queries of a measure with ``values`` [n] of ``queries`` [n].

        ``reason``: why there are none.
        """
        if means := mean_by_language(values, queries, self._judgements):
            self.by_language[name] = means
            finite = np.isfinite(values)
            if interval := mean_interval(self._benchmark, queries[finite], values[finite]):
                low, high = interval  # of a share it may reach beyond what a share can be
                self.intervals[name] = (max(low, 0.0), min(high, 1.0)) if name in _SHARES else interval
            if missing := self._queries - int(finite.sum()):
                self.left_out[name] = missing
        else:
            self.absent.setdefault(name, reason)

    def add_scores(self, name: str, scores: QueryScores, reason: str) -> None:
        """The same of a measure of the table."""
        found = scores.of(name)
        self.add(name, found.query, found.value, reason)

    def add_nulls(self, nulls: Mapping[str, tuple[Ints, Values]]) -> None:
        """Of those measures that are there: the mean of (queries [n], values [n])."""
        for name, (queries, values) in nulls.items():
            if name in self.by_language and (means := mean_by_language(values, queries, self._judgements)):
                self.nulls[name] = float(np.mean(list(means.values())))

    def overall(self) -> dict[str, float]:
        """The mean over query languages of each measure."""
        return {name: float(np.mean(list(means.values()))) for name, means in self.by_language.items()}


def _without_any(absent: dict[str, str]) -> LanguageBias:
    return LanguageBias(
        measures={},
        by_language={},
        own_language_advantage=None,
        language_effect=None,
        language_share_at_10={},
        pool_share={},
        friedman={},
        not_applicable=absent,
    )


def _add_rank_measures(scores: QueryScores, pool: int, means: _Means) -> None:
    """What is made of the ranks of all relevant passages of a query; the names are ``_OF_ALL_RANKS``."""
    ranked = scores.judgements.fully_ranked()
    queries, null = rank_distance_without_effects(ranked, pool)
    means.add(RANK_DISTANCE_NULL, queries, null, "no query has two relevant passages to compare")
    means.add_scores("own_language_advantage", scores, _NO_TWO_LANGUAGES)
    _add_recall(scores, means)
    means.add_scores("worst_relevant_rank", scores, "no query has all its relevant passages ranked")
    means.add_scores("worst_relevant_rank_normalised", scores, "every candidate is relevant")
    queries, own, other = precision_lost(ranked)
    means.add("map_lost_without_own_language", queries, own, _NO_TWO_LANGUAGES)
    means.add("map_lost_without_another_language", queries, other, _NO_TWO_LANGUAGES)


def _add_recall(scores: QueryScores, means: _Means) -> None:
    means.add_scores("other_language_recall_at_10", scores, _NO_OTHER_LANGUAGE)


def _add_of_first_places(scores: QueryScores, means: _Means) -> None:
    """What is decided among the first places, whatever else was retrieved."""
    means.add_scores("complete_at_10", scores, "every query has more than 10 relevant passages")
    means.add_scores("language_aware_ndcg_at_10", scores, _NO_TWO_LANGUAGES)
    for name in ("language_preference", "language_preference_pairwise"):
        means.add_scores(name, scores, _NO_TWO_LANGUAGES)
    for name in ("language_preference_first", *FOUR_WAY):
        means.add_scores(name, scores, _NO_FIRST)


def _add_peer(judgements: Judgements, means: _Means) -> None:
    found = peer(judgements)
    if not len(found.query):
        means.absent["peer"] = "no query has relevant passages of one grade in two languages"
    elif found.varies:
        means.add("peer", found.query, found.value, "")
    else:
        low, high = float(found.value.min()), float(found.value.max())
        value = f"{low:.4f}" if np.isclose(low, high) else f"between {low:.4f} and {high:.4f} by number of languages"
        means.absent["peer"] = (
            f"constant by construction: one relevant passage per language gives {value}, whatever the model"
        )


def _add_correlations(judgements: Judgements, top: TopK, means: _Means) -> None:
    found = rank_correlations(judgements, top)
    if not np.isfinite(found).any():
        means.absent["mrc_at_10"] = "no question is asked in two languages"
        return
    means.by_language["mrc_at_10"] = {
        name: float(np.nanmean(row))
        for name, row in zip(judgements.languages, found, strict=True)
        if np.isfinite(row).any()
    }


def _effect(judgements: Judgements, absent: dict[str, str]) -> LanguageEffect | None:
    found = interaction(judgements)
    if found is None:
        absent["language_effect"] = "queries of fewer than two languages have relevant passages in two languages"
        return None
    return LanguageEffect(
        effect=_matrix(judgements.languages, found.effect), p=found.p, permutations=found.permutations
    )


def _matrix(names: tuple[str, ...], values: Values) -> dict[str, dict[str, float]]:
    rows: Mapping[str, Values] = dict(zip(names, values, strict=True))
    return {
        asked: {answered: float(value) for answered, value in zip(names, row, strict=True) if np.isfinite(value)}
        for asked, row in rows.items()
        if np.isfinite(row).any()
    }


def mean_by_language(values: Values, queries: Ints, judgements: Judgements) -> dict[str, float]:
    """Mean of the values [n] of ``queries`` [n] by query language; NaN is left out, and so are empty languages."""
    finite = np.isfinite(values)
    language = judgements.query_language[queries[finite]]
    return {
        name: float(mine.mean())
        for index, name in enumerate(judgements.languages)
        if len(mine := values[finite][language == index])
    }
