"""Encoding for an evaluation: each distinct text once, in the right place, with the encoder's settings reported."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_cases import make_benchmark

from engine.encoder.encoder import Encoded
from engine.evaluation.benchmarking import evaluate_model


def evaluate_in_memory(encoder, benchmark, tick=None):
    return evaluate_model([encoder], benchmark, cache=Path("unused"), tick=tick)


class HashEncoder:
    """Gives every (text, context) its own unit vector, and remembers what it was asked."""

    def __init__(self, *, is_normalized=True):
        self.asked = []
        self.is_normalized = is_normalized

    def protocol(self):
        return {
            "pooling": "cls",
            "query_prefix": "q ",
            "passage_prefix": "p ",
            "max_query_tokens": 8,
            "max_passage_tokens": 16,
            "origins": {"pooling": "model"},
        }

    def digests(self):
        return {"model": "m", "tokenizer": "t"}

    def encode_queries(self, texts, tick):
        return self._encode(texts, [""] * len(texts), tick)

    def encode_passages(self, texts, contexts, tick):
        return self._encode(texts, contexts or [""] * len(texts), tick)

    def _encode(self, texts, contexts, tick):
        pairs = list(zip(texts, contexts, strict=True))
        self.asked.append(pairs)
        if tick is not None:
            tick("encoding", len(pairs), len(pairs))
        vectors = np.stack([self.vector(*pair) for pair in pairs])
        return Encoded(vectors, truncated=sum(len(text) > 9 for text in texts))

    @staticmethod
    def vector(text, context):
        seed = int.from_bytes(hashlib.sha256(f"{text}|{context}".encode()).digest()[:4], "little")
        vector = np.random.default_rng(seed).standard_normal(6)
        return (vector / np.linalg.norm(vector)).astype(np.float32)


@pytest.fixture
def benchmark():
    made = make_benchmark(["de", "de", "en", "en"], ["de", "en", "en"], {0: [1, 2], 1: [0], 2: [3]})
    texts = ["same", "other", "same", "same"]
    return replace(made, query_texts=["why?", "a long question", "why?"], candidate_texts=texts)


def test_equal_texts_are_encoded_once_and_tie(benchmark):
    encoder = HashEncoder()
    evaluation = evaluate_in_memory(encoder, benchmark)
    assert encoder.asked == [[("why?", ""), ("a long question", "")], [("same", ""), ("other", "")]]
    for row, query in enumerate(evaluation.ranks.query):
        text = benchmark.candidate_texts[evaluation.ranks.passage[row]]
        score = HashEncoder.vector(benchmark.query_texts[query], "") @ HashEncoder.vector(text, "")
        assert evaluation.ranks.score[row] == pytest.approx(score, abs=1e-6)
        assert evaluation.ranks.tied_pool[row] == (2 if text == "same" else 0)


def test_equal_texts_in_different_contexts_stay_apart(benchmark):
    encoder = HashEncoder()
    evaluation = evaluate_in_memory(encoder, replace(benchmark, candidate_contexts=["x", "x", "x", "y"]))
    assert encoder.asked[1] == [("same", "x"), ("other", "x"), ("same", "y")]
    assert evaluation.summary.ties == 2  # de and en "same" in context x; not the one in context y


def test_protocol_reports_how_texts_were_encoded(benchmark):
    protocol = evaluate_in_memory(HashEncoder(), benchmark).summary.protocol
    assert (protocol.pooling, protocol.query_prefix, protocol.passage_prefix) == ("cls", "q ", "p ")
    assert (protocol.max_query_tokens, protocol.max_passage_tokens) == (8, 16)
    assert protocol.origins == {"pooling": "model"}
    assert (protocol.truncated_queries, protocol.truncated_passages) == (1, 0)
    assert (protocol.model_digest, protocol.tokenizer_digest, protocol.data_digest) == ("m", "t", benchmark.digest)


def test_the_protocol_says_what_a_score_is(benchmark):
    """A model that is compared by the dot product is ranked by it, and nobody takes it for a cosine."""
    scores = [
        evaluate_in_memory(HashEncoder(is_normalized=unit), benchmark).summary.protocol.score for unit in (True, False)
    ]
    assert scores == [
        "dot product of L2-normalised vectors, float32",
        "dot product of the vectors as they are, float32",
    ]


def test_progress_names_its_part_and_may_abandon_any(benchmark):
    seen = []
    evaluate_in_memory(HashEncoder(), benchmark, lambda *progress: seen.append(progress))
    assert seen == [("queries", 2, 2), ("candidates", 2, 2), ("ranking", 3, 3)]

    for part in ("queries", "candidates", "ranking"):

        def leave(what, done, total, part=part):
            if what == part:
                raise InterruptedError(part)

        with pytest.raises(InterruptedError, match=part):
            evaluate_in_memory(HashEncoder(), benchmark, leave)
