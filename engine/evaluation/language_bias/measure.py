"""All measures of language bias of one evaluation, and for those that a benchmark cannot have, why."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Ints, Values
from engine.evaluation.bias import QueryAdvantages
from engine.evaluation.language_bias.effects import rank_distance_without_effects
from engine.evaluation.language_bias.interaction import interaction
from engine.evaluation.language_bias.judged import Judged, judged, mean_by_language
from engine.evaluation.language_bias.rank_tests import friedman, peer
from engine.evaluation.language_bias.relevant import (
    normalised_worst_rank,
    other_language_recall,
    precision_lost,
    worst_rank,
)
from engine.evaluation.language_bias.top_lists import language_shares, rank_correlations
from engine.evaluation.tally import Ranks, TopK
from engine.events import Advantage, Friedman, LanguageBias, LanguageEffect

_NO_OTHER_LANGUAGE = "no query has a relevant passage in another language"
_NO_TWO_LANGUAGES = "no query has relevant passages both in its language and in another"


def language_bias(
    benchmark: Benchmark, ranks: Ranks, top: TopK, advantages: QueryAdvantages, mean_advantage: Advantage | None
) -> LanguageBias:
    """Measures the ranks; ``advantages`` and their mean are those of engine.evaluation.bias for the same ranks."""
    every = judged(benchmark, ranks)
    known = every.fully_ranked()
    by_language: dict[str, dict[str, float]] = {}
    absent: dict[str, str] = {}

    def add(name: str, queries: Ints, values: Values, reason: str) -> None:
        means = mean_by_language(values, queries, every)
        if means:
            by_language[name] = means
        else:
            absent[name] = reason

    add("rank_distance_null", *rank_distance_without_effects(known), "no query has two relevant passages to compare")
    add("own_language_advantage", advantages.query, advantages.advantage, _NO_TWO_LANGUAGES)
    add("other_language_recall_at_10", *other_language_recall(every), _NO_OTHER_LANGUAGE)
    add("worst_relevant_rank", *worst_rank(known), "no query has all its relevant passages ranked")
    add("worst_relevant_rank_normalised", *normalised_worst_rank(known), "every candidate is relevant")
    queries, own, other = precision_lost(known)
    add("map_lost_without_own_language", queries, own, _NO_TWO_LANGUAGES)
    add("map_lost_without_another_language", queries, other, _NO_TWO_LANGUAGES)
    _add_peer(every, by_language, absent)
    _add_correlations(every, top, by_language, absent)

    shares, pool = language_shares(benchmark, ranks, top)
    effect = _effect(known, absent)
    tests = friedman(known)
    if not tests:
        absent["friedman"] = "no language has two queries with relevant passages in every language"
    if len(benchmark.languages) < 2:
        absent["language_share_at_10"] = "the pool has one language"
        shares = np.full_like(shares, np.nan)
    return LanguageBias(
        measures={name: float(np.mean(list(means.values()))) for name, means in by_language.items()},
        by_language=by_language,
        own_language_advantage=mean_advantage,
        language_effect=effect,
        language_share_at_10=_matrix(benchmark.languages, shares),
        pool_share=dict(zip(benchmark.languages, pool.tolist(), strict=True)),
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


def _add_peer(judgements: Judged, by_language: dict[str, dict[str, float]], absent: dict[str, str]) -> None:
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
    judgements: Judged, top: TopK, by_language: dict[str, dict[str, float]], absent: dict[str, str]
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


def _effect(judgements: Judged, absent: dict[str, str]) -> LanguageEffect | None:
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
