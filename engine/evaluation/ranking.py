"""Exact ranks of all relevant passages, from embeddings, with no cutoff.

The rank of a relevant candidate r is ``1 + #{s > s_r} + #{s = s_r and id > id_r}``, trec_eval's tie rule, with
scores in float32. Candidates are sorted by id, so a higher index is a higher id.

A matrix product gives different last bits for different shapes, and one last bit can be one rank. Every score
therefore comes from a product of one fixed shape, ``QUERY_TILE x CANDIDATE_TILE``, with zero rows as padding, whose
tiles start at multiples of those sizes; and candidates with equal vectors get one score, that of the first of them.
All of it runs on the CPU, so that the machine that trained a model does not decide its ranks.

Counting is done on sorted scores: each language's block of a score tile is sorted once, and a binary search then gives
the candidates above and level with any number of relevant passages. Only the few ties are looked at one by one.

Shapes: Q queries, C candidates, J judgements, D dimensions, K = min(k, C); in a tile, q queries and r judgements,
R the most judgements of a query.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from engine.data.benchmark import Benchmark

QUERY_TILE = 256
CANDIDATE_TILE = 1024
TOP_K = 100
NOT_RETRIEVED = np.iinfo(np.int32).max  # the rank of what a search with a cutoff did not find

Tick = Callable[[str, int, int], None]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_TIED_ROWS = 512  # judgements whose ties are resolved at once: bounds memory when a collapsed model ties everything


@dataclass(frozen=True, slots=True)
class Ranks:
    """One row per judgement, in the benchmark's order of judgements.

    "pool" columns count over all candidates, "language" columns over those of the relevant passage's language.
    ``above`` is the number of candidates with a higher score, ``tied`` that of *other* candidates with an equal one.
    """

    query: Ints  # [J] index of the query
    passage: Ints  # [J] index of the relevant candidate
    score: Floats  # [J]
    rank_pool: Ints  # [J] from 1
    rank_language: Ints  # [J] from 1
    tied_pool: Ints  # [J]
    tied_language: Ints  # [J]
    above_pool: Ints  # [J]
    above_language: Ints  # [J]


@dataclass(frozen=True, slots=True)
class TopK:
    """The K best candidates of every query, best first, ties by descending id."""

    passage: Ints  # [Q, K] candidate indices
    score: Floats  # [Q, K]


def rank(
    benchmark: Benchmark,
    query_embeddings: Floats,
    candidate_embeddings: Floats,
    *,
    k: int = TOP_K,
    tick: Tick | None = None,
) -> tuple[Ranks, TopK]:
    """Ranks every judgement and lists every query's best candidates; never holds Q x C scores.

    Args:
        query_embeddings: [Q, D] float32; scores are plain dot products, so cosines for L2-normalised rows.
        candidate_embeddings: [C, D] float32.
        tick: called as ``tick("ranking", queries done, Q)`` after each tile; may raise to abandon the work.

    A score that is not a number counts as minus infinity: a diverged model ranks last, by id.

    Raises:
        ValueError: the arrays do not fit the benchmark or each other.
    """
    queries, candidates = len(benchmark.query_ids), len(benchmark.candidate_ids)
    if query_embeddings.shape[:1] != (queries,) or candidate_embeddings.shape != (
        candidates,
        *query_embeddings.shape[1:],
    ):
        raise ValueError(
            f"embeddings of shape {query_embeddings.shape} and {candidate_embeddings.shape} "
            f"for {queries} queries and {candidates} candidates"
        )
    scores = _TileScores(query_embeddings, candidate_embeddings)
    blocks = _language_blocks(benchmark.candidate_language)
    parts: list[Ranks] = []
    top = TopK(np.empty((queries, min(k, candidates)), np.int64), np.empty((queries, min(k, candidates)), np.float32))
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        for first in range(0, queries, QUERY_TILE):
            tile = scores.of_queries(first)  # [q, C]
            last = first + len(tile)
            judged = slice(int(benchmark.offsets[first]), int(benchmark.offsets[last]))
            passage = benchmark.relevant[judged]
            row = np.repeat(np.arange(len(tile)), np.diff(benchmark.offsets[first : last + 1]))  # [r]
            levels, position = _levels(tile, row, passage)
            counted = list(threads.map(partial(_count_block, tile, levels, k), blocks))
            parts.append(_rank_tile(benchmark, tile, blocks, row, position, passage, counted, first))
            best = np.concatenate([count.best for count in counted], axis=1)
            top.passage[first:last], top.score[first:last] = _top_of_tile(tile, best, top.passage.shape[1])
            if tick is not None:
                tick("ranking", last, queries)
    return _concatenate(parts), top


class _TileScores:
    """Scores of one query tile against all candidates, in a buffer that the next tile overwrites."""

    def __init__(self, query_embeddings: Floats, candidate_embeddings: Floats) -> None:
        self._queries = query_embeddings
        self._candidates = len(candidate_embeddings)
        padded = -(-self._candidates // CANDIDATE_TILE) * CANDIDATE_TILE
        self._padded_candidates = torch.zeros((padded, candidate_embeddings.shape[1]))
        self._padded_candidates.numpy()[: self._candidates] = candidate_embeddings
        self._query_tile = torch.zeros((QUERY_TILE, query_embeddings.shape[1]))
        self._scores = torch.empty((QUERY_TILE, padded))
        self._copies, self._originals = _equal_rows(candidate_embeddings)
        self._finite = bool(np.isfinite(query_embeddings).all() and np.isfinite(candidate_embeddings).all())

    def of_queries(self, first: int) -> Floats:
        """[q, C] for the queries ``first``, ``first + 1``, ...; q = QUERY_TILE but for the last tile."""
        size = min(QUERY_TILE, len(self._queries) - first)
        self._query_tile.numpy()[:size] = self._queries[first : first + size]
        self._query_tile[size:] = 0
        for start in range(0, self._scores.shape[1], CANDIDATE_TILE):
            tile = slice(start, start + CANDIDATE_TILE)
            torch.mm(self._query_tile, self._padded_candidates[tile].T, out=self._scores[:, tile])
        if not self._finite:
            self._scores.nan_to_num_(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
        scores: Floats = self._scores.numpy()[:size, : self._candidates]
        scores[:, self._copies] = scores[:, self._originals]
        return scores


@dataclass(frozen=True, slots=True)
class _BlockCount:
    """One language's candidates against the levels [q, R] of a tile."""

    above: Ints  # [q, R]
    equal: Ints  # [q, R]
    best: Floats  # [q, min(k, block)] scores


