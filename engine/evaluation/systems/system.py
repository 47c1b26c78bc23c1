"""One entry for systems that are no encoders: the same results as an encoder's, and a protocol that says what it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Floats, Ints
from engine.evaluation.benchmarking import is_stored, measure
from engine.evaluation.geometry.measure import VectorLookup
from engine.evaluation.ranking import MEMORY, rank, rank_shards, shard_rows
from engine.evaluation.ranks import Ranks, TopK
from engine.evaluation.results import DOT_SCORE, ROUNDED, SCORE, EncodingProtocol, Evaluation
from engine.evaluation.shards import make_shards
from engine.evaluation.systems.bm25 import K1, TOKENS, B, search_bm25
from engine.evaluation.systems.lists import RetrievedLists
from engine.evaluation.systems.saved_vectors import Vectors, load_vectors
from engine.evaluation.systems.trec_run import read_trec_run
from engine.evaluation.vectors import distinct_rows
from engine.progress import Tick

_BLOCK = 1 << 14  # vectors read together


@dataclass(frozen=True, slots=True)
class SavedVectors:
    """A folder, see ``saved_vectors``."""

    folder: Path


@dataclass(frozen=True, slots=True)
class TrecRun:
    """A file, see ``trec_run``."""

    path: Path


@dataclass(frozen=True, slots=True)
class Bm25:
    """See ``bm25``."""


System = SavedVectors | TrecRun | Bm25


def evaluate_system(
    system: System, benchmark: Benchmark, *, memory: int = MEMORY, tick: Tick | None = None
) -> Evaluation:
    """Ranks a benchmark's candidates as the system does, and measures the ranks.

    Args:
        memory: bytes for one shard of the vectors of a large collection; it changes no rank.
        tick: what it raises passes through, and nothing is left behind.

    Raises:
        ConfigError: a file does not fit the benchmark, or a package is missing; one line that names it.
        OSError: a file cannot be read.
    """
    match system:
        case SavedVectors(folder):
            queries, passages = load_vectors(folder, benchmark)
            is_normalized = queries.is_normalized and passages.is_normalized
            score = SCORE if is_normalized else DOT_SCORE
            score += f", {ROUNDED}" if is_stored(benchmark) else ""
            ranks, top = _rank(benchmark, queries, passages, memory, tick)
            what = f"saved vectors of width {passages.width}, {passages.rows.dtype}"
            digest = hashlib.sha256(f"{queries.digest} {passages.digest}".encode()).hexdigest()
            vectors = VectorLookup(queries.take, passages.take)
            return measure(benchmark, ranks, top, without_encoder(what, digest), vectors, score=score)
        case TrecRun(path):
            try:
                lists, others = read_trec_run(path, benchmark, tick)
            except FileNotFoundError:
                raise ConfigError(f"{path}: no such file") from None
            what = f"TREC run, up to {lists.depth:,} passages a query"
            measured = "benchmark" if benchmark.sampled is None else "sample"
            what += f"; {others:,} queries that are not of the {measured} were left out" if others else ""
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            depth = lists.depth if lists.depth < len(benchmark.candidate_ids) else None
            return _measured(benchmark, lists, without_encoder(what, digest), "of the run", depth)
        case Bm25():
            import importlib.metadata

            lists = search_bm25(benchmark, tick)
            version = importlib.metadata.version("bm25s")
            what = f"BM25 (bm25s {version}, lucene, k1 = {K1}, b = {B}) over the whole pool; tokens: {TOKENS}"
            return _measured(benchmark, lists, without_encoder(what), "BM25; 0 is not retrieved", None)


def _measured(
    benchmark: Benchmark, lists: RetrievedLists, protocol: EncodingProtocol, score: str, cutoff: int | None
) -> Evaluation:
    ranks, top = lists.ranked()
    return measure(benchmark, ranks, top, protocol, None, score=score, cutoff=cutoff)


def without_encoder(system: str, digest: str = "") -> EncodingProtocol:
    """The protocol of a system that encodes nothing; ``digest``: of what it was measured from."""
    return EncodingProtocol(
        system=system,
        pooling="",
        query_prefix="",
        passage_prefix="",
        max_query_tokens=None,
        max_passage_tokens=None,
        similarity="",
        truncated_queries=0,
        truncated_passages=0,
        model_digest=digest,
        tokenizer_digest="",
    )


def _rank(
    benchmark: Benchmark, queries: Vectors, passages: Vectors, memory: int, tick: Tick | None
) -> tuple[Ranks, TopK]:
    """As for an encoder: small benchmarks in float32, large ones rounded to float16 and read from disk in shards."""
    asked = queries.take(np.arange(len(queries)))
    if not is_stored(benchmark):
        return rank(benchmark, asked, passages.take(np.arange(len(passages))), tick=tick)
    rows = _RoundedRows(passages)
    shards = make_shards(benchmark, rows.row_of, len(rows), shard_rows(memory, passages.width))
    rounded = asked.astype(np.float16).astype(np.float32)
    return rank_shards(benchmark, rounded, rows, rows.row_of, shards, tick=tick)


class _RoundedRows:
    """The distinct vectors of a file, rounded to float16 and read when they are needed.

    Attributes:
        row_of: [C] which of them each candidate has.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        starts = range(0, len(vectors), _BLOCK)
        blocks = (self._halves(np.arange(start, min(start + _BLOCK, len(vectors)))) for start in starts)
        self._first, self.row_of = distinct_rows(blocks)

    def __len__(self) -> int:
        return len(self._first)

    def read(self, start: int, into: Floats) -> None:
        into[:] = self._halves(self._first[start : start + len(into)])

    def _halves(self, candidates: Ints) -> npt.NDArray[np.float16]:
        return self._vectors.take(candidates).astype(np.float16)
