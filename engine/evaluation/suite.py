"""Encodes a benchmark's texts, each distinct one once, and evaluates the vectors.

Shapes: n texts, u distinct ones, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from engine.data.benchmark import Benchmark
from engine.evaluation.evaluate import Evaluation, evaluate
from engine.evaluation.ranking import Ints, Tick
from engine.evaluation.summary import EncodingProtocol

if TYPE_CHECKING:
    from engine.encoder.encoded import Encoded
    from engine.encoder.options import EncodingOptions

TextTick = Callable[[int, int], None]


class TextEncoder(Protocol):
    """The side of engine.encoder.DualEncoder that an evaluation needs."""

    @property
    def options(self) -> EncodingOptions: ...

    def encode_queries(self, texts: Sequence[str], tick: TextTick, /) -> Encoded: ...

    def encode_passages(self, texts: Sequence[str], contexts: Sequence[str] | None, tick: TextTick, /) -> Encoded: ...

    def digests(self) -> dict[str, str]: ...


def run_benchmark(encoder: TextEncoder, benchmark: Benchmark, tick: Tick | None = None) -> Evaluation:
    """Evaluates an encoder on a benchmark, in memory.

    Args:
        tick: called as ``tick(what, done, total)`` with what = "queries", "candidates" (distinct texts) and "ranking"
            (queries); what it raises passes through, and nothing is left behind.
    """

    def part(what: str) -> TextTick:
        return lambda done, total: tick(what, done, total) if tick is not None else None

    questions, _, of_query = _distinct(benchmark.query_texts, None)
    passages, contexts, of_candidate = _distinct(benchmark.candidate_texts, benchmark.candidate_contexts)
    queries = encoder.encode_queries(questions, part("queries"))
    candidates = encoder.encode_passages(passages, contexts, part("candidates"))
    options, digests = encoder.options, encoder.digests()
    encoding = EncodingProtocol(
        pooling=options.pooling,
        query_prefix=options.query_prefix,
        passage_prefix=options.passage_prefix,
        max_query_tokens=options.max_query_tokens,
        max_passage_tokens=options.max_passage_tokens,
        truncated_queries=queries.truncated,
        truncated_passages=candidates.truncated,
        model_digest=digests["model"],
        tokenizer_digest=digests["tokenizer"],
    )
    return evaluate(benchmark, queries.vectors[of_query], candidates.vectors[of_candidate], encoding, tick)


def _distinct(texts: Sequence[str], contexts: Sequence[str] | None) -> tuple[list[str], list[str] | None, Ints]:
    """Distinct (text, context) pairs in order of first appearance, and each input's index among them [n]."""
    pairs = zip(texts, contexts if contexts is not None else [""] * len(texts), strict=True)
    place: dict[tuple[str, str], int] = {}
    index = np.array([place.setdefault(pair, len(place)) for pair in pairs], np.int64)
    first, second = [text for text, _ in place], [context for _, context in place]
    return first, second if contexts is not None else None, index
