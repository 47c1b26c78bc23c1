"""Every measure of a single query, once: what metrics, comparisons, tables and measures of bias are made of.

``QueryScores`` gives the values of a measure for all queries that have it. Under ties three placements are possible: by
id (trec_eval's rule, the one that is reported), and the best and the worst that any order of the tied candidates could
give, which bound it. Measures of bias use mid-ranks instead, and know no placement.

Shapes: Q queries, J judgements, G groups of judgements that are ranked together (a query's in one language, or all of a
query's), n values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from engine.evaluation.arrays import Ints, Values
from engine.evaluation.judgements import Judgements
from engine.evaluation.ranks import NOT_RETRIEVED
from engine.measures import MEASURES, Formula, Measure, not_applicable

Placement = Literal["id", "optimistic", "pessimistic"]


@dataclass(frozen=True, slots=True)
class Scores:
    """The values of one measure, queries ascending, and passage languages ascending within a query."""

    query: Ints  # [n]
    language: Ints | None  # [n] of the passages; None: the query is ranked against the pool of all languages
    value: Values  # [n]


class QueryScores:
    """Values of single queries; judgements are sorted once for all measures."""

    def __init__(self, judgements: Judgements) -> None:
        self.judgements = judgements

    def of(self, measure: Measure | str, placement: Placement = "id") -> Scores:
        """The values of a measure, without the queries (and languages) that cannot have it.

        There are none where the measure means nothing on the benchmark.
        """
        measure = MEASURES[measure] if isinstance(measure, str) else measure
        if self.why_not(measure) is not None:
            none: Ints = np.zeros(0, np.int64)
            return Scores(none, None if measure.cells == "pool" else none, np.zeros(0))
        in_pool = measure.cells == "pool"
        groups = self._in_pool if in_pool else self._in_languages
        values = _FORMULAS[measure.formula](groups, placement, measure.k or 0)
        chosen = np.isfinite(values)
        if not in_pool:
            is_own = groups.language == self.judgements.query_language[groups.query]
            chosen &= is_own if measure.cells == "own language" else ~is_own
        return Scores(groups.query[chosen], None if in_pool else groups.language[chosen], values[chosen])

    def why_not(self, measure: Measure) -> str | None:
        """Why the measure means nothing on this benchmark; None: it does mean something."""
        languages = len(self.judgements.languages)
        return not_applicable(measure.needs, languages, answered_in_several=self.answered_in_several)

    @cached_property
    def answered_in_several(self) -> bool:
        """Whether some query has relevant passages in several languages."""
        return bool((self.judgements.languages_answering() > 1).any())

    @cached_property
    def _in_pool(self) -> Groups:
        one = self.judgements
        return Groups(one, one.query, one.rank_pool, one.above_pool, one.tied_pool)

    @cached_property
    def _in_languages(self) -> Groups:
        one = self.judgements
        key = one.query * len(one.languages) + one.answered
        return Groups(one, key, one.rank_language, one.above_language, one.tied_language)


class Groups:
    """Judgements sorted into groups that are ranked together, each group from its best rank to its worst.

    Attributes:
        query, language: [G] of each group; the language is that of its passages where groups are of one language.
        sizes: [G] judgements.
    """

    def __init__(self, judgements: Judgements, key: Ints, rank: Ints, above: Ints, tied: Ints) -> None:
        order = np.lexsort((rank, key))
        self.judgements = judgements  # in their own order
        self._grade = judgements.grade[order].astype(np.float64)
        self._rank, self.above, self.tied = rank[order], above[order], tied[order]  # [J] each
        _, self.starts = np.unique(key[order], return_index=True)  # [G]
        self.query = judgements.query[order][self.starts]
        self.language = judgements.answered[order][self.starts]
        self.sizes = np.diff(self.starts, append=len(order))
        self._group = np.repeat(np.arange(len(self.starts)), self.sizes)  # [J]
        new_run = np.ones(len(order), bool)  # a run: relevant passages of one group with equal scores
        new_run[1:] = (self._group[1:] != self._group[:-1]) | (self.above[1:] != self.above[:-1])
        self._run = np.cumsum(new_run)  # [J]
        run_starts = np.flatnonzero(new_run)
        lengths = np.diff(run_starts, append=len(order))
        self.run_length = np.repeat(lengths, lengths)  # [J]
        self._in_run = np.arange(len(order)) - np.repeat(run_starts, lengths)  # [J] 0, 1, ... within a run

    def ranks(self, placement: Placement) -> Ints:
        """[J] in sorted order: tied relevant passages before (or after) all other candidates of their score."""
        if placement == "id":
            return self._rank
        irrelevant = 0 if placement == "optimistic" else self.tied + 1 - self.run_length
        return np.where(self._rank == NOT_RETRIEVED, NOT_RETRIEVED, self.above + irrelevant + 1 + self._in_run)

    def average_precision(self, placement: Placement, _: int) -> Values:
        """[G] ``(1 / |R|) * sum over relevant r of (relevant at or above r) / rank(r)``; 0 for what has no rank."""
        found = np.arange(len(self._group)) - self.starts[self._group] + 1
        precision = found / self.ranks(placement)
        return self._mean(np.where(self._rank < NOT_RETRIEVED, precision, 0.0))

    def recall(self, placement: Placement, k: int) -> Values:
        """[G] share of the relevant passages that rank k or better."""
        return self._mean((self.ranks(placement) <= k).astype(np.float64))

    def ndcg(self, placement: Placement, k: int) -> Values:
        """[G] DCG / ideal DCG (trec_eval's ndcg_cut).

        DCG is the sum of ``grade(r) / log2(1 + rank(r))`` over the relevant passages that rank k or better, the ideal
        one that of the k highest grades at ranks 1 to k.
        """
        ranks = self.ranks(placement)
        gain = self._grade
        if placement != "id":  # of those with equal scores, the highest grade comes first, or last
            sign = -1 if placement == "optimistic" else 1
            gain = gain[np.lexsort((sign * gain, self._run))]
        best_first = self._grade[np.lexsort((-self._grade, self._group))]
        place = np.arange(len(self._group)) - self.starts[self._group] + 1
        return self._discounted(gain, ranks, k) / self._discounted(best_first, place, k)

    def rank_distance(self, placement: Placement, _: int) -> Values:
        """[G] max - min rank; NaN without relevant passages in two languages, and where one was not retrieved."""
        first, last = self.starts, self.starts + self.sizes - 1
        if placement == "id":
            distance = self._rank[last] - self._rank[first]
        elif placement == "pessimistic":  # the last of the worst score's ties and the first of the best score's
            distance = self.above[last] + self.tied[last] - self.above[first]
        else:
            nearest = self.ranks("optimistic")[last] - self.ranks("pessimistic")[first]
            level = self.above[first] == self.above[last]  # all relevant passages have one score
            distance = np.where(level, self.sizes - 1, nearest)
        several = self.judgements.languages_answering()[self.query] > 1
        return np.where(several & (self._rank[last] < NOT_RETRIEVED), distance, np.nan)

    def own_language_advantage(self, _: Placement, __: int) -> Values:
        """[G] mean log2 mid-rank of other-language relevant passages - mean log2 mid-rank of the own-language ones.

        In doublings of rank; NaN where a query lacks one side, or one of its relevant passages was not retrieved.
        """
        one = self.judgements
        side = self._member * 2 + (one.answered == one.asked)
        counts = np.bincount(side, minlength=2 * len(self.starts)).reshape(-1, 2)  # columns: other, own
        places = np.log2(np.where(one.is_retrieved, one.mid_rank, 1.0))
        sums = np.bincount(side, places, minlength=2 * len(self.starts)).reshape(-1, 2)
        means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
        return np.where(self._is_fully_ranked, means[:, 0] - means[:, 1], np.nan)

    def other_language_recall(self, _: Placement, k: int) -> Values:
        """[G] TLR@k (arXiv 2606.18801): share of the relevant passages in other languages with a mid-rank up to k.

        What was not retrieved is not found; NaN without relevant passages in another language.
        """
        one = self.judgements
        other = one.answered != one.asked
        counts = np.bincount(self._member, other, minlength=len(self.starts))
        found = np.bincount(self._member, other & (one.mid_rank <= k), minlength=len(self.starts))
        shares: Values = np.full(len(counts), np.nan)
        return np.divide(found, counts, out=shares, where=counts > 0)

    def worst_rank(self, _: Placement, __: int) -> Values:
        """[G] Max@R (arXiv 2604.05684): the worst mid-rank of a query's relevant passages.

        NaN where one of them was not retrieved. At least R, the number of relevant passages: mid-ranks of ties could
        be better than R distinct places allow.
        """
        worst = np.zeros(len(self.starts))
        np.maximum.at(worst, self._member, self.judgements.mid_rank)
        return np.where(np.isfinite(worst), np.maximum(worst, self.sizes), np.nan)

    @cached_property
    def _member(self) -> Ints:
        """[J] the group of each judgement, judgements in their own order; groups are whole queries."""
        found: Ints = np.searchsorted(self.query, self.judgements.query)
        return found

    @cached_property
    def _is_fully_ranked(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        missing = np.bincount(self._member, ~self.judgements.is_retrieved, minlength=len(self.starts))
        return np.asarray(missing == 0)

    def _discounted(self, gain: Values, ranks: Ints, k: int) -> Values:
        terms: Values = np.where(ranks <= k, gain / np.log2(1.0 + ranks), 0.0)
        return np.bincount(self._group, terms, minlength=len(self.starts)).astype(np.float64)

    def _mean(self, values: Values) -> Values:
        return np.bincount(self._group, values, minlength=len(self.starts)) / self.sizes


_FORMULAS: dict[Formula, Callable[[Groups, Placement, int], Values]] = {
    "average precision": Groups.average_precision,
    "recall": Groups.recall,
    "nDCG": Groups.ndcg,
    "rank distance": Groups.rank_distance,
    "own-language advantage": Groups.own_language_advantage,
    "other-language recall": Groups.other_language_recall,
    "worst rank": Groups.worst_rank,
}
