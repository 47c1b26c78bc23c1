"""A study over two data sets in BEIR's format, one graded: nDCG@10 is pytrec_eval's, and the suite is their mean."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import pytrec_eval
from export_cases import ENCODING
from retrieval_files import judgements, write_jsonl, write_lines
from study_cases import SUITE, claim, measured_as_it_is, trained

from engine.data.sources import load_benchmark
from engine.evaluation.benchmarking import evaluate
from engine.evaluation.statistics import holm
from engine.export.report.study_report import study_report, write_report
from engine.export.study_results import StudyResults
from engine.runs.study_record import StudyRecord

SIZES = {"beir/first": (40, 1), "beir/second": (60, 3)}  # queries, highest grade
RECORD = StudyRecord(
    name="beir-question",
    condition="",
    baseline="mono",
    benchmarks=(SUITE,),
    claims=(claim(margin=0.02), claim(sentence="Bias.", measure="rank_distance", relation="lower")),
    left_out=("mlqa-r",),
    differs=("Vectors are drawn at random.",),
)


def collection(folder, queries, highest, rng):
    documents = [f"d{index:03}" for index in range(3 * queries)]
    write_jsonl(folder / "corpus.jsonl", [{"_id": one, "title": "", "text": f"text {one}"} for one in documents])
    write_jsonl(
        folder / "queries.jsonl", [{"_id": f"q{index:03}", "text": f"query {index}"} for index in range(queries)]
    )
    lines = [
        f"q{index:03}\t{one}\t{rng.integers(1, highest + 1)}"
        for index in range(queries)
        for one in rng.choice(documents, rng.integers(1, 6), replace=False)
    ]
    write_lines(folder / "qrels" / "test.tsv", ["query-id\tcorpus-id\tscore", *lines])
    return folder


def vectors(benchmark, noise, rng):
    """A query lies near the mean of its relevant passages."""
    passages = rng.standard_normal((len(benchmark.candidate_ids), 12))
    means = [
        passages[benchmark.relevant[start:end]].mean(axis=0)
        for start, end in zip(benchmark.offsets[:-1], benchmark.offsets[1:], strict=True)
    ]
    queries = np.array(means) + noise * rng.standard_normal((len(means), 12))
    return queries.astype(np.float32), passages.astype(np.float32)


def ndcg_of_trec_eval(benchmark, queries, passages):
    scores = queries @ passages.T
    run = {
        query: dict(zip(benchmark.candidate_ids, row.tolist(), strict=True))
        for query, row in zip(benchmark.query_ids, scores, strict=True)
    }
    found = pytrec_eval.RelevanceEvaluator(judgements(benchmark), {"ndcg_cut.10"}).evaluate(run)
    return np.mean([found[query]["ndcg_cut_10"] for query in benchmark.query_ids])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """(the study, nDCG@10 by condition and data set as pytrec_eval has it)."""
    home = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(0)
    benchmarks = {
        key: load_benchmark(f"{key}={collection(home.parent / key, queries, highest, rng)}")
        for key, (queries, highest) in SIZES.items()
    }
    assert sorted({grade for _, one in benchmarks.items() for grade in one.grades.tolist()}) == [1, 2, 3]
    runs, expected = {}, {}
    for condition, seeds, noise in (("mono", (0, 1), 1.0), ("hybrid", (0, 1), 0.7), ("encoder", (0,), 1.4)):
        for seed in seeds:
            results = {}
            for key, benchmark in benchmarks.items():
                found = vectors(benchmark, noise, rng)
                results[key] = evaluate(benchmark, *found, ENCODING)
                expected.setdefault((condition, key), []).append(ndcg_of_trec_eval(benchmark, *found))
            run = (
                measured_as_it_is(home, condition, results, RECORD, benchmarks=list(SIZES))
                if condition == "encoder"
                else trained(home, condition, seed, RECORD, results)
            )
            runs.setdefault(condition, []).append(run)
    return StudyResults(RECORD, runs), {key: float(np.mean(values)) for key, values in expected.items()}


@pytest.fixture(scope="module")
def written(study, tmp_path_factory):
    report, blocks = study_report(study[0])
    out = tmp_path_factory.mktemp("out")
    write_report(report, blocks, out)
    return report, (out / "report.md").read_text()


def test_ndcg_by_data_set_is_that_of_trec_eval_and_the_suite_is_their_mean(study, written):
    (suite,) = written[0].benchmarks
    assert (suite.benchmark, suite.data_sets, suite.primary) == (SUITE, list(SIZES), "ndcg_at_10")
    means = {row["condition"]: row for row in suite.means}
    for (condition, key), value in study[1].items():
        assert means[condition][key] == pytest.approx(value, abs=1e-9)
    for condition, row in means.items():
        assert row["ndcg_at_10"] == pytest.approx(np.mean([study[1][condition, key] for key in SIZES]), abs=1e-9)


def test_differences_are_of_the_suite_and_of_each_data_set_with_holm_over_these(study, written):
    (suite,) = written[0].benchmarks
    rows = [row for row in suite.comparison.rows if row.metric == "ndcg_at_10"]
    of_sets = [row for row in rows if row.benchmark != SUITE]
    assert {(row.run, row.benchmark) for row in of_sets} == {(c, key) for c in ("hybrid", "encoder") for key in SIZES}
    assert [row.p_holm for row in of_sets] == holm([row.p for row in of_sets])
    for row in of_sets:
        assert row.difference == pytest.approx(study[1][row.run, row.benchmark] - study[1]["mono", row.benchmark])
    for row in rows:
        if row.benchmark == SUITE:
            parts = [one.difference for one in of_sets if one.run == row.run]
            assert row.difference == pytest.approx(np.mean(parts))
            assert row.interval[0] < row.difference < row.interval[1]
            assert row.clusters == 100
            assert row.verdict.endswith("for these seeds")


def test_a_benchmark_of_one_language_has_no_words_of_bias_and_none_of_map(written):
    report, text = written
    assert [found.removed for found in report.answers] == ["Not applicable: the benchmark has one language."] * 2
    assert all(found.bias is found.advantage is found.reduction is None for found in report.answers)
    assert all("ndcg_at_10 is" in found.quality for found in report.answers)
    reasons = ("- Not applicable: ", "- Bias. Not measured: ", "| Bias. |")  # where names of such measures may stand
    shown = [line for line in text.splitlines() if not line.startswith(reasons)]
    for word in ("mAP", "map_", "rank_distance", "heatmap", "pareto"):
        assert [line for line in shown if word in line] == []


def test_claims_stand_with_their_verdicts_and_reasons(written):
    report, text = written
    quality, bias = report.claims
    assert (quality.judgement, quality.margin) == ("reproduced", 0.02)
    assert quality.difference == next(row.difference for row in report.benchmarks[0].comparison.rows)
    assert bias.judgement == "not measured"
    assert bias.reason == "rank_distance cannot be compared: the benchmark has one language"
    assert "2 claims: 1 reproduced, 1 not measured." in text
    assert "mlqa-r: left out, for its folder was not there" in text
    assert "Vectors are drawn at random." in text
    assert msgspec.json.decode(msgspec.json.encode(report), type=type(report)) == report