def _count_block(tile: Floats, levels: Floats, k: int, block: slice) -> _BlockCount:
    ordered = np.sort(tile[:, block], axis=1)  # numpy's vectorised sort; torch's is several times slower
    values, wanted = torch.from_numpy(ordered), torch.from_numpy(levels)
    at_most = torch.searchsorted(values, wanted, right=True).numpy()
    below = torch.searchsorted(values, wanted, right=False).numpy()
    return _BlockCount(ordered.shape[1] - at_most, at_most - below, ordered[:, -k:])


def _levels(tile: Floats, row: Ints, passage: Ints) -> tuple[Floats, Ints]:
    """Scores of the relevant passages as [q, R], padded with infinity, and each judgement's column in it [r]."""
    counts = np.bincount(row, minlength=len(tile))
    position = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
    levels = np.full((len(tile), int(counts.max(initial=0))), np.inf, np.float32)
    levels[row, position] = tile[row, passage]
    return levels, position


def _rank_tile(
    benchmark: Benchmark,
    tile: Floats,
    blocks: Sequence[slice],
    row: Ints,
    position: Ints,
    passage: Ints,
    counted: Sequence[_BlockCount],
    first_query: int,
) -> Ranks:
    above = np.stack([count.above[row, position] for count in counted])  # [languages, r]
    equal = np.stack([count.equal[row, position] for count in counted])
    own = np.searchsorted([block.stop for block in blocks], passage, side="right")  # [r] the passage's block
    mine = np.arange(len(row))
    tied_pool = equal.sum(axis=0) - 1
    later_pool, later_language = np.zeros_like(passage), np.zeros_like(passage)
    tied = np.flatnonzero(tied_pool)
    index, language = np.arange(tile.shape[1]), benchmark.candidate_language
    for start in range(0, len(tied), _TIED_ROWS):
        some = tied[start : start + _TIED_ROWS]
        relevant = passage[some, None]
        later = (tile[row[some]] == tile[row[some], passage[some]][:, None]) & (index > relevant)
        later_pool[some] = later.sum(axis=1)
        later_language[some] = (later & (language == language[relevant])).sum(axis=1)
    above_pool, above_language = above.sum(axis=0), above[own, mine]
    return Ranks(
        query=row + first_query,
        passage=passage,
        score=tile[row, passage],
        rank_pool=1 + above_pool + later_pool,
        rank_language=1 + above_language + later_language,
        tied_pool=tied_pool,
        tied_language=equal[own, mine] - 1,
        above_pool=above_pool,
        above_language=above_language,
    )


def _top_of_tile(tile: Floats, best: Floats, k: int) -> tuple[Ints, Floats]:
    """([q, k], [q, k]) from the tile [q, C] and scores [q, >= k] that hold each row's k best."""
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
    index = (flat % tile.shape[1]).reshape(len(tile), k)[:, ::-1]  # descending id
    scores = np.take_along_axis(tile, index, axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.take_along_axis(index, order, axis=1), np.take_along_axis(scores, order, axis=1)


def _language_blocks(language: npt.NDArray[np.int16]) -> list[slice]:
    """Where each language's candidates lie; they are contiguous because ids begin with the language."""
    starts = np.flatnonzero(np.diff(language, prepend=-1))
    if len(starts) != len(np.unique(language)):
        raise ValueError("the candidates of a language are not contiguous")
    return [slice(int(a), int(b)) for a, b in zip(starts, [*starts[1:], len(language)], strict=True)]


def _equal_rows(vectors: Floats) -> tuple[Ints, Ints]:
    """(indices of rows equal to an earlier row, the first such row of each)."""
    first: dict[bytes, int] = {}
    copies, originals = [], []
    for index, row in enumerate(np.ascontiguousarray(vectors)):
        original = first.setdefault(hashlib.blake2b(row, digest_size=16).digest(), index)
        if original != index:
            copies.append(index)
            originals.append(original)
    return np.array(copies, np.int64), np.array(originals, np.int64)


def _concatenate(parts: Sequence[Ranks]) -> Ranks:
    def column(name: str) -> Ints:
        return np.concatenate([getattr(part, name) for part in parts])

    return Ranks(
        query=column("query"),
        passage=column("passage"),
        score=np.concatenate([part.score for part in parts]),
        rank_pool=column("rank_pool"),
        rank_language=column("rank_language"),
        tied_pool=column("tied_pool"),
        tied_language=column("tied_language"),
        above_pool=column("above_pool"),
        above_language=column("above_language"),
    )
