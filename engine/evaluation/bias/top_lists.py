"""Measures of the best passages of every query, relevant or not.

Shapes: Q queries, K best passages, L languages, J judgements.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Floats, Ints, Values
from engine.evaluation.judgements import Judgements
from engine.evaluation.ranks import Ranks, TopK


def language_shares(benchmark: Benchmark, ranks: Ranks, top: TopK, k: int = 10) -> tuple[Values, Values]:
    """([L, L] shares of passage languages among the non-relevant in the top k by query language, [L] of the pool).

    Relevant passages are left out because a benchmark decides their languages, not the model. Rows without any
    non-relevant passage are NaN.
    """
    languages = len(benchmark.languages)
    best = top.passage[:, :k]
    rows = np.repeat(np.arange(len(best)), best.shape[1])
    candidates = np.int64(len(benchmark.candidate_ids))
    wrong = ~np.isin(rows * candidates + best.ravel(), ranks.query * candidates + ranks.passage) & (best.ravel() >= 0)
    asked = benchmark.query_language.astype(np.int64)[rows[wrong]]
    answered = benchmark.candidate_language.astype(np.int64)[best.ravel()[wrong]]
    counts = np.bincount(asked * languages + answered, minlength=languages * languages).reshape(languages, languages)
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    pool = np.bincount(benchmark.candidate_language, minlength=languages) / candidates
    return shares, pool


def rank_correlations(judgements: Judgements, top: TopK, k: int = 10) -> Values:
    """MRC@k (arXiv 2509.06195): [L, L] mean Spearman correlation of the rankings of parallel queries.

    For two queries of a group, in two languages, over the union of their two top k: passages outside a query's own top
    k share the places after k, equal scores within it share theirs. 1: the language of the question does not matter.
    NaN for a pair of languages without parallel queries, and on the diagonal. Where a list has fewer than k passages, k
    is the length of the shortest.
    """
    shortest = int((top.passage >= 0).sum(axis=1).min(initial=top.passage.shape[1]))
    languages, k = len(judgements.languages), min(k, shortest)
    query_of = np.full((int(judgements.group.max(initial=-1)) + 1, languages), -1)
    query_of[judgements.group, judgements.query_language] = np.arange(len(judgements.group))
    places = _tied_places(top.score[:, :k])
    found = np.full((languages, languages), np.nan)
    if not k:
        return found
    for first, second in combinations(range(languages), 2):
        both = (query_of[:, first] >= 0) & (query_of[:, second] >= 0)
        if both.any():
            a, b = query_of[both, first], query_of[both, second]
            correlations = _spearman(top.passage[a, :k], places[a], top.passage[b, :k], places[b])
            if np.isfinite(correlations).any():
                found[first, second] = found[second, first] = np.nanmean(correlations)
    return found


def _spearman(first: Ints, first_place: Values, second: Ints, second_place: Values) -> Values:
    """[n] Pearson correlation of places over the unions of two lists [n, k]; NaN where one does not vary.

    Sums over the union come from the places within a list, and from the one place that all others share.
    """
    k = first.shape[1]
    match = first[:, :, None] == second[:, None, :]  # [n, k, k]
    shared = match.sum(axis=(1, 2))
    size = 2.0 * k - shared
    last = k + (k - shared + 1) / 2  # the mid-rank of those outside
    mean = (size + 1) / 2

    def squares(place: Values) -> Values:
        found: Values = (place**2).sum(axis=1) + (k - shared) * last**2 - size * mean**2
        return found

    in_second, in_first = match.any(axis=2), match.any(axis=1)
    products = np.einsum("nij,ni,nj->n", match.astype(np.float64), first_place, second_place)
    outside = (first_place * ~in_second).sum(axis=1) + (second_place * ~in_first).sum(axis=1)
    covariance = products + last * outside - size * mean**2
    scale = np.sqrt(np.maximum(squares(first_place), 0) * np.maximum(squares(second_place), 0))
    correlations: Values = np.full(len(first), np.nan)
    np.divide(covariance, scale, out=correlations, where=scale > 1e-9)
    return correlations


def _tied_places(score: Floats) -> Values:
    """[Q, k] mid-ranks from 1 of scores in descending order."""
    above = (score[:, None, :] > score[:, :, None]).sum(axis=2)
    level = (score[:, None, :] == score[:, :, None]).sum(axis=2)
    places: Values = above + (level + 1) / 2
    return places
