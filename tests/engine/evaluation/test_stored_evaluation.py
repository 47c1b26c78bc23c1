"""Evaluation through files: encoded once, resumed after a kill, equal to memory over the same rounded vectors."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace

import numpy as np
import pytest
from evaluation_cases import LANGUAGES, make_benchmark

from engine.encoder.encoder import Encoded
from engine.evaluation import benchmarking, vectors
from engine.evaluation.benchmarking import evaluate_model
from engine.evaluation.ranking import rank, rank_stored, shard_rows, stored_queries
from engine.evaluation.shards import CANDIDATE_TILE
from engine.evaluation.vectors import encode_stored

WIDTH = 8
SMALL = 1  # bytes: shards of one tile


class HashEncoder:
    """Gives every (text, context) its own unit vector, counts what it was asked, and may die."""

    width = WIDTH
    is_normalized = True

    def __init__(self, *, model="m", deadly=None, prefix="p ", tokens=16, **settings):
        self.model, self.deadly, self.settings = model, deadly, {"attention": "packed", "torch": "2.0", **settings}
        self.hashed = 0
        self.prefix, self.tokens = prefix, tokens
        self.asked = []

    def protocol(self):
        return {
            "pooling": "cls",
            "query_prefix": "q ",
            "passage_prefix": self.prefix,
            "max_query_tokens": 8,
            "max_passage_tokens": self.tokens,
        }

    def encoding(self, kind):
        prefix, tokens = ("q ", 8) if kind == "query" else (self.prefix, self.tokens)
        return {"kind": kind, "prefix": prefix, "tokens": tokens, **self.settings}

    def digests(self):
        self.hashed += 1
        return {"model": self.model, "tokenizer": "t"}

    def encode_queries(self, texts, tick):
        return self.encode_passages(texts, None, tick)

    def encode_passages(self, texts, contexts, tick):
        if self.deadly in texts:
            raise KeyboardInterrupt
        pairs = list(zip(texts, contexts or [""] * len(texts), strict=True))
        self.asked += pairs
        if tick is not None:
            tick("encoding", len(pairs), len(pairs))
        return Encoded(np.stack([vector(*pair) for pair in pairs]), truncated=sum(len(text) > 11 for text in texts))


def encode(encoders, kind, texts, contexts, root, tick=None):
    return encode_stored(encoders, kind, texts, contexts, root, encoders[0].digests(), tick)


def vector(text, context=""):
    if text.startswith("same"):
        text = "same"  # different texts with one vector, as a tokenizer can make them
    seed = int.from_bytes(hashlib.sha256(f"{text}|{context}".encode()).digest()[:4], "little")
    found = np.random.default_rng(seed).standard_normal(WIDTH)
    return (found / np.linalg.norm(found)).astype(np.float32)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(vectors, "_SHARD_ROWS", 700)
    monkeypatch.setattr(benchmarking, "IN_MEMORY", 0)


def make_case(count=CANDIDATE_TILE * 2 + 50):
    rng = np.random.default_rng(0)
    candidates = sorted(rng.choice(LANGUAGES, count))
    queries = sorted(rng.choice(LANGUAGES, 30))
    relevant = {query: rng.choice(count, 3, replace=False).tolist() for query in range(30)}
    texts = [f"passage {number}" if number % 5 else f"same {number % 7}" for number in rng.integers(0, count, count)]
    asked = [f"question {number % 20}" for number in range(30)]
    return replace(make_benchmark(candidates, queries, relevant), candidate_texts=texts, query_texts=asked)


def in_memory(benchmark):
    """One pass over the same vectors, rounded to float16."""
    vectors = [
        np.stack([vector(text) for text in texts]).astype(np.float16).astype(np.float32)
        for texts in (benchmark.query_texts, benchmark.candidate_texts)
    ]
    return rank(benchmark, *vectors)


def assert_equal(evaluation, expected):
    for found, other in zip((evaluation.ranks, evaluation.top), expected, strict=True):
        for name in other.__slots__:
            assert getattr(found, name).tobytes() == getattr(other, name).tobytes(), name


def test_ranks_equal_one_pass_in_memory_over_the_rounded_vectors(tmp_path):
    benchmark = make_case()
    evaluation = evaluate_model([HashEncoder()], benchmark, cache=tmp_path, memory=SMALL)
    assert_equal(evaluation, in_memory(benchmark))
    protocol = evaluation.summary.protocol
    assert "float16" in protocol.score
    assert (protocol.cutoff, protocol.query_prefix, protocol.model_digest) == (None, "q ", "m")
    assert protocol.truncated_passages == sum(len(text) > 11 for text in set(benchmark.candidate_texts))


def test_equal_texts_are_encoded_once_and_nothing_is_encoded_twice(tmp_path):
    benchmark = make_case()
    first, second = HashEncoder(), HashEncoder()
    evaluate_model([first], benchmark, cache=tmp_path)
    assert sorted(first.asked) == sorted((text, "") for text in {*benchmark.candidate_texts, *benchmark.query_texts})
    again = evaluate_model([second], benchmark, cache=tmp_path)
    assert second.asked == []
    assert_equal(again, in_memory(benchmark))


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "other"},
        {"prefix": "passage: "},
        {"tokens": 17},
        {"attention": "padded"},
        {"torch": "3.0"},
    ],
)
def test_whatever_decides_a_vector_decides_the_store(tmp_path, changed):
    texts = ["a", "b"]
    encode([HashEncoder()], "passage", texts, None, tmp_path)
    other = HashEncoder(**changed)
    encode([other], "passage", texts, None, tmp_path)
    assert len(other.asked) == 2


def test_queries_contexts_and_other_texts_have_stores_of_their_own(tmp_path):
    encoder = HashEncoder()
    encode([encoder], "passage", ["a", "b"], None, tmp_path)
    encode([encoder], "query", ["a", "b"], None, tmp_path)
    encode([encoder], "passage", ["a", "b"], ["x", "y"], tmp_path)
    encode([encoder], "passage", ["b", "a"], None, tmp_path)
    stored = encode([encoder], "passage", ["a", "a"], ["x", "y"], tmp_path)
    assert len(encoder.asked) == 10
    assert stored.row_of.tolist() == [0, 1]
    assert len(list(tmp_path.iterdir())) == 5
    encode([encoder], "query", ["b", "a", "b"], None, tmp_path)  # a query's own limits, not a passage's
    assert encode([HashEncoder(tokens=3)], "query", ["a", "b"], None, tmp_path).row_of.tolist() == [
        0,
        1,
    ]
    assert len(encoder.asked) == 12


def test_a_killed_encoding_goes_on_after_its_last_whole_shard(tmp_path):
    texts = [f"passage {number}" for number in range(2000)]  # three shards
    killed = HashEncoder(deadly="passage 1500")
    with pytest.raises(KeyboardInterrupt):
        encode([killed], "passage", texts, None, tmp_path)
    assert len(killed.asked) == 1400
    (leftover,) = tmp_path.iterdir()
    (leftover / ".shard-000002.1.tmp").write_bytes(b"torn")
    seen = []
    resumed = HashEncoder()
    stored = encode([resumed], "passage", texts, None, tmp_path, lambda *progress: seen.append(progress))
    assert [text for text, _ in resumed.asked] == texts[1400:]
    assert seen == [("encoding passage texts", 1400, 2000), ("encoding passage texts", 2000, 2000)]
    expected = np.stack([vector(text) for text in texts]).astype(np.float16).astype(np.float32)
    assert stored_queries(stored).tobytes() == expected.tobytes()


def test_several_devices_share_the_shards(tmp_path):
    texts = [f"passage {number}" for number in range(3500)]
    barrier = threading.Barrier(2, timeout=20)

    class Patient(HashEncoder):
        def encode_passages(self, texts, contexts, tick):
            if not self.asked:
                barrier.wait()  # both have work before either goes on
            return super().encode_passages(texts, contexts, tick)

    encoders = [Patient(), Patient()]
    seen = []
    stored = encode(encoders, "passage", texts, None, tmp_path, lambda *progress: seen.append(progress[1]))
    assert sorted(text for encoder in encoders for text, _ in encoder.asked) == sorted(texts)
    assert all(encoder.asked for encoder in encoders)
    assert seen == sorted(seen)
    assert seen[-1] == 3500
    assert (
        stored_queries(stored).tobytes()
        == np.stack([vector(text) for text in texts]).astype(np.float16).astype(np.float32).tobytes()
    )


def test_one_device_that_fails_stops_the_others_and_is_heard(tmp_path):
    texts = [f"passage {number}" for number in range(3500)]
    with pytest.raises(KeyboardInterrupt):
        encode([HashEncoder(deadly="passage 0"), HashEncoder(deadly="passage 0")], "passage", texts, None, tmp_path)


@pytest.mark.parametrize("fatal", range(1, 8))
def test_a_search_that_dies_anywhere_goes_on_and_ends_equal(tmp_path, fatal):
    """Ticks come in both passes; the one after the last saved shard kills."""
    benchmark = make_case()
    queries = encode([HashEncoder()], "query", benchmark.query_texts, None, tmp_path)
    candidates = encode([HashEncoder()], "passage", benchmark.candidate_texts, None, tmp_path)
    asked = stored_queries(queries)
    seen = []

    def tick(*progress):
        seen.append(progress)
        if len(seen) == fatal:
            raise KeyboardInterrupt

    options = {"journals": tmp_path / "search", "memory": SMALL}
    died = False
    try:
        rank_stored(benchmark, asked, candidates, tick=tick, **options)
    except KeyboardInterrupt:
        died = True
    assert died == (fatal <= 4)  # two shards: two ticks of each pass
    after = []
    found = rank_stored(benchmark, asked, candidates, tick=lambda *progress: after.append(progress), **options)
    expected = in_memory(benchmark)
    for some, other in zip(found, expected, strict=True):
        for name in other.__slots__:
            assert getattr(some, name).tobytes() == getattr(other, name).tobytes(), name
    assert len(after) < 4 or fatal <= 2


def test_memory_bounds_a_shard_and_changes_no_rank(tmp_path):
    benchmark = make_case()
    few = evaluate_model([HashEncoder()], benchmark, cache=tmp_path, memory=SMALL)
    many = evaluate_model([HashEncoder()], benchmark, cache=tmp_path, memory=1 << 30)
    assert_equal(few, (many.ranks, many.top))
    assert shard_rows(1 << 30, 768) * (4 * 768 + 3 * 4 * 256) <= 1 << 30
    assert shard_rows(1 << 31, 768) > 1.9 * shard_rows(1 << 30, 768)
    assert shard_rows(1, 768) == CANDIDATE_TILE


@pytest.mark.parametrize("limit", [0, 10**9])
def test_one_steps_weights_are_hashed_once_for_all_benchmarks(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(benchmarking, "IN_MEMORY", limit)
    benchmark, encoder = make_case(60), HashEncoder()
    evaluate_model([encoder], benchmark, cache=tmp_path)
    assert encoder.hashed == 1
    digests = {"model": "known", "tokenizer": "t"}
    for _ in range(2):
        found = evaluate_model([encoder], benchmark, cache=tmp_path, digests=digests)
        assert found.summary.protocol.model_digest == "known"
    assert encoder.hashed == 1


def test_the_number_of_candidates_alone_decides_how_scores_are_rounded(tmp_path, monkeypatch):
    benchmark = make_case(60)
    protocols = []
    for limit in (60, 59):
        monkeypatch.setattr(benchmarking, "IN_MEMORY", limit)
        protocols.append(evaluate_model([HashEncoder()], benchmark, cache=tmp_path).summary.protocol.score)
    score = "dot product of L2-normalised vectors, float32"
    assert protocols == [score, f"{score}, of vectors rounded to float16"]
