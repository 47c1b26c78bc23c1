"""What a study says so far is what the comparisons say, in a process of its own; nothing is lost with one benchmark."""

from __future__ import annotations

import shutil
import subprocess
import sys

import msgspec
import pytest
from export_cases import make_evaluation
from study_cases import RECORD, SUITE, claim, measure, measured_as_it_is, trained

from engine.config import ConfigError
from engine.evaluation.results import write_results
from engine.export.background import JobFailure, JobProgress
from engine.export.compare import compare_runs
from engine.export.study_job import (
    StudyOutcome,
    StudyRequest,
    study_so_far,
)

CLAIMED = msgspec.structs.replace(
    RECORD, claims=(claim(), claim(sentence="Less bias.", benchmark="own", measure="rank_distance", relation="lower"))
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Two seeds of mono, one of two of hybrid, cross under way, and an encoder that is measured on one benchmark."""
    home = tmp_path_factory.mktemp("runs")
    for number, (condition, seed, finished) in enumerate(
        [("mono", 0, True), ("cross", 0, False), ("hybrid", 0, True), ("mono", 1, True), ("hybrid", 1, False)]
    ):
        trained(home, condition, seed, CLAIMED, finished=finished, created=float(number))
    measured_as_it_is(home, "encoder", {"own": make_evaluation(5, 0.4, facts=30, clusters=30)}, CLAIMED, created=9.0)
    return home


def request(home):
    return StudyRequest(runs=tuple(str(path) for path in sorted(home.iterdir())))


@pytest.fixture(scope="module")
def outcome(home):
    code = "import sys; from engine.export.study_job import main; assert not main(); assert 'torch' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code], input=msgspec.json.encode(request(home)), capture_output=True, check=False
    )
    *before, last = (
        msgspec.json.decode(line, type=JobProgress | StudyOutcome | JobFailure) for line in done.stdout.splitlines()
    )
    assert done.returncode == 0, done.stderr
    assert isinstance(last, StudyOutcome)
    assert [(one.what, one.done) for one in before if isinstance(one, JobProgress)] == [
        ("own", 0), (SUITE, 1), ("claims", 2)
    ]  # fmt: skip
    return last


def cell(outcome, condition, benchmark, measure):
    (found,) = (
        one for one in outcome.cells if (one.condition, one.benchmark, one.measure) == (condition, benchmark, measure)
    )
    return found


def test_columns_are_those_that_a_benchmark_can_have(outcome):
    assert [(one.benchmark, one.measure) for one in outcome.columns if one.is_primary] == [
        ("own", "map_monolingual"), (SUITE, "ndcg_at_10"), ("beir/one", "ndcg_at_10"), ("beir/two", "ndcg_at_10")
    ]  # fmt: skip
    assert {one.measure for one in outcome.columns if one.benchmark == "own"} >= {"map_crosslingual", "rank_distance"}
    assert "rank_distance" not in {one.measure for one in outcome.columns if one.benchmark.startswith("beir")}
    assert [one.suite for one in outcome.columns][-2:] == [SUITE, SUITE]
    assert {one.margin for one in outcome.columns if one.measure == "rank_distance"} == {None}
    assert outcome.conditions == ["mono", "cross", "hybrid", "encoder"]
    assert len(outcome.cells) == len(outcome.columns) * 4


@pytest.mark.parametrize(
    ("benchmark", "measure"), [("own", "map_monolingual"), ("own", "rank_distance"), (SUITE, "ndcg_at_10")]
)
def test_cells_say_what_compare_says(home, outcome, benchmark, measure):
    finished = [home / name for name in ("mono-0", "mono-1", "hybrid-0")]
    row = compare_runs(finished, benchmark=benchmark, metric=measure).rows[0]
    found = cell(outcome, "hybrid", benchmark, measure)
    assert (found.value, found.difference) == pytest.approx((row.value, row.difference))
    assert found.interval == pytest.approx(row.interval)
    assert (found.verdict, found.basis) == (row.verdict, row.basis)
    assert (found.finished, found.planned) == (1, 2)
    baseline = cell(outcome, "mono", benchmark, measure)
    assert (baseline.difference, baseline.verdict, baseline.finished) == (None, "", 2)
    assert baseline.value == pytest.approx(row.baseline_value)


def test_what_is_not_there_yet_has_its_reason(outcome):
    under_way = cell(outcome, "cross", "own", "map_monolingual")
    assert (under_way.value, under_way.finished, under_way.reason) == (None, 0, "no run is finished")
    assert cell(outcome, "encoder", "own", "map_monolingual").difference is not None, "an evaluation counts as it is"
    partly = cell(outcome, "encoder", SUITE, "ndcg_at_10")
    assert (partly.value, partly.planned, partly.reason) == (None, 1, "not measured yet")
    short = {one.condition: one.short for one in outcome.answers}
    assert short["cross"] == short["mono"] == ""
    assert short["hybrid"].endswith("bias lower")


def test_claims_are_judged_so_far(outcome):
    assert [one.claim for one in outcome.claims] == list(CLAIMED.claims)
    assert [one.judgement for one in outcome.claims] == ["reproduced", "reproduced"]
    assert outcome.failures == {}


def test_one_benchmark_that_cannot_be_compared_leaves_the_others(home, tmp_path):
    shutil.copytree(home, tmp_path / "runs")
    other = make_evaluation(languages=("de", "en"))
    write_results(other, tmp_path / "runs" / "hybrid-0" / "results" / "step-000400" / "own")
    found = study_so_far(request(tmp_path / "runs"))
    assert list(found.failures) == ["own"]
    assert "different data of own" in found.failures["own"]
    assert cell(found, "hybrid", SUITE, "ndcg_at_10").difference is not None
    assert cell(found, "hybrid", "own", "map_monolingual").value == other.summary.metrics["map_monolingual"]
    assert [one.judgement for one in found.claims] == ["reproduced", "not measured"]
    assert "different data" in found.claims[1].reason


def test_a_study_whose_first_run_is_under_way_has_its_columns(tmp_path):
    trained(tmp_path, "mono", 0, CLAIMED, measure(0, 1.0), finished=False)
    found = study_so_far(request(tmp_path))
    assert [one.benchmark for one in found.columns] == ["own", SUITE, "beir/one", "beir/two"]
    assert all(one.reason for one in found.columns)
    assert {one.value for one in found.cells} == {None}
    assert [one.judgement for one in found.claims] == ["not measured"] * 2


def test_what_is_no_study_is_told_in_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="none of the runs belongs to a study"):
        study_so_far(request(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "engine.export.study_job"],
        input=msgspec.json.encode(request(tmp_path)), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert isinstance(
        msgspec.json.decode(done.stdout.splitlines()[-1], type=JobProgress | StudyOutcome | JobFailure), JobFailure
    )
