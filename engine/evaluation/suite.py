"""Encodes a benchmark's texts, each distinct one once, and evaluates the vectors: in memory, or through files.

Shapes: n texts, u distinct ones, D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from engine.data.benchmark import Benchmark
from engine.evaluation.approximate import search_approximately
from engine.evaluation.encoding_cache import CacheableEncoder, encode_stored
from engine.evaluation.evaluate import Evaluation, evaluate, measure
from engine.evaluation.ranks import TOP_K, Ints
from engine.evaluation.search import MEMORY, distinct_vectors, search, stored_queries
from engine.evaluation.summary import DOT_SCORE, SCORE, EncodingProtocol
from engine.progress import Tick, named

if TYPE_CHECKING:
    from engine.encoder.encoded import Encoded


class ProtocolEncoder(Protocol):
    """The side of engine.encoder.DualEncoder that a protocol tells of."""

    @property
    def is_normalized(self) -> bool: ...

    def protocol(self) -> dict[str, Any]: ...

    def digests(self) -> dict[str, str]: ...


class TextEncoder(ProtocolEncoder, Protocol):
    """The side that an evaluation needs."""

    def encode_queries(self, texts: Sequence[str], tick: Tick | None, /) -> Encoded: ...

    def encode_passages(
        self, texts: Sequence[str], contexts: Sequence[str] | None, tick: Tick | None, /
    ) -> Encoded: ...


def run_stored_benchmark(
    encoders: Sequence[CacheableEncoder],
    benchmark: Benchmark,
    root: Path,
    *,
    memory: int = MEMORY,
    approximate: bool = False,
    tick: Tick | None = None,
) -> Evaluation:
    """Evaluates equal encoders, one for each device, on a benchmark of any size; a killed call goes on where it was.

    Args:
        root: folder of the stores of vectors and of the search's journals.
        memory: bytes for one shard of the search, see ``search.search``.
        approximate: search with faiss's inverted file and a cutoff; the protocol states the measured recall.
        tick: what it raises passes through.

    Raises:
        ConfigError: an approximate search without faiss.
    """
    vectors = root / "vectors"
    queries = encode_stored(encoders, "query", benchmark.query_texts, None, vectors, tick)
    candidates = encode_stored(
        encoders, "passage", benchmark.candidate_texts, benchmark.candidate_contexts, vectors, tick
    )
    encoding = _protocol(encoders[0], queries.store.truncated(), candidates.store.truncated())
    asked = stored_queries(queries)
    score = f"{_score(encoders[0])}, of vectors rounded to float16"
    if not approximate:
        ranks, top = search(benchmark, asked, candidates, journals=root / "search", memory=memory, tick=tick)
        return measure(benchmark, ranks, top, encoding, score=score)
    rows, row_of = distinct_vectors(candidates)
    found = search_approximately(benchmark, asked, rows, row_of, memory=memory, tick=tick)
    score += f"; approximate search, recall@{TOP_K} {found.recall:.4f} on {found.sampled} queries against exact search"
    return measure(benchmark, found.ranks, found.top, encoding, score=score, cutoff=found.cutoff)


def run_benchmark(encoder: TextEncoder, benchmark: Benchmark, tick: Tick | None = None) -> Evaluation:
    """Evaluates an encoder on a benchmark, in memory.

    Args:
        tick: called as ``tick(what, done, total)`` with what = "queries", "candidates" (distinct texts) and "ranking"
            (queries); what it raises passes through, and nothing is left behind.
    """
    questions, _, of_query = _distinct(benchmark.query_texts, None)
    passages, contexts, of_candidate = _distinct(benchmark.candidate_texts, benchmark.candidate_contexts)
    queries = encoder.encode_queries(questions, named(tick, "queries"))
    candidates = encoder.encode_passages(passages, contexts, named(tick, "candidates"))
    encoding = _protocol(encoder, queries.truncated, candidates.truncated)
    vectors = queries.vectors[of_query], candidates.vectors[of_candidate]
    return evaluate(benchmark, *vectors, encoding, tick, score=_score(encoder))


def _protocol(encoder: ProtocolEncoder, truncated_queries: int, truncated_passages: int) -> EncodingProtocol:
    digests = encoder.digests()
    return EncodingProtocol(
        **encoder.protocol(),
        truncated_queries=truncated_queries,
        truncated_passages=truncated_passages,
        model_digest=digests["model"],
        tokenizer_digest=digests["tokenizer"],
    )


def _score(encoder: ProtocolEncoder) -> str:
    return SCORE if encoder.is_normalized else DOT_SCORE


def _distinct(texts: Sequence[str], contexts: Sequence[str] | None) -> tuple[list[str], list[str] | None, Ints]:
    """Distinct (text, context) pairs in order of first appearance, and each input's index among them [n]."""
    pairs = zip(texts, contexts if contexts is not None else [""] * len(texts), strict=True)
    place: dict[tuple[str, str], int] = {}
    index = np.array([place.setdefault(pair, len(place)) for pair in pairs], np.int64)
    first, second = [text for text, _ in place], [context for _, context in place]
    return first, second if contexts is not None else None, index
