"""Result folders: complete or absent, in the documented columns, and enough to compute every metric again."""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec
import numpy as np
import polars as pl
import pytest
from evaluation_cases import ENCODING, cases, make_benchmark
from hypothesis import given, settings

from engine import events
from engine.evaluation.benchmarking import evaluate
from engine.evaluation.results import ResultError, read_ranks, read_summary, read_top_k, write_results
from engine.measures import METRICS


@pytest.fixture
def evaluation():
    names = ["de"] * 30 + ["en"] * 30
    benchmark = make_benchmark(names, names, {q: [q % 30, q % 30 + 30] for q in range(60)}, clusters=6)
    rng = np.random.default_rng(0)
    facts = rng.standard_normal((30, 8))
    texts = [np.vstack([facts, facts]) + 0.7 * rng.standard_normal((60, 8)) for _ in range(2)]
    texts[1][7] = texts[1][3]
    return evaluate(benchmark, *[text.astype(np.float32) for text in texts], ENCODING)


def test_folder_holds_the_documented_columns_and_reads_back(evaluation, tmp_path):
    folder = tmp_path / "results" / "step-000400" / "toy"
    write_results(evaluation, folder)
    ranks, top, summary = read_ranks(folder), read_top_k(folder), read_summary(folder)
    assert ranks.columns == [
        *("query_id", "group", "cluster", "query_language", "passage_id", "passage_language", "relevance"),
        *("rank_pool", "rank_language", "tied_pool", "tied_language"),
        *("above_pool", "above_language", "score"),
    ]
    assert ranks["passage_id"].to_list() == [evaluation.benchmark.candidate_ids[p] for p in evaluation.ranks.passage]
    assert ranks["query_id"].to_list() == [evaluation.benchmark.query_ids[q] for q in evaluation.ranks.query]
    assert ranks["rank_language"].to_list() == evaluation.ranks.rank_language.tolist()
    for pool in ("pool", "language"):
        above, tied, rank = ranks[f"above_{pool}"], ranks[f"tied_{pool}"], ranks[f"rank_{pool}"]
        assert above.to_list() == getattr(evaluation.ranks, f"above_{pool}").tolist()
        assert ((above < rank) & (rank <= above + tied + 1)).all()
    assert (ranks["query_id"].str.head(2) == ranks["query_language"]).all()
    assert (ranks["passage_id"].str.head(2) == ranks["passage_language"]).all()
    assert top.columns == ["query_id", "rank", "passage_id", "passage_language", "score"]
    assert top.height == 60 * 60
    found = ranks.join(top, on=["query_id", "passage_id"])
    assert found.height == ranks.height
    assert (found["rank"] == found["rank_pool"]).all()
    assert (found["score"] == found["score_right"]).all()
    assert summary == evaluation.summary
    assert sorted(path.name for path in folder.iterdir()) == ["ranks.parquet", "summary.json", "topk.parquet"]


def test_ranks_alone_give_the_reported_metrics(evaluation, tmp_path):
    """Computed again from ranks.parquet with group-bys instead of arrays."""
    write_results(evaluation, tmp_path / "toy")
    ranks = read_ranks(tmp_path / "toy")

    def by_query(rank, *keys):
        found = pl.col(rank).rank("ordinal").over("query_id", *keys)
        return ranks.with_columns(precision=found / pl.col(rank)).group_by("query_id", "query_language", *keys)

    def macro(table, column, *keys):
        return table.group_by("query_language", *keys).agg(pl.col(column).mean())[column].mean()

    def ndcg(rank, k):
        gain = 1 / (pl.col(rank).filter(pl.col(rank) <= k) + 1).log(2)
        ideal = [pl.when(pl.len() >= place).then(1 / np.log2(1 + place)).otherwise(0) for place in range(1, k + 1)]
        return gain.sum() / sum(ideal)

    cells = by_query("rank_language", "passage_language").agg(
        pl.col("precision").mean(),
        hit=(pl.col("rank_language") <= 1).mean(),
        hit_100=(pl.col("rank_language") <= 100).mean(),
        ndcg=ndcg("rank_language", 10),
        ndcg_20=ndcg("rank_language", 20),
    )
    pool = by_query("rank_pool").agg(
        pl.col("precision").mean(),
        hit=(pl.col("rank_pool") <= 10).mean(),
        ndcg_20=ndcg("rank_pool", 20),
        distance=(pl.col("rank_pool").max() - pl.col("rank_pool").min()).cast(pl.Float64),
    )
    own = pl.col("query_language") == pl.col("passage_language")
    expected = (
        macro(cells.filter(own), "precision", "passage_language"),
        macro(cells.filter(~own), "precision", "passage_language"),
        macro(pool, "precision"),
        macro(cells.filter(own), "hit", "passage_language"),
        macro(cells.filter(~own), "hit", "passage_language"),
        macro(pool, "hit"),
        macro(pool, "distance"),
        macro(cells.filter(own), "ndcg", "passage_language"),
        macro(cells.filter(own), "ndcg_20", "passage_language"),
        macro(pool, "ndcg_20"),
        macro(cells.filter(own), "hit_100", "passage_language"),
    )
    found = read_summary(tmp_path / "toy").metrics
    assert {name: found[name] for name in METRICS} == pytest.approx(dict(zip(METRICS, expected, strict=True)))


def test_summary_states_protocol_ties_and_bounds(evaluation, tmp_path):
    write_results(evaluation, tmp_path / "toy")
    document = json.loads((tmp_path / "toy" / "summary.json").read_text())
    protocol = document["protocol"]
    assert protocol["unit"] == "sentence"
    assert protocol["cutoff"] is None
    assert protocol["ties"] == document["ties"] > 0
    assert (protocol["query_prefix"], protocol["truncated_passages"]) == ("query: ", 2)
    for name in METRICS:
        low, high = sorted(document["bounds"][kind][name] for kind in ("optimistic", "pessimistic"))
        assert low <= document["metrics"][name] <= high
        assert document["micro"][name] is not None


@given(cases())
@settings(max_examples=40, deadline=None)
def test_any_result_travels_in_an_event(case):
    """Whatever a benchmark lacks, the event has no NaN and reads back equal."""
    benchmark, queries, candidates = case
    result = evaluate(benchmark, queries, candidates, ENCODING).result
    event = events.EvalFinished(benchmark="toy", step=3, seconds=1.0, result=result)
    line = events.encode(event)
    assert b"NaN" not in line
    for name in (b"_null", b'"nulls":', b'"null":', b'":null'):
        line = line.replace(name, b"")
    assert b"null" not in line
    assert events.decode(events.encode(event)) == event
    assert type(result) is events.EvaluationResult
    assert msgspec.json.decode(msgspec.json.encode(result), type=events.EvaluationResult) == result


def test_damaged_results_are_one_line(tmp_path):
    with pytest.raises(ResultError, match=r"summary\.json: No such file"):
        read_summary(tmp_path)
    (tmp_path / "summary.json").write_text('{"queries": "many"}')
    (tmp_path / "ranks.parquet").write_text("not parquet")
    for read in (read_summary, read_ranks, read_top_k):
        with pytest.raises(ResultError) as error:
            read(tmp_path)
        assert len(str(error.value).splitlines()) == 1
        assert str(tmp_path) in str(error.value)


def test_reading_results_imports_neither_torch_nor_polars():
    """The dashboard's export dialog loads this module; it must stay light until a table is read."""
    code = "import sys, engine.evaluation.results; print(sorted({'torch', 'polars', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
