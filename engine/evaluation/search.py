"""Exact full ranking of collections that do not fit in memory, from stored vectors.

The same passes as in memory (see ``ranking.rank_shards``), over shards that a memory setting bounds; every rank equals
that of one pass in memory over the same float16-rounded vectors. faiss is not used here: its exact indexes return the k
best, cannot count what stands above the ten-thousandth, and score in products of other shapes, whose last bits differ.

Shapes: Q queries, C candidates, T stored rows, U distinct ones, D dimensions.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.benchmark import Benchmark
from engine.evaluation.distinct import distinct_rows
from engine.evaluation.encoding_cache import StoredTexts
from engine.evaluation.ranking import rank_shards
from engine.evaluation.ranks import TOP_K, Floats, Ints, Ranks, TopK
from engine.evaluation.shards import CANDIDATE_TILE, QUERY_TILE, make_shards
from engine.evaluation.tally import Tally
from engine.evaluation.vector_store import VectorStore
from engine.files import writing
from engine.progress import Tick

MEMORY = 1 << 30  # bytes for the vectors and scores of one shard

_FORMAT = "1"  # part of the journal's key


def stored_queries(queries: StoredTexts) -> Floats:
    """All query vectors [Q, D], float16 rounded, in float32."""
    vectors = np.empty((len(queries.store), queries.store.width), np.float32)
    queries.store.gather(np.arange(len(queries.store)), vectors)
    return vectors[queries.row_of]


def search(
    benchmark: Benchmark,
    query_embeddings: Floats,
    candidates: StoredTexts,
    *,
    journals: Path,
    memory: int = MEMORY,
    k: int = TOP_K,
    tick: Tick | None = None,
) -> tuple[Ranks, TopK]:
    """Ranks every judgement against all candidates and lists every query's k best.

    Args:
        query_embeddings: [Q, D] float32.
        journals: folder where the state after each shard is kept; a killed search goes on from there.
        memory: bytes that vectors and scores of one shard may take; benchmark, queries and libraries come on top. It
            decides how many shards there are, and no rank.
        tick: called as ``tick("ranking", done, total)`` with queries times shards; may raise to abandon the work.

    Raises:
        ArithmeticError: this machine did not give the same score twice for the same tile.
    """
    rows, row_of = distinct_vectors(candidates)
    rows_per_shard = shard_rows(memory, candidates.store.width)
    shards = make_shards(benchmark, row_of, len(rows), rows_per_shard)
    key = hashlib.sha256(f"{_FORMAT} {benchmark.digest} {candidates.store.folder.name}".encode())
    key.update(f"{k} {rows_per_shard} {QUERY_TILE} {CANDIDATE_TILE}".encode())
    key.update(query_embeddings.tobytes())
    journal = _File(journals / f"{key.hexdigest()[:32]}.npz")
    return rank_shards(benchmark, query_embeddings, rows, row_of, shards, k=k, tick=tick, journal=journal)


def shard_rows(memory: int, width: int) -> int:
    """Rows of a shard: each takes a float32 vector, a column of a score tile, and of its copies while it is counted."""
    return max(CANDIDATE_TILE, memory // (4 * width + 3 * 4 * QUERY_TILE + 64) // CANDIDATE_TILE * CANDIDATE_TILE)


class StoredRows:
    """Distinct vectors of a store, read from disk when they are needed."""

    def __init__(self, store: VectorStore, first: Ints) -> None:
        self._store, self._first = store, first

    def __len__(self) -> int:
        return len(self._first)

    def read(self, start: int, into: Floats) -> None:
        self._store.gather(self._first[start : start + len(into)], into)


def distinct_vectors(candidates: StoredTexts) -> tuple[StoredRows, Ints]:
    """The distinct vectors, and which of them each candidate has [C]: different texts may share one."""
    first, member = distinct_rows(candidates.store.blocks())
    return StoredRows(candidates.store, first), member[candidates.row_of]


class _File:
    """A tally on disk, replaced whole after each part."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def resume(self, tally: Tally) -> int:
        if not self._path.exists():
            return 0
        with np.load(self._path) as arrays:
            tally.restore(arrays)
            return int(arrays["parts"])

    def save(self, tally: Tally, parts: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        arrays: dict[str, Any] = {**tally.arrays, "parts": np.array(parts)}
        with writing(self._path, durable=True) as file:
            np.savez(file, **arrays)
