"""Systems that are no encoders: saved vectors, TREC runs and BM25 end in the results that an encoder's ranks would."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import ir_measures
import numpy as np
import pytest
from bias_cases import parallel_benchmark
from evaluation_cases import ENCODING, cases, make_benchmark
from hypothesis import given, settings

from engine.config import ConfigError
from engine.data.benchmark import sample_queries
from engine.evaluation import benchmarking
from engine.evaluation.benchmarking import evaluate
from engine.evaluation.results import query_values, read_ranks, read_summary, read_top_k, write_results
from engine.evaluation.systems.bm25 import tokens
from engine.evaluation.systems.saved_vectors import save_vectors
from engine.evaluation.systems.system import Bm25, SavedVectors, TrecRun, evaluate_system
from engine.measures import METRICS

RNG = np.random.default_rng(0)
BENCHMARK = parallel_benchmark(3, 20)


def unit(rows, width=8):
    vectors = RNG.standard_normal((rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


QUERIES = unit(len(BENCHMARK.query_ids))
PASSAGES = unit(len(BENCHMARK.candidate_ids))


def trec_lines(benchmark, scores, depth):
    """Whatever order the ranks say: only scores count."""
    lines = []
    for query, row in enumerate(scores):
        best = sorted(range(len(row)), key=lambda c: (-row[c], -c))[:depth]
        asked, ids = benchmark.query_ids[query], benchmark.candidate_ids
        lines += [f"{asked} Q0 {ids[c]} 1 {row[c]!r} tag\n" for c in sorted(best)]
    return lines


def assert_same_ranks(found, expected):
    for side in ("ranks", "top"):
        for name in getattr(expected, side).__slots__:
            assert getattr(getattr(found, side), name).tolist() == getattr(getattr(expected, side), name).tolist(), name


def test_saved_vectors_give_what_the_encoder_gives(tmp_path):
    save_vectors(tmp_path / "v", BENCHMARK, QUERIES, PASSAGES)
    found = evaluate_system(SavedVectors(tmp_path / "v"), BENCHMARK)
    expected = evaluate(BENCHMARK, QUERIES, PASSAGES, ENCODING)
    assert_same_ranks(found, expected)
    assert found.summary.metrics == expected.summary.metrics
    protocol = found.summary.protocol
    assert protocol.score == "dot product of L2-normalised vectors, float32"
    assert (protocol.system, protocol.pooling, protocol.cutoff) == ("saved vectors of width 8, float32", "", None)
    assert len(protocol.model_digest) == 64


def test_vectors_of_all_queries_serve_a_sample_of_them(tmp_path):
    """As --max-queries asks for one; passages are never sampled, and must be the benchmark's."""
    save_vectors(tmp_path / "v", BENCHMARK, QUERIES, PASSAGES)
    sample = sample_queries(BENCHMARK, 3)
    rows = [BENCHMARK.query_ids.index(id) for id in sample.query_ids]
    found = evaluate_system(SavedVectors(tmp_path / "v"), sample)
    assert_same_ranks(found, evaluate(sample, QUERIES[rows], PASSAGES, ENCODING))


def test_rows_may_come_in_any_order_and_ids_as_text(tmp_path):
    order = RNG.permutation(len(PASSAGES))
    save_vectors(tmp_path, BENCHMARK, QUERIES, 2 * PASSAGES)
    np.save(tmp_path / "passages.npy", 2 * PASSAGES[order])
    (tmp_path / "passages.json").unlink()
    (tmp_path / "passages.txt").write_text("".join(f"{BENCHMARK.candidate_ids[c]}\n" for c in order))
    found = evaluate_system(SavedVectors(tmp_path), BENCHMARK)
    assert_same_ranks(found, evaluate(BENCHMARK, QUERIES, 2 * PASSAGES, ENCODING))
    assert found.summary.protocol.score == "dot product of the vectors as they are, float32"


def test_vectors_of_a_large_collection_are_rounded_as_an_encoders_are(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmarking, "IN_MEMORY", 10)
    save_vectors(tmp_path / "v", BENCHMARK, QUERIES, PASSAGES)
    found = evaluate_system(SavedVectors(tmp_path / "v"), BENCHMARK)
    rounded = [vectors.astype(np.float16).astype(np.float32) for vectors in (QUERIES, PASSAGES)]
    assert_same_ranks(found, evaluate(BENCHMARK, *rounded, ENCODING))
    assert found.summary.protocol.score.endswith("rounded to float16")


