"""Average precision, nDCG, recall and rank distance of every single query, from its ranks.

These are what means, bootstraps and tests over queries are made of. Under ties three placements are possible: by id
(trec_eval's rule, the one that is reported), and the best and the worst that any order of the tied candidates could
give, which bound it.

Shapes: Q queries, J judgements, N (query, passage language) cells with a relevant passage, P queries with a relevant
passage, M queries with two or more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Ints
from engine.evaluation.tally import NOT_RETRIEVED, Ranks

Placement = Literal["id", "optimistic", "pessimistic"]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cells:
    """A query against the candidates of one language: what monolingual and cross-lingual settings average."""

    query: Ints  # [N] ascending
    language: Ints  # [N] passage language, index into the benchmark's languages
    average_precision: Values  # [N]
    recall_at_1: Values  # [N]
    recall_at_100: Values  # [N]
    ndcg_at_10: Values  # [N]


@dataclass(frozen=True, slots=True)
class Pool:
    """A query against the candidates of all languages: what the multilingual setting averages."""

    query: Ints  # [P] ascending
    average_precision: Values  # [P]
    recall_at_10: Values  # [P]


@dataclass(frozen=True, slots=True)
class Distances:
    """max - min rank of a query's relevant passages in the pool; left out where one of them was not retrieved."""

    query: Ints  # [M] ascending
    distance: Ints  # [M]


@dataclass(frozen=True, slots=True)
class QueryScores:
    cells: Cells
    pool: Pool
    distances: Distances


def query_scores(benchmark: Benchmark, ranks: Ranks, placement: Placement = "id") -> QueryScores:
    """Scores of every query that has relevant passages, under one placement of tied candidates.

    Average precision is ``AP(q) = (1 / |R_q|) * sum over relevant r of (relevant at or above r) / rank(r)``, recall at
    k the share of the query's relevant passages that rank k or better: both over the passages of one language in
    ``cells`` and over all of them in ``pool``. ``nDCG@k(q) = DCG / ideal DCG``, where DCG is the sum of
    ``grade(r) / log2(1 + rank(r))`` over the relevant passages that rank k or better, and the ideal one that of the k
    highest grades at ranks 1 to k (trec_eval's ndcg_cut). A passage that was not retrieved contributes 0 to each.
    """
    languages = len(benchmark.languages)
    cell = ranks.query * languages + benchmark.candidate_language[ranks.passage]
    grades = benchmark.grades
    in_language = _Groups(cell, ranks.rank_language, ranks.above_language, ranks.tied_language, grades)
    in_pool = _Groups(ranks.query, ranks.rank_pool, ranks.above_pool, ranks.tied_pool, grades)
    return QueryScores(
        cells=Cells(
            query=in_language.keys // languages,
            language=in_language.keys % languages,
            average_precision=in_language.average_precision(placement),
            recall_at_1=in_language.recall(placement, 1),
            recall_at_100=in_language.recall(placement, 100),
            ndcg_at_10=in_language.ndcg(placement, 10),
        ),
        pool=Pool(
            query=in_pool.keys,
            average_precision=in_pool.average_precision(placement),
            recall_at_10=in_pool.recall(placement, 10),
        ),
        distances=_distances(in_pool, placement),
    )


class _Groups:
    """Judgements sorted into groups that are ranked together, each group from its best rank to its worst."""

    def __init__(self, key: Ints, rank: Ints, above: Ints, tied: Ints, grade: npt.NDArray[np.int16]) -> None:
        order = np.lexsort((rank, key))
        self._grade = grade[order].astype(np.float64)
        self._rank, self.above, self.tied = rank[order], above[order], tied[order]  # [J] each
        self.keys, self.starts = np.unique(key[order], return_index=True)  # [groups] each
        self.sizes = np.diff(self.starts, append=len(order))  # [groups]
        self._group = np.repeat(np.arange(len(self.keys)), self.sizes)  # [J]
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
        return self.above + irrelevant + 1 + self._in_run

    def average_precision(self, placement: Placement) -> Values:
        found = np.arange(len(self._group)) - self.starts[self._group] + 1
        precision = found / self.ranks(placement)
        return self._mean(np.where(self._rank < NOT_RETRIEVED, precision, 0.0))

    def recall(self, placement: Placement, k: int) -> Values:
        return self._mean((self.ranks(placement) <= k).astype(np.float64))

    def ndcg(self, placement: Placement, k: int) -> Values:
        ranks = self.ranks(placement)
        gain = self._grade
        if placement != "id":  # of those with equal scores, the highest grade comes first, or last
            sign = -1 if placement == "optimistic" else 1
            gain = gain[np.lexsort((sign * gain, self._run))]
        best_first = self._grade[np.lexsort((-self._grade, self._group))]
        place = np.arange(len(self._group)) - self.starts[self._group] + 1
        return self._discounted(gain, ranks, k) / self._discounted(best_first, place, k)

    def _discounted(self, gain: Values, ranks: Ints, k: int) -> Values:
        terms: Values = np.where(ranks <= k, gain / np.log2(1.0 + ranks), 0.0)
        return np.bincount(self._group, terms, minlength=len(self.keys)).astype(np.float64)

    def _mean(self, values: Values) -> Values:
        return np.bincount(self._group, values, minlength=len(self.keys)) / self.sizes


def _distances(pool: _Groups, placement: Placement) -> Distances:
    last = pool.starts + pool.sizes - 1
    several = (pool.sizes >= 2) & (pool.ranks("id")[last] < NOT_RETRIEVED)
    first, last = pool.starts[several], last[several]
    if placement == "id":
        ranks = pool.ranks("id")
        return Distances(pool.keys[several], ranks[last] - ranks[first])
    level = pool.above[first] == pool.above[last]  # all relevant passages have one score
    if placement == "pessimistic":  # the last of the worst score's ties and the first of the best score's
        return Distances(pool.keys[several], pool.above[last] + pool.tied[last] - pool.above[first])
    nearest = pool.ranks("optimistic")[last] - pool.ranks("pessimistic")[first]
    return Distances(pool.keys[several], np.where(level, pool.sizes[several] - 1, nearest))
