"""What each language of a query's relevant passages is worth to it.

Shapes: J judgements, n queries.
"""

from __future__ import annotations

import numpy as np

from engine.evaluation.arrays import Ints, Values
from engine.evaluation.judgements import Judgements


def precision_lost(judgements: Judgements) -> tuple[Ints, Values, Values]:
    """LAReQA's removed answers (arXiv 2004.05484, section 5): (queries, loss with own, mean loss with another).

    The loss with a language is the query's average precision in the pool of all languages, minus what it is once the
    relevant passages in that language have left the pool: the others move up, and are all that is to be found. "Own" is
    the query's language, "another" the mean over the other languages with relevant passages. A model that leans on
    own-language passages loses more with them than with others. Ranks are those of the tie rule, as in mAP. Queries
    need a relevant passage in their language and in another.
    """
    order = np.lexsort((judgements.rank_pool, judgements.query))
    ordered = judgements.only(order)
    queries, starts, sizes = np.unique(ordered.query, return_index=True, return_counts=True)
    row = np.repeat(np.arange(len(queries)), sizes)

    def precision(keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Values:
        """[queries] average precision of what is kept; NaN where nothing is."""
        kept_before = np.cumsum(keep)
        kept_before = kept_before - (kept_before[starts] - keep[starts])[row]  # within the query, itself included
        gone = np.arange(len(row)) - starts[row] + 1 - kept_before
        terms = np.where(keep, kept_before / np.maximum(ordered.rank_pool - gone, 1), 0.0)
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
