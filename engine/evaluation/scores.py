"""Every measure of a single query, once: what metrics, comparisons, tables and measures of bias are made of.

``QueryScores`` gives the values of a measure for all queries that have it. Under ties three placements are possible: by
id (trec_eval's rule, the one that is reported), and the best and the worst that any order of the tied candidates could
give, which bound it. Measures of bias know no placement: they use mid-ranks, and where only an order will do, as of the
first passage, that by id.

Shapes: Q queries, J judgements, G groups of judgements that are ranked together (a query's in one language, or all of a
query's), n values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from engine.evaluation.arrays import Flags, Ints, Values
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
        values = _FORMULAS[measure.formula](groups, placement, measure)
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
        self._is_own = (judgements.answered == judgements.asked)[order]  # [J] in the query's language
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
        self._run_start = np.repeat(run_starts, lengths)  # [J] the first of the run
        self._in_run = np.arange(len(order)) - np.repeat(run_starts, lengths)  # [J] 0, 1, ... within a run

    def ranks(self, placement: Placement) -> Ints:
        """[J] in sorted order: tied relevant passages before (or after) all other candidates of their score."""
        if placement == "id":
            return self._rank
        irrelevant = 0 if placement == "optimistic" else self.tied + 1 - self.run_length
        return np.where(self._rank == NOT_RETRIEVED, NOT_RETRIEVED, self.above + irrelevant + 1 + self._in_run)

    def average_precision(self, placement: Placement, _: Measure) -> Values:
        """[G] ``(1 / |R|) * sum over relevant r of (relevant at or above r) / rank(r)``; 0 for what has no rank."""
        found = np.arange(len(self._group)) - self.starts[self._group] + 1
        precision = found / self.ranks(placement)
        return self._mean(np.where(self._rank < NOT_RETRIEVED, precision, 0.0))

    def recall(self, placement: Placement, measure: Measure) -> Values:
        """[G] share of the relevant passages that rank k or better."""
        return self._mean((self.ranks(placement) <= _cutoff(measure)).astype(np.float64))

    def ndcg(self, placement: Placement, measure: Measure) -> Values:
        """[G] DCG / ideal DCG (trec_eval's ndcg_cut).

        DCG is the sum of ``grade(r) / log2(1 + rank(r))`` over the relevant passages that rank k or better, the ideal
        one that of the k highest grades at ranks 1 to k.
        """
        return self._gained(self._grade, placement, _cutoff(measure))

    def language_aware_ndcg(self, placement: Placement, measure: Measure) -> Values:
        """[G] nDCG whose gain is ``grade(r)`` times ``measure.gains``: of the query's language, or of another one.

        The ideal order has the same gains. After arXiv 2605.07249, whose gains are not known. NaN where no relevant
        passage has a gain, as with gains (1, 0) where none is in the query's language; of one grade, that measure at 1
        is then the share of first passages that answer in the query's language.
        """
        same, other = measure.gains
        return self._gained(self._grade * np.where(self._is_own, same, other), placement, _cutoff(measure))

    def rank_distance(self, placement: Placement, _: Measure) -> Values:
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

    def own_language_advantage(self, _: Placement, __: Measure) -> Values:
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

    def other_language_recall(self, _: Placement, measure: Measure) -> Values:
        """[G] TLR@k (arXiv 2606.18801): share of the relevant passages in other languages with a mid-rank up to k.

        What was not retrieved is not found; NaN without relevant passages in another language.
        """
        one = self.judgements
        other = one.answered != one.asked
        counts = np.bincount(self._member, other, minlength=len(self.starts))
        near = one.mid_rank <= _cutoff(measure)
        found = np.bincount(self._member, other & near, minlength=len(self.starts))
        shares: Values = np.full(len(counts), np.nan)
        return np.divide(found, counts, out=shares, where=counts > 0)

    def worst_rank(self, _: Placement, __: Measure) -> Values:
        """[G] Max@R (arXiv 2604.05684): the worst mid-rank of a query's relevant passages.

        NaN where one of them was not retrieved. At least R, the number of relevant passages: mid-ranks of ties could
        be better than R distinct places allow.
        """
        worst = np.zeros(len(self.starts))
        np.maximum.at(worst, self._member, self.judgements.mid_rank)
        return np.where(np.isfinite(worst), np.maximum(worst, self.sizes), np.nan)

    def normalised_worst_rank(self, placement: Placement, measure: Measure) -> Values:
        """[G] 100 (log2 N - log2 Max@R) / (log2 N - log2 R) (arXiv 2604.05684), N candidates in the pool.

        100: all relevant passages come first; 0: one of them comes last. NaN where every candidate is relevant, where a
        relevant passage was not retrieved, and where N is not known.
        """
        candidates = self.judgements.candidates
        if candidates is None:
            return np.full(len(self.starts), np.nan)
        span = np.log2(candidates) - np.log2(self.sizes)
        above = np.log2(candidates) - np.log2(self.worst_rank(placement, measure))
        share: Values = np.divide(above, span, out=np.full(len(span), np.nan), where=span > 0)
        return 100 * share

    def complete(self, _: Placement, measure: Measure) -> Values:
        """[G] Comp@k (arXiv 2604.05684): 1 where all relevant passages have a mid-rank up to k, else 0.

        NaN where a query has more than k of them, which no ranking could complete.
        """
        late = np.bincount(self._member, self.judgements.mid_rank > _cutoff(measure), minlength=len(self.starts))
        return np.where(self.sizes <= _cutoff(measure), np.where(late == 0, 1.0, 0.0), np.nan)

    def own_language_first(self, _: Placement, __: Measure) -> Values:
        """[G] 1 where a relevant passage in the query's language scores above all of its translations, else 0.

        Translations are the relevant passages in other languages. Equal scores count as not preferred; what was not
        retrieved is below what was. NaN without passages on both sides, and where none of them was retrieved. The
        language preference rate of arXiv 2605.07249 in its plainest reading; its formula is not known.
        """
        own, other = self._best_above
        value = (own < other).astype(np.float64)
        return np.where(self._has_both_sides & (np.minimum(own, other) < NOT_RETRIEVED), value, np.nan)

    def own_language_ahead(self, _: Placement, __: Measure) -> Values:
        """[G] share of pairs of an own-language relevant passage and a translation, in which the first scores higher.

        Equal scores count as not preferred, and NaN is as in ``own_language_first``. With one relevant passage in every
        language that is the share of translations that the own-language one outranks.
        """
        own, other = self._best_above
        before = np.cumsum(self._is_own) - self._is_own  # own-language passages earlier in the order, of all groups
        above = before[self._run_start] - before[self.starts[self._group]]  # in the same group, with a higher score
        won = np.bincount(self._group, np.where(self._is_own, 0, above), minlength=len(self.starts))
        owned = np.bincount(self._group, self._is_own, minlength=len(self.starts))
        pairs = owned * (self.sizes - owned)
        known = self._has_both_sides & (np.minimum(own, other) < NOT_RETRIEVED)
        shares: Values = np.full(len(pairs), np.nan)
        return np.divide(won, pairs, out=shares, where=known)

    def first_passage(self, _: Placement, measure: Measure) -> Values:
        """[G] 1 where the first passage is what ``measure.first`` says, else 0; of equal scores the tie rule's first.

        Whether it answers (is relevant) and whether it is in the query's language: four kinds, whose shares sum to 1
        (after arXiv 2605.07249). NaN where a query retrieved nothing, and where first passages are not known.
        """
        languages = self.judgements.first_language
        if languages is None:
            return np.full(len(self.starts), np.nan)
        answers, in_own = measure.first
        language = languages[self.query]
        found = (language == self.judgements.query_language[self.query]) == in_own
        if answers is not None:
            found &= (self._rank[self.starts] == 1) == answers
        return np.where(language >= 0, found.astype(np.float64), np.nan)

    @cached_property
    def _best_above(self) -> tuple[Ints, Ints]:
        """[G] candidates above the best own-language relevant passage, and above the best of the others."""
        above = np.where(self._rank == NOT_RETRIEVED, NOT_RETRIEVED, self.above)
        sides = []
        for side in (self._is_own, ~self._is_own):
            best: Ints = np.full(len(self.starts), NOT_RETRIEVED, np.int64)
            np.minimum.at(best, self._group[side], above[side])
            sides.append(best)
        return sides[0], sides[1]

    @cached_property
    def _has_both_sides(self) -> Flags:
        """[G] relevant passages in the query's language and in another one."""
        owned = np.bincount(self._group, self._is_own, minlength=len(self.starts))
        return np.asarray((owned > 0) & (owned < self.sizes))

    @cached_property
    def _member(self) -> Ints:
        """[J] the group of each judgement, judgements in their own order; groups are whole queries."""
        found: Ints = np.searchsorted(self.query, self.judgements.query)
        return found

    @cached_property
    def _is_fully_ranked(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        missing = np.bincount(self._member, ~self.judgements.is_retrieved, minlength=len(self.starts))
        return np.asarray(missing == 0)

    def _gained(self, gains: Values, placement: Placement, k: int) -> Values:
        """[G] DCG / ideal DCG with gains [J] of the relevant passages; NaN where the ideal one is 0."""
        ranks, gain = self.ranks(placement), gains
        if placement != "id":  # of those with equal scores, the highest gain comes first, or last
            sign = -1 if placement == "optimistic" else 1
            gain = gain[np.lexsort((sign * gain, self._run))]
        best_first = gains[np.lexsort((-gains, self._group))]
        place = np.arange(len(self._group)) - self.starts[self._group] + 1
        ideal = self._discounted(best_first, place, k)
        found: Values = np.full(len(ideal), np.nan)
        return np.divide(self._discounted(gain, ranks, k), ideal, out=found, where=ideal > 0)

    def _discounted(self, gain: Values, ranks: Ints, k: int) -> Values:
        terms: Values = np.where(ranks <= k, gain / np.log2(1.0 + ranks), 0.0)
        return np.bincount(self._group, terms, minlength=len(self.starts)).astype(np.float64)

    def _mean(self, values: Values) -> Values:
        return np.bincount(self._group, values, minlength=len(self.starts)) / self.sizes


def _cutoff(measure: Measure) -> int:
    assert measure.k is not None
    return measure.k


_FORMULAS: dict[Formula, Callable[[Groups, Placement, Measure], Values]] = {
    "average precision": Groups.average_precision,
    "recall": Groups.recall,
    "nDCG": Groups.ndcg,
    "rank distance": Groups.rank_distance,
    "own-language advantage": Groups.own_language_advantage,
    "other-language recall": Groups.other_language_recall,
    "worst rank": Groups.worst_rank,
    "normalised worst rank": Groups.normalised_worst_rank,
    "complete": Groups.complete,
    "language-aware nDCG": Groups.language_aware_ndcg,
    "own language first": Groups.own_language_first,
    "own language ahead": Groups.own_language_ahead,
    "first passage": Groups.first_passage,
}
