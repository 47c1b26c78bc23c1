"""Several languages whose queries are each answered in their own, as in MIRACL; earlier versions measured it too."""

from __future__ import annotations

import msgspec
import numpy as np
from bias_cases import simulated
from evaluation_cases import ENCODING, make_benchmark

from engine.applicability import applicable, reasons_of, why_not
from engine.evaluation.benchmarking import evaluate
from engine.evaluation.results import query_values, ranks_table, read_summary, write_results
from engine.events import Advantage, RankDistances
from engine.measures import NEEDS, ONE_LANGUAGE_A_QUERY

APART = tuple(name for name, needs in NEEDS.items() if needs == "answers in several languages")


def own_answers():
    """Two queries in each of two languages, each with two relevant passages in its own."""
    rng = np.random.default_rng(0)
    languages = ["de"] * 8 + ["en"] * 8
    relevant = {0: [0, 1], 1: [2, 3], 2: [8, 9], 3: [10, 11]}
    benchmark = make_benchmark(languages, ["de", "de", "en", "en"], relevant)
    vectors = [rng.standard_normal((count, 4)).astype(np.float32) for count in (4, 16)]
    return evaluate(benchmark, *vectors, ENCODING)


def test_a_distance_within_one_language_is_no_rank_distance(tmp_path):
    evaluation = own_answers()
    summary = evaluation.summary
    assert summary.metrics["map_multilingual"] is not None  # the pool has two languages all the same
    assert summary.bias.measures["language_preference_first"] is not None
    for name in APART:
        assert summary.bias.not_applicable[name] == ONE_LANGUAGE_A_QUERY
        assert summary.metrics.get(name) is None
        assert name not in summary.bias.measures
    assert summary.rank_distance == {}
    assert query_values(ranks_table(evaluation), "rank_distance").is_empty()
    write_results(evaluation, tmp_path / "toy")
    assert read_summary(tmp_path / "toy") == summary


def test_results_of_an_earlier_version_are_read_without_it(tmp_path):
    evaluation = own_answers()
    summary = evaluation.summary
    planted = msgspec.structs.replace(
        summary,
        metrics={**summary.metrics, "rank_distance": 5.0, "rank_distance_null": 4.0},
        micro={**summary.micro, "rank_distance": 5.0},
        rank_distance={"de": RankDistances(queries=2, mean=5.0, median=5.0, p90=6.0, histogram=[0, 0, 1, 1])},
        own_language_advantage={"de": Advantage(mean=1.0, interval=None)},
        bias=msgspec.structs.replace(
            summary.bias, measures={**summary.bias.measures, "worst_relevant_rank": 7.0}, not_applicable={}
        ),
    )
    found = applicable(planted)
    assert found.metrics["rank_distance"] is found.metrics["rank_distance_null"] is None
    assert found.rank_distance == found.own_language_advantage == {}
    assert "worst_relevant_rank" not in found.bias.measures
    assert found.metrics["map_multilingual"] == summary.metrics["map_multilingual"]
    assert why_not(planted, "rank_distance") == reasons_of(planted)["friedman"] == ONE_LANGUAGE_A_QUERY
    old = msgspec.structs.replace(planted, bias=None)
    assert why_not(applicable(old), "rank_distance") == ONE_LANGUAGE_A_QUERY


def test_a_parallel_benchmark_keeps_everything():
    summary = simulated(3, 12).summary
    assert applicable(summary) is summary
    assert set(reasons_of(summary)) == {"peer"}
