"""Round trips: trec_eval and mteb read the files and arrive at the scores that were measured here."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import polars as pl
import pytest
import pytrec_eval
from export_cases import LANGUAGES, make_evaluation, make_run

from engine.config import ConfigError
from engine.evaluation.results import query_values, read_ranks
from engine.evaluation.systems.system import TrecRun, evaluate_system
from engine.export.exchange import write_exchange
from engine.language_codes import LANGUAGES as MTEB_LANGUAGES
from engine.measures import MEASURES

SMALL = make_evaluation(0, 1.0)  # 60 candidates: the whole ranking is in the 100 best
LARGE = make_evaluation(1, 1.5, facts=70)  # 210
TIED = make_evaluation(2, 0.0)  # translations have equal vectors


def written(tmp_path, evaluation):
    run = make_run(tmp_path, "hybrid-a", "hybrid", {9: {"toy": evaluation}})
    told = write_exchange("trec", [run], out=tmp_path / "a.run")
    return run, told


def scored(tmp_path, measures):
    with (tmp_path / "a.run").open() as run, (tmp_path / "a.run.qrels").open() as qrels:
        evaluator = pytrec_eval.RelevanceEvaluator(pytrec_eval.parse_qrel(qrels), measures)
        return evaluator.evaluate(pytrec_eval.parse_run(run))


def values(run, metric):
    """Of every query, in the pool of all languages."""
    ranks = read_ranks(run / "results" / "step-000009" / "toy")
    frame = query_values(ranks, replace(MEASURES[metric], cells="pool"))
    return dict(frame.select("query_id", "value").iter_rows())


@pytest.mark.parametrize("evaluation", [SMALL, TIED], ids=["distinct", "tied"])
def test_trec_eval_finds_the_full_rankings_scores(tmp_path, evaluation):
    run, told = written(tmp_path, evaluation)
    found = scored(tmp_path, {"map", "ndcg_cut_10", "recall_10"})
    for measure, metric in (
        ("map", "map_multilingual"),
        ("ndcg_cut_10", "ndcg_at_10"),
        ("recall_10", "recall_at_10_multilingual"),
    ):
        expected = values(run, metric)
        assert found.keys() == expected.keys()
        assert all(math.isclose(found[query][measure], value, abs_tol=1e-9) for query, value in expected.items())
    assert "cutoff" not in told
    assert sum(scores["map"] for scores in found.values()) / len(found) == pytest.approx(
        evaluation.summary.micro["map_multilingual"]
    )


@pytest.mark.parametrize("evaluation", [SMALL, TIED, LARGE], ids=["distinct", "tied", "cut"])
def test_an_exported_run_read_back_gives_the_same_metrics_at_its_depth(tmp_path, evaluation):
    written(tmp_path, evaluation)
    found = evaluate_system(TrecRun(tmp_path / "a.run"), evaluation.benchmark).summary
    if evaluation is LARGE:
        assert (found.protocol.cutoff, found.metrics["rank_distance"]) == (100, None)
        exact = ("recall_at_1_monolingual", "recall_at_1_crosslingual", "recall_at_10_multilingual", "ndcg_at_10")
        assert {name: found.metrics[name] for name in exact} == {
            name: evaluation.summary.metrics[name] for name in exact
        }
    else:
        assert found.metrics == evaluation.summary.metrics
        assert found.bias == evaluation.summary.bias


def test_below_the_cutoff_nothing_is_retrieved(tmp_path):
    """With 210 candidates 100 are written, and that is said; measures within are exact, map is at the cutoff."""
    run, told = written(tmp_path, LARGE)
    assert "the 100 best candidates" in told
    assert "cutoff" in told
    found = scored(tmp_path, {"map", "ndcg_cut_10", "recall_100"})
    ranks = read_ranks(run / "results" / "step-000009" / "toy")
    cut = ranks.with_columns(pl.when(pl.col("rank_pool") <= 100).then("rank_pool").alias("rank_pool"))
    assert cut["rank_pool"].null_count() > 0
    at_cutoff = query_values(cut, "map_multilingual")
    for query, value in at_cutoff.select("query_id", "value").iter_rows():
        assert found[query]["map"] == pytest.approx(value)
    for measure, metric in (("ndcg_cut_10", "ndcg_at_10"), ("recall_100", "recall_at_100")):
        assert all(found[query][measure] == pytest.approx(value) for query, value in values(run, metric).items())


def test_mteb_loads_the_result_and_averages_to_the_same_metrics(tmp_path):
    mteb = pytest.importorskip("mteb")
    run = make_run(tmp_path, "hybrid-a", "hybrid", {9: {"toy": SMALL}})
    write_exchange("mteb", [run], out=tmp_path / "toy.json")
    result = mteb.TaskResult.from_disk(tmp_path / "toy.json")
    for split in ("monolingual", "crosslingual", "multilingual"):
        assert result.get_score(splits=[split]) == pytest.approx(SMALL.summary.metrics[f"map_{split}"])
    recall = result.get_score(splits=["multilingual"], getter=lambda scores: scores["recall_at_10"])
    assert recall == pytest.approx(SMALL.summary.metrics["recall_at_10_multilingual"])
    german = result.get_score(splits=["monolingual"], languages=["deu"])
    assert german == pytest.approx(SMALL.summary.matrix["de"]["de"])
    assert result.dataset_revision == SMALL.summary.protocol.data_digest
    again = tmp_path / "again.json"
    result.to_disk(again)
    assert mteb.TaskResult.from_disk(again).get_score(splits=["monolingual"]) == pytest.approx(
        SMALL.summary.metrics["map_monolingual"], abs=1e-6
    )


def test_mteb_knows_our_languages():
    languages = pytest.importorskip("mteb.languages")
    for code in MTEB_LANGUAGES.values():
        language, script = code.split("-")
        assert language in languages.ISO_TO_LANGUAGE
        assert script in languages.ISO_TO_SCRIPT


def test_settings_that_a_benchmark_has_not_are_left_out(tmp_path):
    run = make_run(tmp_path, "en", "english", {9: {"beir/scifact": make_evaluation(languages=("en",))}})
    document = json.loads(write_exchange("mteb", [run]))
    assert set(document["scores"]) == {"monolingual"}
    scores = document["scores"]["monolingual"][0]
    assert (scores["hf_subset"], scores["languages"]) == ("en", ["eng-Latn"])
    assert scores["main_score"] == scores["ndcg_at_10"]


def test_pairs_are_named_question_first(tmp_path):
    run = make_run(tmp_path, "a", "cross", {9: {"toy": SMALL}})
    pairs = json.loads(write_exchange("mteb", [run]))["scores"]["crosslingual"]
    found = {scores["hf_subset"]: scores["main_score"] for scores in pairs}
    assert set(found) == {f"{a}-{b}" for a in LANGUAGES for b in LANGUAGES if a != b}
    assert found["de-th"] == pytest.approx(SMALL.summary.matrix["de"]["th"])


def test_wrong_use_is_one_line_and_writes_nothing(tmp_path):
    runs = [make_run(tmp_path, name, "mono", {9: {"toy": SMALL}}) for name in ("a", "b")]
    two = make_run(tmp_path, "c", "mono", {9: {"toy": SMALL, "cldr": SMALL}})
    spaced = make_run(tmp_path, "d", "mono", {9: {"toy": SMALL}})
    path = spaced / "results" / "step-000009" / "toy" / "ranks.parquet"
    pl.read_parquet(path).with_columns(query_id=pl.lit("de q 1")).write_parquet(path)
    out = tmp_path / "x.run"
    for call, named in [
        (lambda: write_exchange("trec", runs, out=out), "holds one run, not 2"),
        (lambda: write_exchange("mteb", [two], out=out), "choose one with --benchmark"),
        (lambda: write_exchange("trec", runs[:1]), "--out"),
        (lambda: write_exchange("trec", [spaced], out=out), "white space"),
        (lambda: write_exchange("trec", runs[:1], out=tmp_path / "no" / "x"), "no folder"),
    ]:
        with pytest.raises(ConfigError) as error:
            call()
        assert named in str(error.value)
        assert "\n" not in str(error.value)
    assert not out.exists()
    assert not out.with_name("x.run.qrels").exists()
