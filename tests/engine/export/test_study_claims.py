"""The claims of a study: judged on its comparisons, with Holm over a relation, and marked when they came later."""

from __future__ import annotations

import msgspec
import pytest
from export_cases import make_evaluation
from study_cases import RECORD, SUITE, claim, measured_as_it_is, trained

from engine.evaluation.statistics import holm
from engine.export.compare import compare_runs
from engine.export.report.claims import JudgedClaim, judge_claims, withdrawn_claims
from engine.export.report.claims_section import claims_section
from engine.export.report.study_report import study_report
from engine.export.study_results import StudyResults

CLAIMS = (
    claim(),
    claim(sentence="Better in its own language.", benchmark="own", measure="map_monolingual", relation="better",
          published=0.006, source="a paper"),
    claim(sentence="Better on the suite.", relation="better", published=0.3),
    claim(sentence="Worse, says someone.", condition="mono", against="hybrid", relation="better"),
    claim(sentence="No different.", condition="cross", relation="no different", margin=0.4),
    claim(sentence="Less bias.", benchmark="own", measure="rank_distance", relation="lower"),
    claim(sentence="The encoder on one.", condition="encoder", benchmark="beir/one"),
    claim(sentence="The encoder on all.", condition="encoder"),
    claim(sentence="Bias in English.", measure="rank_distance", relation="lower"),
    claim(sentence="On what was left out.", benchmark="mlqa-r", measure="map_monolingual"),
)  # fmt: skip
RECORD_OF_CLAIMS = msgspec.structs.replace(RECORD, claims=CLAIMS, left_out=("mlqa-r",), margins={SUITE: 0.02})


def launch(home, record=RECORD_OF_CLAIMS):
    """Of each condition its runs; ``encoder`` was measured on one of the data sets."""
    runs = {
        condition: [trained(home, condition, seed, record) for seed in seeds]
        for condition, seeds in (("mono", (0, 1)), ("cross", (2,)), ("hybrid", (0, 1)))
    }
    english = make_evaluation(9, 0.4, languages=("en",), facts=25, clusters=25)
    return {**runs, "encoder": [measured_as_it_is(home, "encoder", {"beir/one": english}, record)]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return launch(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def judged(runs):
    return judge_claims(StudyResults(RECORD_OF_CLAIMS, runs))


def test_each_claim_has_its_judgement_or_its_reason(judged):
    assert [(one.judgement, one.reason) for one in judged] == [
        ("reproduced", ""),
        ("reproduced", ""),
        ("reproduced", ""),
        ("contradicted", ""),
        ("reproduced", ""),
        ("reproduced", ""),
        ("reproduced", ""),
        ("not measured", "encoder was not measured on beir/*"),
        ("not measured", "rank_distance cannot be compared: the benchmark has one language"),
        ("not measured", "mlqa-r was left out: its folder was not there"),
    ]
    assert {one.changed for one in judged} == {""}


def test_the_numbers_are_those_of_compare(runs, judged):
    both = [*runs["mono"], *runs["hybrid"]]
    for index, benchmark, metric in (
        (1, "own", "map_monolingual"),
        (2, SUITE, "ndcg_at_10"),
        (5, "own", "rank_distance"),
    ):
        row, one = compare_runs(both, benchmark=benchmark, metric=metric).rows[0], judged[index]
        assert (one.value, one.against_value, one.difference) == (row.value, row.baseline_value, row.difference)
        assert (one.interval, one.bounds) == (row.interval, (row.lower_bound, row.upper_bound))
        assert (one.p, one.basis, one.clusters) == (row.p, row.basis, row.clusters)


def test_holm_is_over_the_claims_of_one_relation(judged):
    for relation in ("better", "lower", "not inferior"):
        family = [one for one in judged if one.claim.relation == relation and one.judgement != "not measured"]
        assert [one.p_holm for one in family] == holm([one.p for one in family])


def test_margins_are_those_of_the_claim_or_of_the_benchmark(judged):
    assert [one.margin for one in judged[:7]] == [0.02, None, None, None, 0.4, None, 0.02]


def test_the_published_difference_lies_in_the_interval_or_not(judged):
    assert [one.published_inside for one in judged[:4]] == [None, False, True, None]
    low, high = judged[2].interval
    assert low <= 0.3 <= high


def test_a_condition_without_a_finished_run_is_the_reason(runs):
    without = StudyResults(RECORD_OF_CLAIMS, {**runs, "hybrid": []})
    assert judge_claims(without)[0].reason == "hybrid has no finished run"


def test_what_came_after_training_is_marked(tmp_path):
    """Added, changed and at another margin, of runs that were launched with other claims; and what is gone."""
    gone = claim(sentence="Nobody says this any more.")
    changed = msgspec.structs.replace(CLAIMS[1], relation="not inferior")
    before = msgspec.structs.replace(
        RECORD_OF_CLAIMS, claims=(CLAIMS[0], changed, CLAIMS[4], gone), margins={SUITE: 0.01}
    )
    study = StudyResults(RECORD_OF_CLAIMS, launch(tmp_path, before))
    judged = judge_claims(study)
    assert judged[0].changed == "margin changed after training"
    assert judged[0].margin == 0.01, "the one that was stated before counts"
    assert judged[1].changed == "changed after training"
    assert judged[2].changed == "added after training"
    assert judged[4].changed == "", "it states a margin of its own"
    assert withdrawn_claims(study) == [gone]
    report, _ = study_report(study)
    assert [(one.benchmark, one.before, one.now) for one in report.changed_margins] == [(SUITE, 0.01, 0.02)]
    text = "\n".join(claims_section(report))
    for words in ("(added after training)", "(margin changed after training)", "Nobody says this any more."):
        assert words in text


def test_runs_from_before_there_were_records_have_stated_nothing(tmp_path):
    runs = launch(tmp_path)
    for run in (path for paths in runs.values() for path in paths):
        spec = msgspec.json.decode((run / "spec.json").read_bytes())
        (run / "spec.json").write_bytes(msgspec.json.encode(spec | {"study": None}))
    assert {one.changed for one in judge_claims(StudyResults(RECORD_OF_CLAIMS, runs))} == {"added after training"}


def test_json_keeps_all(judged):
    assert msgspec.json.decode(msgspec.json.encode(judged), type=list[JudgedClaim]) == judged
