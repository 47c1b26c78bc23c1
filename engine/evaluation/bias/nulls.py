"""What measures of bias would be on the same rankings if languages did not matter: the values to hold them against.

A model without language bias is at the null, and so is one that ranks by chance. Two constructions: where a measure
asks which language is where, the languages of a query's relevant passages change places among each other; where it asks
how far apart passages are, their ranks are taken without language effects (``effects``).

Shapes: Q queries, L languages, n queries that have a measure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from engine.evaluation.arrays import Ints, Values
from engine.evaluation.bias.effects import ends_without_effects
from engine.evaluation.judgements import Judgements
from engine.evaluation.scores import QueryScores
from engine.measures import FOUR_WAY, LANGUAGE_GAINS, MEASURES

QueryNulls = tuple[Ints, Values]  # queries [n], and the null of each [n]


def exchanged_nulls(scores: QueryScores, pool_shares: Values) -> dict[str, QueryNulls]:
    """Nulls of what asks which language comes first.

    With n relevant passages, o of them in the query's language, which make up a share s of the pool [L] of N:

    - ``language_preference``: o / n; ``language_preference_pairwise``: 1/2, its chance where nothing ties;
    - ``language_preference_first``: s;
    - a first passage that answers is in the query's language with probability o / n, another first passage with
      (s N - o) / (N - n);
    - ``language_aware_ndcg_at_10``: nDCG whose gain is the mean of the query's gains; of one grade alone, because with
      several the ideal order depends on which passage has which language.
    """
    judgements = scores.judgements
    counts = judgements.by_query_and_language()
    total, own = counts.sum(axis=1), counts[np.arange(len(counts)), judgements.query_language]
    in_own = np.divide(own, total, out=np.zeros(len(own)), where=total > 0)
    share = pool_shares[judgements.query_language]
    found = {}
    for name, value in (
        ("language_preference", in_own),
        ("language_preference_pairwise", np.full(len(own), 0.5)),
        ("language_preference_first", share),
    ):
        queries = scores.of(name).query
        found[name] = queries, value[queries]
    if judgements.candidates is not None:
        rest = np.maximum(judgements.candidates - total, 1)
        wrong_in_own = np.clip((share * judgements.candidates - own) / rest, 0, 1)
        found |= _four_way(scores, in_own, wrong_in_own)
    if len(np.unique(judgements.grade)) == 1:
        found["language_aware_ndcg_at_10"] = _language_aware_ndcg(scores, own, total)
    return found


def worst_rank_nulls(judgements: Judgements, pool: int) -> dict[str, QueryNulls]:
    """Nulls of what asks how far down the last relevant passage is, from ranks without language effects.

    ``judgements`` are fully ranked. Ranks are continuous here: one counts as within the first ten below 10 1/2.
    """
    queries, _, worst = ends_without_effects(judgements, pool)
    total = np.bincount(judgements.query, minlength=len(judgements.query_language))[queries]
    worst = np.maximum(worst, total)
    span = np.log2(pool) - np.log2(total)
    share = np.divide(np.log2(pool) - np.log2(worst), span, out=np.full(len(span), np.nan), where=span > 0)
    return {
        "worst_relevant_rank": (queries, worst),
        "worst_relevant_rank_normalised": (queries, 100 * share),
        "complete_at_10": (queries, np.where(total <= 10, (worst < 10.5).astype(np.float64), np.nan)),
    }


def _four_way(scores: QueryScores, right_in_own: Values, wrong_in_own: Values) -> Mapping[str, QueryNulls]:
    """[Q] each: the probability that a first passage is in the query's language, where it answers and where not."""
    parts = {name: scores.of(name) for name in FOUR_WAY}
    queries = parts[FOUR_WAY[0]].query
    right = parts["first_right_own_language"].value + parts["first_right_other_language"].value
    in_own, wrong = np.where(right > 0, right_in_own[queries], wrong_in_own[queries]), 1 - right
    return {
        "first_right_own_language": (queries, right * in_own),
        "first_right_other_language": (queries, right * (1 - in_own)),
        "first_wrong_own_language": (queries, wrong * in_own),
        "first_wrong_other_language": (queries, wrong * (1 - in_own)),
    }


def _language_aware_ndcg(scores: QueryScores, own: Values, total: Values) -> QueryNulls:
    measure = MEASURES["language_aware_ndcg_at_10"]
    found = scores.of(measure)
    k, (same, other) = measure.k or 0, LANGUAGE_GAINS
    discounts = np.concatenate([[0.0], np.cumsum(1 / np.log2(1.0 + np.arange(1, k + 1)))])

    def ideal(number: Values) -> Values:
        filled: Values = discounts[np.minimum(number, k).astype(np.int64)]
        return filled

    own, total = own[found.query], total[found.query]
    plain = scores.of(replace(measure, gains=(1.0, 1.0))).value
    mean_gain = (own * same + (total - own) * other) / total
    best = same * ideal(own) + other * (ideal(total) - ideal(own))  # the higher gain is that of the same language
    return found.query, plain * mean_gain * ideal(total) / best
