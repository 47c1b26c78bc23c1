"""Values of single queries from ranks.parquet: their means are the reported metrics, and oracles agree."""

from __future__ import annotations

from pathlib import Path

import ir_measures
import numpy as np
import polars as pl
import pytest
from evaluation_cases import ENCODING, cases, query_scores
from hypothesis import given, settings

from engine.evaluation.benchmarking import evaluate
from engine.evaluation.results import Pool, query_values, ranks_table
from engine.measures import MEASURES

COLUMNS = ["query_id", "cluster", "query_language", "passage_language", "value"]


def pool(evaluation):
    return Pool(tuple(evaluation.summary.languages), evaluation.summary.candidates, Path("nowhere"))


@given(cases())
@settings(max_examples=30, deadline=None)
def test_macro_means_are_the_reported_metrics(case):
    evaluation = evaluate(*case, ENCODING)
    ranks = ranks_table(evaluation)
    for metric, expected in evaluation.summary.metrics.items():
        if metric not in MEASURES:
            continue
        values = query_values(ranks, metric, pool(evaluation))
        assert values.columns == COLUMNS
        found = values.group_by("query_language", "passage_language").agg(pl.col("value").mean())["value"].mean()
        assert found == pytest.approx(expected)


@given(cases())
@settings(max_examples=30, deadline=None)
def test_what_is_stored_gives_the_values_of_the_evaluation_bit_for_bit(case):
    evaluation = evaluate(*case, ENCODING)
    benchmark, table = evaluation.benchmark, ranks_table(evaluation)
    scores = query_scores(benchmark, evaluation.ranks)
    for name in MEASURES:
        if MEASURES[name].formula == "first passage":
            continue  # topk.parquet has it, see test_first_places
        expected, found = scores.of(name), query_values(table, name, pool(evaluation))
        assert found["query_id"].to_list() == [benchmark.query_ids[q] for q in expected.query]
        if expected.language is not None:
            assert found["passage_language"].to_list() == [benchmark.languages[code] for code in expected.language]
        assert found["value"].to_list() == expected.value.tolist()


def ranks_frame(rows):
    """(query_id, passage_id, relevance, rank); ids begin with their languages."""
    return pl.DataFrame(
        {
            "query_id": [row[0] for row in rows],
            "cluster": ["c"] * len(rows),
            "query_language": [row[0][:2] for row in rows],
            "passage_id": [row[1] for row in rows],
            "passage_language": [row[1][:2] for row in rows],
            "relevance": [row[2] for row in rows],
            **{f"rank_{pool}": pl.Series([row[3] for row in rows], dtype=pl.Int32) for pool in ("pool", "language")},
            **{f"{name}_{pool}": [0] * len(rows) for name in ("tied",) for pool in ("pool", "language")},
        }
    )


def test_graded_and_unretrieved_passages_agree_with_ir_measures():
    """Queries with grades 1 to 3, some passages not retrieved (null), against nDCG@10, R@100 and AP of ir-measures."""
    rng = np.random.default_rng(0)
    rows, qrels, run = [], [], []
    for query in range(30):
        judged = rng.permutation(200)[: rng.integers(1, 15)]
        for place in judged.tolist():
            name, grade = f"en:p:{query}.{place}", int(rng.integers(1, 4))
            retrieved = place < 150
            rows.append((f"en:q:{query:02}", name, grade, place + 1 if retrieved else None))
            qrels.append(ir_measures.Qrel(f"en:q:{query:02}", name, grade))
        run += [
            ir_measures.ScoredDoc(f"en:q:{query:02}", f"en:p:{query}.{place}", 1000 - place) for place in range(150)
        ]
    frame = ranks_frame(rows)
    for metric, peer in (
        ("ndcg_at_10", ir_measures.nDCG @ 10),
        ("ndcg_at_20", ir_measures.nDCG @ 20),
        ("recall_at_100", ir_measures.R @ 100),
        ("map_monolingual", ir_measures.AP),
    ):
        expected = {found.query_id: found.value for found in peer.iter_calc(qrels, run)}
        values = query_values(frame, metric)
        assert dict(zip(values["query_id"], values["value"], strict=True)) == pytest.approx(expected)


def test_a_query_without_what_a_metric_is_about_is_left_out():
    frame = ranks_frame([("en:q:1", "en:p:1", 1, 3), ("en:q:2", "de:p:1", 1, 2), ("en:q:2", "en:p:2", 1, 8)])
    found = {metric: query_values(frame, metric)["query_id"].to_list() for metric in MEASURES}
    assert found["map_crosslingual"] == found["rank_distance"] == found["own_language_advantage"] == ["en:q:2"]
    assert found["other_language_recall_at_10"] == ["en:q:2"]
    assert found["map_monolingual"] == found["map_multilingual"] == ["en:q:1", "en:q:2"]
    assert query_values(frame, "own_language_advantage")["value"].to_list() == [-2.0]


def test_results_of_before_counts_were_stored_still_have_advantages():
    """Without above_pool the rank by id stands for the mid-rank; where nothing ties they are equal."""
    frame = ranks_frame([("en:q:1", "en:p:1", 1, 2), ("en:q:1", "de:p:1", 1, 8)])
    newer = frame.with_columns(above_pool=pl.col("rank_pool") - 1)
    for metric in ("own_language_advantage", "worst_relevant_rank"):
        assert query_values(frame, metric).equals(query_values(newer, metric))
