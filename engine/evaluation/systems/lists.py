"""Ranks from what a system retrieved for each query, in trec_eval's order: by descending score, then descending id.

Shapes: Q queries, J judgements, n candidates that a query retrieved, r of its judgements.
"""

from __future__ import annotations

import numpy as np

from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Floats, Ints, Values
from engine.evaluation.ranks import NOT_RETRIEVED, TOP_K, Ranks, TopK

_RANKED = ("rank_pool", "rank_language", "above_pool", "above_language")
_TIED = ("tied_pool", "tied_language")


class RetrievedLists:
    """Takes the lists of all queries, one after the other, and keeps what an evaluation needs of them.

    Within the candidates of one language the order is that of the list: what a system puts before a passage it has
    retrieved too, so the ranks of retrieved passages are exact, and the others have none.

    Attributes:
        depth: of the longest list.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        queries, judged = len(benchmark.query_ids), len(benchmark.relevant)
        size = min(TOP_K, len(benchmark.candidate_ids))
        self._benchmark, self.depth = benchmark, 0
        self._columns = {
            **{name: np.full(judged, NOT_RETRIEVED, np.int64) for name in _RANKED},
            **{name: np.zeros(judged, np.int64) for name in _TIED},
        }
        self._level: Floats = np.full(judged, -np.inf, np.float32)
        self._top = TopK(np.full((queries, size), -1, np.int64), np.full((queries, size), -np.inf, np.float32))

    def add(self, query: int, candidate: Ints, score: Values) -> None:
        """What ``query`` retrieved: distinct candidates [n] in any order, with finite scores [n]."""
        benchmark = self._benchmark
        if benchmark.excluded is not None:
            allowed = candidate != benchmark.excluded[query]
            candidate, score = candidate[allowed], score[allowed]
        order = np.lexsort((-candidate, -score))
        candidate, score = candidate[order], score[order]
        self.depth = max(self.depth, len(candidate))
        best = min(len(candidate), self._top.passage.shape[1])
        self._top.passage[query, :best], self._top.score[query, :best] = candidate[:best], score[:best]

        judged = np.arange(benchmark.offsets[query], benchmark.offsets[query + 1])
        by_id = np.argsort(candidate)
        place = np.minimum(np.searchsorted(candidate[by_id], benchmark.relevant[judged]), max(len(candidate) - 1, 0))
        if not len(candidate):
            return
        found = candidate[by_id[place]] == benchmark.relevant[judged]
        judged, place = judged[found], by_id[place[found]]  # [r] where each one stands in the list
        self._level[judged] = score[place]
        language = benchmark.candidate_language[candidate]
        for suffix in ("pool", "language"):
            for row, at in zip(judged.tolist(), place.tolist(), strict=True):
                rivals = score if suffix == "pool" else score[language == language[at]]
                before = at if suffix == "pool" else int(np.count_nonzero(language[:at] == language[at]))
                self._columns[f"rank_{suffix}"][row] = before + 1
                self._columns[f"above_{suffix}"][row] = np.count_nonzero(rivals > score[at])
                self._columns[f"tied_{suffix}"][row] = np.count_nonzero(rivals == score[at]) - 1

    def ranked(self) -> tuple[Ranks, TopK]:
        """Ranks of all judgements, and every query's best; where there are fewer, the passage is -1."""
        benchmark = self._benchmark
        query = np.repeat(np.arange(len(benchmark.query_ids)), np.diff(benchmark.offsets))
        return Ranks(query=query, passage=benchmark.relevant, score=self._level, **self._columns), self._top
