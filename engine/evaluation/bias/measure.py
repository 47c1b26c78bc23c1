"""All measures of language bias of one evaluation, and for those that a benchmark cannot have, why."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from engine.applicability import inapplicable
from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Ints, Values
from engine.evaluation.bias.effects import rank_distance_without_effects
from engine.evaluation.bias.interaction import interaction
from engine.evaluation.bias.rank_tests import friedman, peer
from engine.evaluation.bias.relevant import normalised_worst_rank, precision_lost
from engine.evaluation.bias.top_lists import language_shares, rank_correlations
from engine.evaluation.judgements import Judgements
from engine.evaluation.ranks import Ranks, TopK
from engine.evaluation.scores import QueryScores
from engine.events import Advantage, Friedman, LanguageBias, LanguageEffect
from engine.measures import RANK_DISTANCE_NULL

_Add = Callable[[str, Ints, Values, str], None]  # name, queries, their values, why there are none

_OF_ALL_RANKS = (
    RANK_DISTANCE_NULL,
    "own_language_advantage",
    "worst_relevant_rank",
    "worst_relevant_rank_normalised",
    "map_lost_without_own_language",
    "map_lost_without_another_language",
)
_NO_OTHER_LANGUAGE = "no query has a relevant passage in another language"
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
        scores: of the judgements with these ranks.
        mean_advantage: the own-language advantage, a mean over query languages.
        refused: why measures that are made of the ranks of all relevant passages cannot be; None: they can.
    """
    every = scores.judgements
    by_language: dict[str, dict[str, float]] = {}
    absent = inapplicable(len(benchmark.languages), answered_in_several=scores.answered_in_several)
    if len(benchmark.languages) < 2:
        return _without_any(absent)
    if refused is not None:
        of_all_ranks = ("rank_distance", *_OF_ALL_RANKS, "language_effect", "friedman", "peer")
        absent = dict.fromkeys(of_all_ranks, refused) | absent

    def add(name: str, queries: Ints, values: Values, reason: str) -> None:
        means = mean_by_language(values, queries, every)
        if means:
            by_language[name] = means
        else:
            absent.setdefault(name, reason)

    has_ranks = refused is None and scores.answered_in_several  # of relevant passages that can be compared
    if has_ranks:
        _add_rank_measures(scores, len(benchmark.candidate_ids), add)
        _add_peer(every, by_language, absent)
    else:
        _add_recall(scores, add)
    _add_correlations(every, top, by_language, absent)

    shares, pool_shares = language_shares(benchmark, ranks, top)
    ranked = every.fully_ranked()
    effect = _effect(ranked, absent) if has_ranks else None
    tests = friedman(ranked) if has_ranks else {}
    if not tests and has_ranks:
        absent["friedman"] = "no language has two queries with relevant passages in every language"
    return LanguageBias(
        measures={name: float(np.mean(list(means.values()))) for name, means in by_language.items()},
        by_language=by_language,
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
    )


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


def _add_rank_measures(scores: QueryScores, pool: int, add: _Add) -> None:
    """What is made of the ranks of all relevant passages of a query; the names are ``_OF_ALL_RANKS``."""
    ranked = scores.judgements.fully_ranked()
    queries, null = rank_distance_without_effects(ranked, pool)
    add(RANK_DISTANCE_NULL, queries, null, "no query has two relevant passages to compare")
    advantages, worst = scores.of("own_language_advantage"), scores.of("worst_relevant_rank")
    add("own_language_advantage", advantages.query, advantages.value, _NO_TWO_LANGUAGES)
    _add_recall(scores, add)
    add("worst_relevant_rank", worst.query, worst.value, "no query has all its relevant passages ranked")
    normalised = normalised_worst_rank(worst, ranked, pool)
    add("worst_relevant_rank_normalised", worst.query, normalised, "every candidate is relevant")
    queries, own, other = precision_lost(ranked)
    add("map_lost_without_own_language", queries, own, _NO_TWO_LANGUAGES)
    add("map_lost_without_another_language", queries, other, _NO_TWO_LANGUAGES)


def _add_recall(scores: QueryScores, add: _Add) -> None:
    recall = scores.of("other_language_recall_at_10")
    add("other_language_recall_at_10", recall.query, recall.value, _NO_OTHER_LANGUAGE)


def _add_peer(judgements: Judgements, by_language: dict[str, dict[str, float]], absent: dict[str, str]) -> None:
    found = peer(judgements)
    if not len(found.query):
        absent["peer"] = "no query has relevant passages of one grade in two languages"
    elif found.varies:
        by_language["peer"] = mean_by_language(found.value, found.query, judgements)
    else:
        low, high = float(found.value.min()), float(found.value.max())
        value = f"{low:.4f}" if np.isclose(low, high) else f"between {low:.4f} and {high:.4f} by number of languages"
        absent["peer"] = (
            f"constant by construction: one relevant passage per language gives {value}, whatever the model"
        )


def _add_correlations(
    judgements: Judgements, top: TopK, by_language: dict[str, dict[str, float]], absent: dict[str, str]
) -> None:
    found = rank_correlations(judgements, top)
    if not np.isfinite(found).any():
        absent["mrc_at_10"] = "no question is asked in two languages"
        return
    by_language["mrc_at_10"] = {
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