def spoil(folder, how):
    ids = list(BENCHMARK.candidate_ids)
    vectors = PASSAGES.copy()
    if how == "missing":
        ids, vectors = ids[1:], vectors[1:]
    elif how == "twice":
        ids[3] = ids[2]
    elif how == "extra":
        ids, vectors = [*ids, "xx:p:1"], np.vstack([vectors, vectors[:1]])
    elif how == "count":
        ids = ids[1:]
    elif how == "nan":
        vectors[7, 1] = np.nan
    elif how == "width":
        vectors = vectors[:, 1:]
    elif how == "text":
        vectors = np.array([["a"] * 3] * len(ids))
    np.save(folder / "passages.npy", vectors)
    (folder / "passages.json").write_text(json.dumps(ids))
    if how == "no ids":
        (folder / "passages.json").unlink()
    if how == "torn":
        (folder / "passages.npy").write_bytes((folder / "passages.npy").read_bytes()[:-100])


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("missing", f"1 ids of .* are missing, the first is '{BENCHMARK.candidate_ids[0]}'"),
        ("twice", f"id '{BENCHMARK.candidate_ids[2]}' comes twice"),
        ("extra", "1 ids are not of .*, the first is 'xx:p:1'"),
        ("count", "59 ids for 60 vectors"),
        ("nan", f"passages.npy: the vector of '{BENCHMARK.candidate_ids[7]}' .* not finite"),
        ("width", "width 8, passages.npy of width 7"),
        ("text", "expected floating point numbers"),
        ("no ids", "expected passages.txt"),
        ("torn", "passages.npy"),
    ],
)
def test_vectors_that_do_not_fit_are_one_clear_line(tmp_path, how, told):
    save_vectors(tmp_path / "v", BENCHMARK, QUERIES, PASSAGES)
    spoil(tmp_path / "v", how)
    with pytest.raises(ConfigError, match=told) as error:
        evaluate_system(SavedVectors(tmp_path / "v"), BENCHMARK)
    assert "\n" not in str(error.value)


@given(cases())
@settings(max_examples=40, deadline=None)
def test_a_whole_trec_run_gives_the_full_ranking_ties_included(tmp_path_factory, case):
    benchmark, queries, candidates = case
    path = tmp_path_factory.mktemp("trec") / "run"
    scores = queries @ candidates.T
    path.write_text("".join(trec_lines(benchmark, scores.tolist(), len(candidates))))
    found, expected = evaluate_system(TrecRun(path), benchmark), evaluate(benchmark, queries, candidates, ENCODING)
    for name in expected.ranks.__slots__:
        assert getattr(found.ranks, name).tolist() == getattr(expected.ranks, name).tolist(), name
    assert found.summary.metrics == expected.summary.metrics
    assert found.summary.bounds == expected.summary.bounds
    assert found.summary.bias == expected.summary.bias


def test_a_cut_run_states_its_depth_and_refuses_what_needs_every_rank(tmp_path):
    scores = (QUERIES @ PASSAGES.T).tolist()
    with gzip.open(tmp_path / "run.gz", "wt") as file:
        file.writelines(trec_lines(BENCHMARK, scores, 15))
    evaluation = evaluate_system(TrecRun(tmp_path / "run.gz"), BENCHMARK)
    summary = evaluation.summary
    assert summary.protocol.cutoff == 15
    assert summary.protocol.unretrieved > 0
    assert "up to 15 passages" in summary.protocol.system
    reason = summary.bias.not_applicable["rank_distance_null"]
    assert reason == f"{summary.protocol.unretrieved:,} of 180 relevant passages were not retrieved"
    refused = ("own_language_advantage", "worst_relevant_rank", "language_effect", "friedman", "peer")
    assert {summary.bias.not_applicable[name] for name in refused} == {reason}
    assert summary.metrics["rank_distance"] is summary.metrics["rank_distance_null"] is None
    assert summary.rank_distance == summary.own_language_advantage == {}

    qrels = [
        ir_measures.Qrel(BENCHMARK.query_ids[q], BENCHMARK.candidate_ids[p], 1)
        for q, p in zip(evaluation.ranks.query, evaluation.ranks.passage, strict=True)
    ]
    with gzip.open(tmp_path / "run.gz", "rt") as file:
        run = [ir_measures.ScoredDoc(f[0], f[2], float(f[4])) for f in map(str.split, file)]
    write_results(evaluation, tmp_path / "toy")
    table = read_ranks(tmp_path / "toy")
    for name, peer in (("map_multilingual", ir_measures.AP), ("recall_at_10_multilingual", ir_measures.R @ 10)):
        values = query_values(table, name)
        expected = {found.query_id: found.value for found in peer.iter_calc(qrels, run)}
        assert dict(zip(values["query_id"], values["value"], strict=True)) == pytest.approx(expected)
    assert read_summary(tmp_path / "toy") == summary
    assert read_top_k(tmp_path / "toy").height == 15 * len(scores)


