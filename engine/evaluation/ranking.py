"""Exact ranks of all relevant passages, with no cutoff, from vectors in memory or on disk.

How scores are made is in ``shards``, how they are counted in ``tally``. Here is their order: one shard after the
other, and in it one tile of queries after the other. Vectors on disk are read shard by shard, and every rank equals
that of one pass in memory over the same float16-rounded vectors. No library of nearest neighbours is used: exact
indexes return the k best and cannot count what stands above the ten-thousandth.

Shapes: Q queries, C candidates, U distinct vectors, D dimensions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Floats, Ints
from engine.evaluation.debias.correction import Correction
from engine.evaluation.ranks import TOP_K, Ranks, TopK
from engine.evaluation.shards import CANDIDATE_TILE, QUERY_TILE, Shard, ShardScores, VectorRows, make_shards
from engine.evaluation.tally import Tally
from engine.evaluation.vectors import StoredTexts, VectorStore, distinct_rows
from engine.files import writing
from engine.progress import Tick

SHARD_ROWS = 128 * CANDIDATE_TILE  # in memory: a score tile of 128 MiB
MEMORY = 1 << 30  # bytes for the vectors and scores of one shard on disk

_CORRECTED_ROWS = 4096  # vectors corrected together: a few tens of MiB
_FORMAT = "1"  # part of a journal's key


class Journal(Protocol):
    """Remembers, between processes, how far a ranking over several shards has come."""

    def resume(self, tally: Tally) -> int:
        """Restores the tally; returns how many parts (see ``rank_shards``) it holds."""

    def save(self, tally: Tally, parts: int) -> None: ...


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
        tick: called as ``tick("ranking", queries done, Q)`` after each tile; may raise to abandon the work. With more
            than SHARD_ROWS distinct vectors, it counts tiles of all passes instead.

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
    first, row_of = distinct_rows([candidate_embeddings])
    rows = _InMemory(candidate_embeddings, None if len(first) == candidates else first)
    shards = make_shards(benchmark, row_of, len(first), SHARD_ROWS)
    return rank_shards(benchmark, query_embeddings, rows, row_of, shards, k=k, tick=tick)


def rank_shards(
    benchmark: Benchmark,
    query_embeddings: Floats,
    rows: VectorRows,
    row_of: Ints,
    shards: Sequence[Shard],
    *,
    k: int = TOP_K,
    tick: Tick | None = None,
    journal: Journal | None = None,
) -> tuple[Ranks, TopK]:
    """The same over shards of the distinct vectors ``rows`` [U, D], where ``row_of`` [C] names each candidate's.

    One shard is one pass. Several are two: the first scores the relevant passages, and only them; the second counts
    what stands above them. The work falls into one part for the first pass and one for each shard of the second.

    Raises:
        ArithmeticError: this machine did not give the same score twice for the same tile.
    """
    tally = Tally(benchmark, k)
    queries = len(benchmark.query_ids)
    tiles = range(0, queries, QUERY_TILE)
    parts = journal.resume(tally) if journal is not None else 0
    single = len(shards) == 1
    if parts == 0 and not single:
        for number, shard in enumerate(shards):
            _score_relevant(tally, benchmark, query_embeddings, rows, row_of, shard)
            if tick is not None:
                tick("scoring relevant passages", number + 1, len(shards))
        parts = 1
        if journal is not None:
            journal.save(tally, parts)
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        for number in range(max(parts - 1, 0), len(shards)):
            shard = shards[number]
            scores = ShardScores(query_embeddings, rows, shard, benchmark.excluded)
            for first in tiles:
                tile = scores.of_queries(first)
                if single:
                    judged, row = tally.judgements(first, len(tile))
                    tally.level[judged] = tile[row, benchmark.relevant[judged]]
                tally.add(first, tile, shard, threads)
                if tick is not None:
                    tick("ranking", number * queries + first + len(tile), len(shards) * queries)
            if journal is not None:
                journal.save(tally, number + 2)
    return tally.finish()


def stored_queries(queries: StoredTexts) -> Floats:
    """All query vectors [Q, D], float16 rounded, in float32."""
    vectors = np.empty((len(queries.store), queries.store.width), np.float32)
    queries.store.gather(np.arange(len(queries.store)), vectors)
    return vectors[queries.row_of]


def rank_stored(
    benchmark: Benchmark,
    query_embeddings: Floats,
    candidates: StoredTexts,
    *,
    journals: Path,
    memory: int = MEMORY,
    k: int = TOP_K,
    debias: Correction | None = None,
    tick: Tick | None = None,
) -> tuple[Ranks, TopK]:
    """Ranks every judgement against all candidates and lists every query's k best.

    Args:
        query_embeddings: [Q, D] float32.
        journals: folder where the state after each shard is kept; a killed ranking goes on from there.
        memory: bytes that vectors and scores of one shard may take; benchmark, queries and libraries come on top. It
            decides how many shards there are, and no rank.
        debias: what is done to the vectors of candidates when they are read; queries come as they are ranked.
        tick: called as ``tick("ranking", done, total)`` with queries times shards; may raise to abandon the work.

    Raises:
        ArithmeticError: this machine did not give the same score twice for the same tile.
    """
    rows: VectorRows
    rows, row_of = distinct_vectors(candidates)
    if debias is not None:
        rows, row_of = corrected_vectors(rows, row_of, benchmark, debias)
    rows_per_shard = shard_rows(memory, candidates.store.width)
    shards = make_shards(benchmark, row_of, len(rows), rows_per_shard)
    key = hashlib.sha256(f"{_FORMAT} {benchmark.digest} {candidates.store.folder.name}".encode())
    key.update(f"{k} {rows_per_shard} {QUERY_TILE} {CANDIDATE_TILE}".encode())
    key.update(query_embeddings.tobytes())
    if debias is not None:
        key.update(debias.protocol.digest.encode())
    journal = _JournalFile(journals / f"{key.hexdigest()[:32]}.npz")
    return rank_shards(benchmark, query_embeddings, rows, row_of, shards, k=k, tick=tick, journal=journal)


def shard_rows(memory: int, width: int) -> int:
    """Rows of a shard: each takes a float32 vector, a column of a score tile, and of its copies while it is counted."""
    return max(CANDIDATE_TILE, memory // (4 * width + 3 * 4 * QUERY_TILE + 64) // CANDIDATE_TILE * CANDIDATE_TILE)


def _score_relevant(
    tally: Tally, benchmark: Benchmark, query_embeddings: Floats, rows: VectorRows, row_of: Ints, shard: Shard
) -> None:
    place = row_of[benchmark.relevant] - shard.start  # [J]
    here = (place >= 0) & (place < shard.size)
    if not here.any():
        return
    scores = ShardScores(query_embeddings, rows, shard)
    for first in range(0, len(benchmark.query_ids), QUERY_TILE):
        judged, row = tally.judgements(first, min(QUERY_TILE, len(benchmark.query_ids) - first))
        mine = here[judged]
        tally.level[judged][mine] = scores.of_pairs(first, row[mine], place[judged][mine])


class _InMemory:
    """Distinct rows of an array [C, D]; ``first`` [U] names them, None where all are."""

    def __init__(self, vectors: Floats, first: Ints | None) -> None:
        self._vectors, self._first = vectors, first

    def __len__(self) -> int:
        return len(self._vectors) if self._first is None else len(self._first)

    def read(self, start: int, into: Floats) -> None:
        if self._first is None:
            into[:] = self._vectors[start : start + len(into)]
        else:
            np.take(self._vectors, self._first[start : start + len(into)], axis=0, out=into)


class _Stored:
    """Distinct vectors of a store, read from disk when they are needed."""

    def __init__(self, store: VectorStore, first: Ints) -> None:
        self._store, self._first = store, first

    def __len__(self) -> int:
        return len(self._first)

    def read(self, start: int, into: Floats) -> None:
        self._store.gather(self._first[start : start + len(into)], into)


def distinct_vectors(candidates: StoredTexts) -> tuple[_Stored, Ints]:
    """The distinct vectors, and which of them each candidate has [C]: different texts may share one."""
    first, member = distinct_rows(candidates.store.blocks())
    return _Stored(candidates.store, first), member[candidates.row_of]


def corrected_vectors(rows: _Stored, row_of: Ints, benchmark: Benchmark, debias: Correction) -> tuple[_Corrected, Ints]:
    """Distinct vectors corrected by language, and which of them each candidate has [C].

    A vector that candidates of two languages share becomes two, where the two are corrected.
    """
    languages = len(benchmark.languages)
    pair = row_of * languages + benchmark.candidate_language
    distinct, member = np.unique(pair, return_inverse=True)
    return _Corrected(rows, distinct // languages, distinct % languages, benchmark.languages, debias), member


class _Corrected:
    """Vectors of ``rows``, each as of one language; [U] which row, ascending, and which language."""

    def __init__(self, rows: _Stored, row: Ints, language: Ints, languages: Sequence[str], debias: Correction) -> None:
        self._rows, self._row, self._language = rows, row, language
        self._languages, self._debias = languages, debias

    def __len__(self) -> int:
        return len(self._row)

    def read(self, start: int, into: Floats) -> None:
        for first in range(0, len(into), _CORRECTED_ROWS):
            some = into[first : first + _CORRECTED_ROWS]
            part = slice(start + first, start + first + len(some))
            row, member = np.unique(self._row[part], return_inverse=True)
            # One stretch of rows: what is in between but in no pair is no loss, since every row has a language.
            vectors = np.empty((int(row[-1] - row[0]) + 1, into.shape[1]), np.float32)
            self._rows.read(int(row[0]), vectors)
            some[:] = self._debias.apply(
                "passage", vectors[row[member] - row[0]], self._language[part], self._languages
            )


class _JournalFile:
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
