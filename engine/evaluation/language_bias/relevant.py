"""Measures of where a query's relevant passages stand: those in other languages, the worst one, and what each is worth.

Shapes: J judgements, M queries.
"""

from __future__ import annotations

import numpy as np

from engine.evaluation.arrays import Ints, Values
from engine.evaluation.language_bias.judged import Judged


def other_language_recall(judgements: Judged, k: int = 10) -> tuple[Ints, Values]:
    """TLR@k (arXiv 2606.18801): (queries, share of the relevant passages in other languages with a rank up to k).

    Mid-ranks; what was not retrieved is not found.
    """
    other = judgements.only(judgements.answered != judgements.asked)
    return _means(other.query, (other.mid_rank <= k).astype(np.float64))


def worst_rank(judgements: Judged) -> tuple[Ints, Values]:
    """Max@R (arXiv 2604.05684): (queries, the worst mid-rank of their relevant passages).

    At least R, the number of relevant passages: mid-ranks of ties could be better than R distinct places allow.
    """
    queries, starts, sizes = np.unique(judgements.query, return_index=True, return_counts=True)
    if not len(queries):
        return queries, np.zeros(0)
    return queries, np.maximum(np.maximum.reduceat(judgements.mid_rank, starts), sizes)


def normalised_worst_rank(judgements: Judged) -> tuple[Ints, Values]:
    """100 (log2 N - log2 Max@R) / (log2 N - log2 R) (arXiv 2604.05684), N candidates in the pool.

    100: all relevant passages come first; 0: one of them comes last. NaN where every candidate is relevant.
    """
    queries, worst = worst_rank(judgements)
    relevant = np.unique(judgements.query, return_counts=True)[1]
    span = np.log2(judgements.pool) - np.log2(relevant)
    found = np.log2(judgements.pool) - np.log2(worst)
    return queries, 100 * np.divide(found, span, out=np.full(len(queries), np.nan), where=span > 0)


def precision_lost(judgements: Judged) -> tuple[Ints, Values, Values]:
    """LAReQA's removed answers (arXiv 2004.05484, section 5): (queries, loss with own, mean loss with another).

    The loss with a language is the query's average precision in the pool of all languages, minus what it is once the
    relevant passages in that language have left the pool: the others move up, and are all that is to be found. "Own" is
    the query's language, "another" the mean over the other languages with relevant passages. A model that leans on
    own-language passages loses more with them than with others. Ranks are those of the tie rule, as in mAP. Queries
    need a relevant passage in their language and in another.
    """
    order = np.lexsort((judgements.rank, judgements.query))
    ordered = judgements.only(order)
    queries, starts, sizes = np.unique(ordered.query, return_index=True, return_counts=True)
    row = np.repeat(np.arange(len(queries)), sizes)

    def precision(keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Values:
        """[queries] average precision of what is kept; NaN where nothing is."""
        kept_before = np.cumsum(keep)
        kept_before = kept_before - (kept_before[starts] - keep[starts])[row]  # within the query, itself included
        gone = np.arange(len(row)) - starts[row] + 1 - kept_before
        terms = np.where(keep, kept_before / np.maximum(ordered.rank - gone, 1), 0.0)
        count = np.bincount(row, keep, minlength=len(queries))
        found: Values = np.full(len(queries), np.nan)
        return np.divide(np.bincount(row, terms, minlength=len(queries)), count, out=found, where=count > 0)

    whole = precision(np.ones(len(row), bool))
    asked = judgements.query_language[queries]
    own, other, others = np.full(len(queries), np.nan), np.zeros(len(queries)), np.zeros(len(queries))
    for language in range(len(judgements.languages)):
        theirs = ordered.answered == language
        has = np.bincount(row, theirs, minlength=len(queries)) > 0
        loss = whole - precision(~theirs)
        own = np.where(has & (asked == language), loss, own)
        counted = has & (asked != language) & np.isfinite(loss)
        other += np.where(counted, loss, 0.0)
        others += counted
    usable = np.isfinite(own) & (others > 0)
    return queries[usable], own[usable], other[usable] / others[usable]


def _means(query: Ints, values: Values) -> tuple[Ints, Values]:
    queries, member, sizes = np.unique(query, return_inverse=True, return_counts=True)
    return queries, np.bincount(member, values, minlength=len(queries)) / sizes
