"""Additive language effects, and what ranks would be without them.

Model of the place y of a relevant passage j of query q, asked in language a and answered in language l, on a scale on
which effects add up:

    y_qj = level_q + effect[a, l] + rest_qj

Effects are fitted by least squares with the levels swept out, for each query language on its own; with one relevant
passage in every language that is the mean over queries of y_ql minus the query's mean.

Shapes: J judgements, Q queries, L languages.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from engine.evaluation.arrays import Ints, Values
from engine.evaluation.judgements import Judgements


def sweep(counts: Values, sums: Values) -> Values:
    """[L] effects of passage languages on values with a level of their own for each query.

    ``counts`` and ``sums`` [Q, L] are of a query's values in a language. Effects add up to 0 over the languages that
    have any; those without are 0.
    """
    total = counts.sum(axis=1, keepdims=True)
    asked = total[:, 0] > 0
    counts, sums, total = counts[asked], sums[asked], total[asked]
    level = sums.sum(axis=1, keepdims=True) / total
    normal = np.diag(counts.sum(axis=0)) - (counts / total).T @ counts
    effects: Values = np.linalg.pinv(normal, hermitian=True) @ (sums - counts * level).sum(axis=0)
    return effects


def ranks_without_effects(judgements: Judgements, pool: int) -> Values:
    """[J] the ranks with the language effects taken out: what nulls are measured on.

    Places are normal scores: y = the standard normal quantile of (rank - 1/2) / N, N candidates in the pool. A passage
    whose score is the query's level plus an effect plus normal noise, among scores that are normal too, has a normal
    score of that form, from the first rank to chance; log2 ranks have not (the same noise spans more doublings near the
    top than near chance). Every query keeps its level, the mean of its places, and the spread that is not an effect of
    languages: rank = N * normal probability(level_q + rest_qj * sqrt(n / (n - 1))) + 1/2, where n is the number of
    queries that the effect was fitted to (which took a share 1 / n of the spread). Ranks stay within 1 and N.

    Assumptions: effects add up on that scale and are the same for all queries of a language; an effect that changes
    from query to query counts as spread. Nothing is drawn at random: permuting ranks within a query cannot change
    max - min, and ranks drawn independently around the query's level missed the observed distance by up to 12 % in
    simulations without any language effect (2, 3 and 11 languages, 144 queries each, from near-perfect to near-chance),
    because relevant passages of a query share its difficulty and take distinct places. This construction was within
    1 %, and within one place where the relevant passages lead the ranking. Near chance, and with many languages, the
    distance hardly depends on language effects, and so is near its null whatever they are: read the signed measures.

    NaN for a passage whose effect only its query shows.
    """
    place = ndtri((judgements.rank_pool - 0.5) / pool)
    counts, sums = judgements.by_query_and_language(), judgements.by_query_and_language(place)
    languages = len(judgements.languages)
    effects, queries_of = np.zeros((languages, languages)), np.zeros((languages, languages))
    for asked in range(languages):
        mine = judgements.query_language == asked
        effects[asked] = sweep(counts[mine], sums[mine])
        queries_of[asked] = (counts[mine] > 0).sum(axis=0)
    total = counts.sum(axis=1)
    level = sums.sum(axis=1) / np.maximum(total, 1)
    shift = (counts * effects[judgements.query_language]).sum(axis=1) / np.maximum(total, 1)  # of a query's own mean
    effect = effects[judgements.asked, judgements.answered] - shift[judgements.query]
    rest = place - level[judgements.query] - effect
    n = queries_of[judgements.asked, judgements.answered]
    rest = rest * np.sqrt(np.divide(n, n - 1, out=np.full(n.shape, np.nan), where=n > 1))
    rank: Values = np.clip(pool * ndtr(level[judgements.query] + rest) + 0.5, 1, pool)
    return rank


def ends_without_effects(judgements: Judgements, pool: int) -> tuple[Ints, Values, Values]:
    """(queries, best rank, worst rank) with the language effects taken out.

    The worst is at least as far from the best as that many distinct places in a row. Queries with an effect that only
    they show are left out.
    """
    rank = ranks_without_effects(judgements, pool)
    queries, starts, total = np.unique(judgements.query, return_index=True, return_counts=True)
    if not len(queries):
        return queries, np.zeros(0), np.zeros(0)
    best, worst = np.minimum.reduceat(rank, starts), np.maximum.reduceat(rank, starts)
    known = np.isfinite(worst)
    return queries[known], best[known], np.maximum(worst, best + total - 1)[known]


def rank_distance_without_effects(judgements: Judgements, pool: int) -> tuple[Ints, Values]:
    """The null of rank distance: (queries, max - min of their ranks with the language effects taken out).

    See ``ranks_without_effects`` for the construction. Queries without relevant passages in two languages are left
    out, as they are of rank distance, and those that ``ends_without_effects`` leaves out.
    """
    queries, best, worst = ends_without_effects(judgements, pool)
    several = judgements.languages_answering()[queries] >= 2
    return queries[several], (worst - best)[several]
