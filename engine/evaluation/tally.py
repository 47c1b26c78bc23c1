"""Counts, shard after shard, what stands above and level with every relevant passage, and keeps every query's best.

The rank of a relevant candidate r is ``1 + #{s > s_r} + #{s = s_r and id > id_r}``, trec_eval's tie rule. Both counts
are sums over shards, so ranks are exact however the candidates are cut.

Counting is done on sorted scores: each language's block of a score tile is sorted once, and a binary search then gives
the candidates above and level with any number of relevant passages. Only the few ties are looked at one by one.

Shapes: Q queries, J judgements, K = min(k, candidates); in a tile, q queries and n candidates; in some of its rows, r
judgements, R the most judgements of a query.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor

import numpy as np
import torch

from engine.data.benchmark import Benchmark
from engine.evaluation.ranks import Floats, Ints, Ranks, TopK
from engine.evaluation.shards import Shard

_ROWS = 64  # queries that one thread counts at a time
_TIE_CELLS = 1 << 23  # of a tile, looked at one by one at once: bounds memory when a collapsed model ties everything
_COUNTS = ("above_pool", "above_language", "equal_pool", "equal_language", "later_pool", "later_language")


class Tally:
    """State of a ranking between shards; ``arrays`` is all of it."""

    def __init__(self, benchmark: Benchmark, k: int) -> None:
        judged, queries = len(benchmark.relevant), len(benchmark.query_ids)
        size = min(k, len(benchmark.candidate_ids))
        self._benchmark = benchmark
        self.level = np.empty(judged, np.float32)  # [J] score of each relevant passage; filled by the caller
        self._counts = {name: np.zeros(judged, np.int64) for name in _COUNTS}  # equal: the passage itself included
        self._top = TopK(np.full((queries, size), -1, np.int64), np.full((queries, size), -np.inf, np.float32))

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        return {"level": self.level, **self._counts, "top_passage": self._top.passage, "top_score": self._top.score}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """The inverse of ``arrays``."""
        for name, array in self.arrays.items():
            array[...] = arrays[name]

    def judgements(self, first: int, size: int) -> tuple[slice, Ints]:
        """Those of ``size`` queries from ``first`` on, and each one's query, counted from there [r]."""
        offsets = self._benchmark.offsets[first : first + size + 1]
        return slice(int(offsets[0]), int(offsets[-1])), np.repeat(np.arange(size), np.diff(offsets))

    def add(self, first: int, tile: Floats, shard: Shard, threads: Executor) -> None:
        """Counts the scores [q, n] of the queries ``first``, ``first + 1``, ... against a shard."""
        starts = range(0, len(tile), _ROWS)
        list(threads.map(lambda start: self._add_rows(first + start, tile[start : start + _ROWS], shard), starts))

    def finish(self) -> tuple[Ranks, TopK]:
        """
        Raises:
            ArithmeticError: this machine did not give the same score twice for the same tile.
        """
        counts, benchmark = self._counts, self._benchmark
        if (counts["equal_language"] < 1).any():
            raise ArithmeticError("a score came out different the second time: no exact ranks on this machine")
        ranks = Ranks(
            query=np.repeat(np.arange(len(benchmark.query_ids)), np.diff(benchmark.offsets)),
            passage=benchmark.relevant,
            score=self.level,
            rank_pool=1 + counts["above_pool"] + counts["later_pool"],
            rank_language=1 + counts["above_language"] + counts["later_language"],
            tied_pool=counts["equal_pool"] - 1,
            tied_language=counts["equal_language"] - 1,
            above_pool=counts["above_pool"],
            above_language=counts["above_language"],
        )
        return ranks, self._top

    def _add_rows(self, first: int, tile: Floats, shard: Shard) -> None:
        judged, row = self.judgements(first, len(tile))
        passage = self._benchmark.relevant[judged]
        language = self._benchmark.candidate_language[passage]
        counts = {name: array[judged] for name, array in self._counts.items()}  # views [r]
        levels, position = _levels(self.level[judged], row, len(tile))
        equal_here = np.zeros(len(row), np.int64)
        best = []
        for code, block in shard.blocks:
            ordered = np.sort(tile[:, block], axis=1)  # numpy's vectorised sort; torch's is several times slower
            values, wanted = torch.from_numpy(ordered), torch.from_numpy(levels)
            at_most = torch.searchsorted(values, wanted, right=True).numpy()[row, position]
            below = torch.searchsorted(values, wanted, right=False).numpy()[row, position]
            above, equal, mine = ordered.shape[1] - at_most, at_most - below, language == code
            counts["above_pool"] += above
            counts["above_language"] += above * mine
            counts["equal_language"] += equal * mine
            equal_here += equal
            best.append(ordered[:, -self._top.passage.shape[1] :])
        counts["equal_pool"] += equal_here
        itself = shard.candidates[_column(shard, passage)] == passage
        self._count_later(counts, tile, shard, row, passage, self.level[judged], np.flatnonzero(equal_here > itself))
        self._merge(first, tile, shard, np.concatenate(best, axis=1))

    def _count_later(
        self,
        counts: Mapping[str, Ints],
        tile: Floats,
        shard: Shard,
        row: Ints,
        passage: Ints,
        level: Floats,
        tied: Ints,
    ) -> None:
        language = self._benchmark.candidate_language
        step = max(1, _TIE_CELLS // tile.shape[1])
        for start in range(0, len(tied), step):
            some = tied[start : start + step]
            relevant = passage[some, None]
            later = (tile[row[some]] == level[some, None]) & (shard.candidates > relevant)
            counts["later_pool"][some] += later.sum(axis=1)
            counts["later_language"][some] += (later & (language[shard.candidates] == language[relevant])).sum(axis=1)

    def _merge(self, first: int, tile: Floats, shard: Shard, best: Floats) -> None:
        """Joins the best of this shard, of which ``best`` [q, >= k] has the scores, with those of earlier ones."""
        size = self._top.passage.shape[1]
        index, scores = _top_of_tile(tile, best, min(size, tile.shape[1]))
        rows = slice(first, first + len(tile))
        passages = np.concatenate([self._top.passage[rows], shard.candidates[index]], axis=1)
        scores = np.concatenate([self._top.score[rows], scores], axis=1)
        order = np.lexsort((passages, scores), axis=1)[:, ::-1][:, :size]  # score, then id, both descending
        self._top.passage[rows] = np.take_along_axis(passages, order, axis=1)
        self._top.score[rows] = np.take_along_axis(scores, order, axis=1)


def _column(shard: Shard, candidates: Ints) -> Ints:
    """Where candidates are in the shard; anywhere where they are not."""
    return np.minimum(np.searchsorted(shard.candidates, candidates), len(shard.candidates) - 1)


def _levels(level: Floats, row: Ints, size: int) -> tuple[Floats, Ints]:
    """Levels [r] as [size, R], padded with infinity, and each one's column in it [r]."""
    counts = np.bincount(row, minlength=size)
    position = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
    levels = np.full((size, int(counts.max(initial=0))), np.inf, np.float32)
    levels[row, position] = level
    return levels, position


def _top_of_tile(tile: Floats, best: Floats, k: int) -> tuple[Ints, Floats]:
    """([q, k] columns, [q, k] scores) from the tile [q, n] and scores [q, >= k] that hold each row's k best."""
    level = np.partition(best, best.shape[1] - k, axis=1)[:, -k, None]  # [q, 1] the k-th best score
    chosen = tile >= level
    flat = np.flatnonzero(chosen)
    if len(flat) > len(tile) * k:  # more candidates level with the k-th than there is room for: the highest ids stay
        surplus = np.flatnonzero(np.count_nonzero(chosen, axis=1) > k)
        higher, level_with = tile[surplus] > level[surplus], tile[surplus] == level[surplus]
        room = k - np.count_nonzero(higher, axis=1)[:, None]
        from_the_end = np.cumsum(level_with[:, ::-1], axis=1, dtype=np.int32)[:, ::-1]
        chosen[surplus] = higher | (level_with & (from_the_end <= room))
        flat = np.flatnonzero(chosen)
    index = (flat % tile.shape[1]).reshape(len(tile), k)
    return index, np.take_along_axis(tile, index, axis=1)