def test_at_a_depth_that_holds_all_relevant_passages_metrics_are_those_of_the_full_ranking(tmp_path):
    expected = evaluate(BENCHMARK, QUERIES, PASSAGES, ENCODING)
    depth = int(expected.ranks.rank_pool.max())
    (tmp_path / "run").write_text("".join(trec_lines(BENCHMARK, (QUERIES @ PASSAGES.T).tolist(), depth)))
    found = evaluate_system(TrecRun(tmp_path / "run"), BENCHMARK)
    for name in METRICS:
        assert found.summary.metrics[name] == pytest.approx(expected.summary.metrics[name])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{q} Q0 {p} 1 0.5", "run:2: expected 'query Q0 passage rank score tag', got 5 fields"),
        ("{q} Q0 {p} 1 nan t", "run:2: score: expected a number, got 'nan'"),
        ("{q} Q0 {p} 1 high t", "run:2: score: expected a number, got 'high'"),
        ("{q} Q0 nowhere 1 0.5 t", "run:2: .* has no passage 'nowhere'"),
        ("{q} Q0 {first} 1 0.5 t", "run:2: passage .* comes twice"),
    ],
)
def test_a_wrong_line_of_a_run_is_named(tmp_path, line, told):
    query, (first, other) = BENCHMARK.query_ids[0], BENCHMARK.candidate_ids[:2]
    path = tmp_path / "run"
    path.write_text(f"{query} Q0 {first} 1 0.9 t\n{line.format(q=query, p=other, first=first)}\n")
    with pytest.raises(ConfigError, match=told):
        evaluate_system(TrecRun(path), BENCHMARK)


def test_queries_of_other_benchmarks_are_counted_and_alone_refused(tmp_path):
    path, query, passage = tmp_path / "run", BENCHMARK.query_ids[0], BENCHMARK.candidate_ids[0]
    path.write_text(f"other Q0 {passage} 1 0.9 t\n\n{query} Q0 {passage} 1 0.9 t\n")
    protocol = evaluate_system(TrecRun(path), BENCHMARK).summary.protocol
    assert "1 queries that are not of the benchmark were left out" in protocol.system
    sample = sample_queries(BENCHMARK, 3)
    path.write_text("".join(f"{id} Q0 {passage} 1 0.9 t\n" for id in BENCHMARK.query_ids))
    left_out = f"{len(BENCHMARK.query_ids) - 3} queries that are not of the sample were left out"
    assert left_out in evaluate_system(TrecRun(path), sample).summary.protocol.system
    path.write_text(f"other Q0 {passage} 1 0.9 t\n\n{query} Q0 {passage} 1 0.9 t\n")
    path.write_text(f"other Q0 {passage} 1 0.9 t\n")
    with pytest.raises(ConfigError, match="none of its 1 queries"):
        evaluate_system(TrecRun(path), BENCHMARK)
    with pytest.raises(ConfigError, match="no such file"):
        evaluate_system(TrecRun(tmp_path / "nowhere"), BENCHMARK)


def test_bm25_is_bm25s_formula_and_matches_only_what_shares_a_token():
    texts = ["the cedi of Ghana", "the yen of Japan", "Ghana and its gold", "加纳的货币是塞地"]
    benchmark = replace(
        make_benchmark(["en", "en", "en", "zh"], ["en", "zh"], {0: [0, 2], 1: [3]}),
        candidate_texts=texts,
        query_texts=["cedi, GHANA?", "货币"],
    )
    evaluation = evaluate_system(Bm25(), benchmark)
    ranks, top = evaluation.ranks, evaluation.top
    assert ranks.rank_pool.tolist() == [1, 2, 1]
    assert top.passage.tolist() == [[0, 2, -1, -1], [3, -1, -1, -1]]

    lengths = [len(tokens(text)) for text in texts]

    def score(query, text):
        value = 0.0
        for token in tokens(query):
            df, tf = sum(token in tokens(other) for other in texts), tokens(text).count(token)
            norm = 1.5 * (0.25 + 0.75 * len(tokens(text)) / np.mean(lengths))
            value += np.log(1 + (len(texts) - df + 0.5) / (df + 0.5)) * tf / (tf + norm)
        return value

    assert top.score[0, :2].tolist() == pytest.approx([score("cedi ghana", texts[0]), score("cedi ghana", texts[2])])
    protocol = evaluation.summary.protocol
    assert protocol.system.startswith("BM25 (bm25s ")
    assert "pairs of characters in scripts without spaces" in protocol.system
    assert protocol.unretrieved == 0


def test_bm25_where_nothing_matches_retrieves_nothing():
    benchmark = make_benchmark(["de", "en"], ["en"], {0: [0]})
    benchmark = replace(benchmark, candidate_texts=["eins", "?!"], query_texts=["two"])
    summary = evaluate_system(Bm25(), benchmark).summary
    assert summary.protocol.unretrieved == 1
    assert summary.metrics["map_multilingual"] == 0.0


def test_tokens_are_words_and_pairs_where_a_script_has_no_spaces():
    assert tokens("The Straße-Name, 3rd") == ["the", "strasse", "name", "3rd"]
    assert tokens("हिन्दी में") == ["हिन्दी", "में"]
    assert tokens("東京タワー、ABC株") == ["東京", "京タ", "タワ", "ワー", "abc", "株"]
    assert tokens("สวัสดี") == ["สว", "วั", "ัส", "สด", "ดี"]
    assert tokens("") == []
