"""Counts, shard after shard, what stands above and level with every relevant passage, and keeps every query's best.

The rank of a relevant candidate r is ``1 + #{s > s_r} + #{s = s_r and id > id_r}``, trec_eval's tie rule. Both counts
are sums over shards, so ranks are exact however the candidates are cut.

Counting is done on sorted scores: each language's block of a score tile is sorted once, and a binary search then gives
the candidates above and level with any number of relevant passages. Only the few ties are looked at one by one.

Most candidates of a good model are below the worst relevant passage, and none of them counts: they are dropped before
sorting. Likewise only what reaches a bound on the k-th best score can be among the k best. The bound costs one pass:
k groups of candidates whose maxima all reach t are k candidates that do.

Shapes: Q queries, J judgements, K = min(k, candidates); in a tile, q queries and n candidates; in some of its rows, r
judgements, R the most judgements of a query, B language blocks, m the most kept scores of a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Floats, Ints
from engine.evaluation.ranks import Ranks, TopK
from engine.evaluation.shards import Shard

_Number = TypeVar("_Number", np.float32, np.int64)

_GROUP = 64  # candidates
_MOST_KEPT = 0.15  # of a block; above it, sorting all of it is faster
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
        found = [_count(tile[:, block], levels) for _, block in shard.blocks]
        above, equal = (np.stack([pair[side] for pair in found])[:, row, position] for side in (0, 1))  # [B, r] each
        mine = np.array([code for code, _ in shard.blocks])[:, None] == language  # [B, r]
        equal_here = equal.sum(axis=0)
        counts["above_pool"] += above.sum(axis=0)
        counts["equal_pool"] += equal_here
        counts["above_language"] += (above * mine).sum(axis=0)
        counts["equal_language"] += (equal * mine).sum(axis=0)
        itself = shard.candidates[_column(shard, passage)] == passage
        self._count_later(counts, tile, shard, row, passage, self.level[judged], np.flatnonzero(equal_here > itself))
        self._merge(first, shard, *_best(tile, min(self._top.passage.shape[1], tile.shape[1])))

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

    def _merge(self, first: int, shard: Shard, column: Ints, scores: Floats) -> None:
        """Joins the best [q, k] of this shard with those of earlier ones."""
        rows = slice(first, first + len(column))
        passages = np.concatenate([self._top.passage[rows], shard.candidates[column]], axis=1)
        scores = np.concatenate([self._top.score[rows], scores], axis=1)
        size = self._top.passage.shape[1]
        order = np.lexsort((passages, scores), axis=1)[:, ::-1][:, :size]  # score, then id, both descending
        self._top.passage[rows] = np.take_along_axis(passages, order, axis=1)
        self._top.score[rows] = np.take_along_axis(scores, order, axis=1)


def _count(scores: Floats, levels: Floats) -> tuple[Ints, Ints]:
    """How many of each row's scores [q, n] are above, and level with, its levels: two arrays [q, R]."""
    kept = _keep(scores, levels.min(axis=1, initial=np.inf))
    # numpy's vectorised sort; torch's is several times slower
    ordered = np.sort(scores if kept is None else kept.padded(kept.score, -np.inf), axis=1)
    values, wanted = torch.from_numpy(ordered), torch.from_numpy(levels)
    at_most = torch.searchsorted(values, wanted, right=True).numpy()
    below = torch.searchsorted(values, wanted, right=False).numpy()
    return ordered.shape[1] - at_most, at_most - below


def _best(tile: Floats, k: int) -> tuple[Ints, Floats]:
    """The k best of each row, in no order; of equal scores the later columns: columns and scores [q, k]."""
    groups = tile.shape[1] // _GROUP
    if groups < k:
        return _top_of_tile(tile, k)
    # A group's columns are spread over the tile, so that no language has groups of its own.
    maxima = tile[:, : groups * _GROUP].reshape(len(tile), _GROUP, groups).max(axis=1)
    kept = _keep(tile, np.partition(maxima, groups - k, axis=1)[:, groups - k])
    if kept is None:
        return _top_of_tile(tile, k)
    place, scores = _top_of_tile(kept.padded(kept.score, -np.inf), k)
    return np.take_along_axis(kept.padded(kept.column, 0), place, axis=1), scores


@dataclass(frozen=True, slots=True)
class _Kept:
    """Some of the scores of a matrix, row after row [e]."""

    row: Ints
    place: Ints  # 0, 1, ... within the row
    column: Ints
    score: Floats
    shape: tuple[int, int]  # [q, m]

    def padded(self, values: npt.NDArray[_Number], padding: float) -> npt.NDArray[_Number]:
        """[e] -> [q, m]."""
        matrix = np.full(self.shape, padding, values.dtype)
        matrix[self.row, self.place] = values
        return matrix


def _keep(scores: Floats, least: Floats) -> _Kept | None:
    """What reaches ``least`` [q] in its row; None where that is too much to be worth it."""
    flat = np.flatnonzero(scores >= least[:, None])
    if len(flat) > _MOST_KEPT * scores.size:
        return None
    row, column = np.divmod(flat, scores.shape[1])
    counts = np.bincount(row, minlength=len(scores))
    place = np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
    return _Kept(row, place, column, scores[row, column], (len(scores), int(counts.max())))


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


def _top_of_tile(tile: Floats, k: int) -> tuple[Ints, Floats]:
    """The k best of each row of [q, n]: places and scores [q, k]; of equal scores the later places."""
    level = np.partition(tile, tile.shape[1] - k, axis=1)[:, -k, None]  # [q, 1] the k-th best score
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
