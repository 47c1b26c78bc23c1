"""Approximate search with faiss: only where it is asked for, and always with its measured recall.

Distinct vectors go into an inverted file with float16 vectors (IVF, SQfp16), held in memory. Only the candidates that
it returns have ranks; a relevant passage that is not among them was not retrieved and contributes 0.

Shapes: Q queries, C candidates, U distinct vectors, D dimensions, K = the cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.evaluation.ranking import rank_shards
from engine.evaluation.ranks import NOT_RETRIEVED, TOP_K, Floats, Ints, Ranks, TopK
from engine.evaluation.search import MEMORY, StoredRows, shard_rows
from engine.evaluation.shards import make_shards
from engine.progress import Tick

CUTOFF = 1000
PROBES = 32  # lists of the inverted file that a query looks into
SAMPLE = 64  # queries whose exact results give the recall

_BLOCK = 1 << 16  # vectors read at a time
_TRAINED_ON = 40  # vectors per list, faiss's own recommendation for training


@dataclass(frozen=True, slots=True)
class Approximation:
    """What an approximate search found, and how much of the exact result that is."""

    ranks: Ranks
    top: TopK
    cutoff: int
    recall: float  # share of the exact TOP_K of the sampled queries that it found among its own
    sampled: int  # queries


def search_approximately(
    benchmark: Benchmark,
    query_embeddings: Floats,
    rows: StoredRows,
    row_of: Ints,
    *,
    probes: int = PROBES,
    memory: int = MEMORY,
    tick: Tick | None = None,
) -> Approximation:
    """Ranks with a cutoff, and their recall against an exact search of evenly spread queries.

    Args:
        query_embeddings: [Q, D].
        rows: distinct vectors [U, D]; ``row_of`` [C] names each candidate's.
        tick: called as ``tick("indexing", vectors, U)`` and by the exact search; may raise to abandon the work.

    Raises:
        ConfigError: faiss is not installed.
    """
    index = _index(rows, query_embeddings.shape[1], tick)
    index.nprobe = probes
    cutoff = min(CUTOFF, len(benchmark.candidate_ids))
    scores, found = index.search(query_embeddings, min(cutoff, len(rows)))  # [Q, K'] distinct vectors, -1 for none
    ranks, top = _ranked(benchmark, scores, found.astype(np.int64), row_of, cutoff)
    sample = np.unique(np.linspace(0, len(benchmark.query_ids) - 1, SAMPLE).astype(np.int64))
    exact = _exact_top(benchmark, query_embeddings, rows, row_of, sample, memory, tick)
    hits = sum(
        len(np.intersect1d(top.passage[q, : exact.shape[1]], best)) for q, best in zip(sample, exact, strict=True)
    )
    return Approximation(ranks, top, cutoff, hits / exact.size, len(sample))


def _index(rows: StoredRows, width: int, tick: Tick | None) -> Any:
    try:
        import faiss
    except ImportError:
        raise ConfigError("--approximate needs faiss: pip install faiss-cpu") from None
    lists = max(1, min(int(4 * len(rows) ** 0.5), len(rows) // _TRAINED_ON))
    index = faiss.index_factory(width, f"IVF{lists},SQfp16", faiss.METRIC_INNER_PRODUCT)
    step = max(1, len(rows) // (lists * _TRAINED_ON))
    index.train(np.concatenate([block[::step] for block in _blocks(rows, width)]))
    done = 0
    for block in _blocks(rows, width):
        index.add(block)
        done += len(block)
        if tick is not None:
            tick("indexing", done, len(rows))
    return index


def _blocks(rows: StoredRows, width: int) -> Any:
    for start in range(0, len(rows), _BLOCK):
        block = np.empty((min(_BLOCK, len(rows) - start), width), np.float32)
        rows.read(start, block)
        yield block


def _ranked(benchmark: Benchmark, scores: Floats, found: Ints, row_of: Ints, cutoff: int) -> tuple[Ranks, TopK]:
    """Orders what was found by score and descending id, copies of a vector side by side."""
    by_row = np.argsort(row_of, kind="stable")
    bounds = np.searchsorted(row_of[by_row], np.arange(int(row_of.max()) + 2))
    queries, judged = len(found), len(benchmark.relevant)
    lists: list[tuple[Ints, Floats]] = []
    columns = {name: np.full(judged, NOT_RETRIEVED, np.int64) for name in _RANKED}
    tied = {name: np.zeros(judged, np.int64) for name in ("tied_pool", "tied_language")}
    level = np.full(judged, -np.inf, np.float32)
    for query in range(queries):
        valid = found[query] >= 0
        counts = bounds[found[query][valid] + 1] - bounds[found[query][valid]]
        starts = np.repeat(bounds[found[query][valid]], counts)
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        candidate = by_row[starts + within]
        score = np.repeat(scores[query][valid], counts)
        if benchmark.excluded is not None:
            allowed = candidate != benchmark.excluded[query]
            candidate, score = candidate[allowed], score[allowed]
        order = np.lexsort((-candidate, -score))[:cutoff]
        candidate, score = candidate[order], score[order]
        lists.append((candidate[:TOP_K], score[:TOP_K]))
        language = benchmark.candidate_language[candidate]
        for row in range(int(benchmark.offsets[query]), int(benchmark.offsets[query + 1])):
            place = np.flatnonzero(candidate == benchmark.relevant[row])
            if not len(place):
                continue
            at = int(place[0])
            level[row] = score[at]
            same = language == language[at]
            for suffix, pool in (("pool", np.ones(len(score), bool)), ("language", same)):
                columns[f"rank_{suffix}"][row] = int(pool[: at + 1].sum())
                columns[f"above_{suffix}"][row] = int((score[pool] > score[at]).sum())
                tied[f"tied_{suffix}"][row] = int((score[pool] == score[at]).sum()) - 1
    asked = np.repeat(np.arange(queries), np.diff(benchmark.offsets))
    ranks = Ranks(query=asked, passage=benchmark.relevant, score=level, **columns, **tied)
    shortest = min(len(candidate) for candidate, _ in lists)  # as many as every query has
    top = TopK(
        np.stack([candidate[:shortest] for candidate, _ in lists]), np.stack([score[:shortest] for _, score in lists])
    )
    return ranks, top


_RANKED = ("rank_pool", "rank_language", "above_pool", "above_language")


def _exact_top(
    benchmark: Benchmark,
    query_embeddings: Floats,
    rows: StoredRows,
    row_of: Ints,
    sample: Ints,
    memory: int,
    tick: Tick | None,
) -> Ints:
    """[sampled, TOP_K] candidates of an exact search without judgements."""
    part = replace(
        benchmark,
        query_ids=[benchmark.query_ids[int(query)] for query in sample],
        offsets=np.zeros(len(sample) + 1, np.int64),
        relevant=np.zeros(0, np.int64),
        grades=np.zeros(0, np.int16),
        excluded=None if benchmark.excluded is None else benchmark.excluded[sample],
    )
    shards = make_shards(part, row_of, len(rows), shard_rows(memory, query_embeddings.shape[1]))
    _, top = rank_shards(part, query_embeddings[sample], rows, row_of, shards, tick=tick)
    return top.passage
