"""Scores in tiles of one fixed shape, over shards of candidates that fit in memory.

A matrix product gives different last bits for different shapes, and one last bit can be one rank. Every score
therefore comes from a product of one shape, ``QUERY_TILE x CANDIDATE_TILE``, with zero rows as padding, whose tiles
start at multiples of those sizes; and candidates with equal vectors get one score: only distinct vectors are scored,
in the order of the first candidate that has each. So a score depends neither on how many queries there are, nor on how
many shards. All of it runs on the CPU, so that the machine that trained a model does not decide its ranks.

Shapes: Q queries, C candidates, U distinct vectors, D dimensions; in a shard, u vectors and n candidates that have
them; in a tile, q queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Floats, Ints

QUERY_TILE = 256
CANDIDATE_TILE = 1024


class VectorRows(Protocol):
    """Distinct vectors, in memory or on disk."""

    def __len__(self) -> int: ...

    def read(self, start: int, into: Floats) -> None:
        """Fills ``into`` [u, D] with the vectors ``start``, ``start + 1``, ..."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A range of distinct vectors, and the candidates that have them."""

    start: int  # of the range; a multiple of CANDIDATE_TILE
    size: int  # u
    candidates: Ints  # [n] ascending
    place: Ints | None  # [n] each candidate's vector, counted from ``start``; None: they are 0, 1, ..., n - 1
    blocks: Sequence[tuple[int, slice]]  # (language, where its candidates are in ``candidates``)


def make_shards(benchmark: Benchmark, row_of: Ints, rows: int, rows_per_shard: int) -> list[Shard]:
    """Cuts the vectors 0 to ``rows`` into shards.

    Args:
        row_of: [C] the vector of each candidate.
        rows_per_shard: rounded up to whole tiles.
    """
    step = -(-rows_per_shard // CANDIDATE_TILE) * CANDIDATE_TILE
    order = np.argsort(row_of, kind="stable")
    bounds = np.searchsorted(row_of[order], np.arange(0, rows + step, step))
    shards = []
    for start, low, high in zip(range(0, rows, step), bounds[:-1], bounds[1:], strict=False):
        candidates = np.sort(order[low:high])
        size = min(step, rows - start)
        place = row_of[candidates] - start
        same = len(place) == size and bool((place == np.arange(size)).all())
        blocks = _language_blocks(benchmark.candidate_language[candidates])
        shards.append(Shard(start, size, candidates, None if same else place, blocks))
    return shards


class ShardScores:
    """Scores of query tiles against one shard, in a buffer that the next tile overwrites."""

    def __init__(self, query_embeddings: Floats, rows: VectorRows, shard: Shard, excluded: Ints | None = None) -> None:
        """``excluded`` [Q]: a candidate that scores minus infinity for this query, or -1."""
        width = query_embeddings.shape[1]
        self._queries, self._shard, self._excluded = query_embeddings, shard, excluded
        padded = -(-shard.size // CANDIDATE_TILE) * CANDIDATE_TILE
        self._vectors = torch.zeros((padded, width))
        rows.read(shard.start, self._vectors.numpy()[: shard.size])
        self._query_tile = torch.zeros((QUERY_TILE, width))
        self._tile = torch.empty((QUERY_TILE, CANDIDATE_TILE))
        self._scores = torch.empty((QUERY_TILE, padded))
        self._of_candidates = np.empty((QUERY_TILE, 0 if shard.place is None else len(shard.place)), np.float32)
        self._finite = bool(np.isfinite(query_embeddings).all() and torch.isfinite(self._vectors).all())

    def of_queries(self, first: int) -> Floats:
        """[q, n] for the queries ``first``, ``first + 1``, ...; q = QUERY_TILE but for the last tile."""
        size = self._load(first)
        for start in range(0, self._scores.shape[1], CANDIDATE_TILE):
            tile = slice(start, start + CANDIDATE_TILE)
            torch.mm(self._query_tile, self._vectors[tile].T, out=self._scores[:, tile])
        scores = self._defined(self._scores)[:size, : self._shard.size]
        if self._shard.place is not None:
            into: Floats = self._of_candidates[:size]
            scores = np.take(scores, self._shard.place, axis=1, out=into, mode="clip")  # "raise" would use a buffer
        if self._excluded is not None:
            barred = self._excluded[first : first + size]
            column = np.minimum(np.searchsorted(self._shard.candidates, barred), len(self._shard.candidates) - 1)
            here = np.flatnonzero(self._shard.candidates[column] == barred)
            scores[here, column[here]] = -np.inf
        return scores

    def of_pairs(self, first: int, row: Ints, place: Ints) -> Floats:
        """Scores of some pairs alone, equal to those of ``of_queries``.

        Args:
            row: the query of each pair, counted from ``first``.
            place: its vector, counted from the shard's start.
        """
        self._load(first)
        found = np.empty(len(row), np.float32)
        tiles = place // CANDIDATE_TILE
        for tile in np.unique(tiles):
            vectors = self._vectors[tile * CANDIDATE_TILE : (tile + 1) * CANDIDATE_TILE]
            torch.mm(self._query_tile, vectors.T, out=self._tile)
            mine = tiles == tile
            found[mine] = self._defined(self._tile)[row[mine], place[mine] % CANDIDATE_TILE]
        return found

    def _load(self, first: int) -> int:
        size = min(QUERY_TILE, len(self._queries) - first)
        self._query_tile.numpy()[:size] = self._queries[first : first + size]
        self._query_tile[size:] = 0
        return size

    def _defined(self, scores: torch.Tensor) -> Floats:
        if not self._finite:
            scores.nan_to_num_(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
        array: Floats = scores.numpy()
        return array


def _language_blocks(language: npt.NDArray[np.int16]) -> list[tuple[int, slice]]:
    """Where each language's candidates lie; they are contiguous because ids begin with the language."""
    starts = np.flatnonzero(np.diff(language, prepend=-1))
    if len(starts) != len(np.unique(language)):
        raise ValueError("the candidates of a language are not contiguous")
    ends = [*starts[1:].tolist(), len(language)]
    return [(int(language[a]), slice(a, b)) for a, b in zip(starts.tolist(), ends, strict=True)]
