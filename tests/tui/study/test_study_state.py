"""What the study screen shows, made from run states: means over the right seeds, and nothing that has no meaning."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from runs_factory import START, RunWriter
from study_homes import CLAIMS, STUDY, finished_run, launched, measured, record, result, state_of, untrained

from engine import events
from tui.follow.feed import Feed
from tui.follow.study_state import ONE_LANGUAGE, PRIMARY, Column, Condition, StudyState
from tui.follow.wish import Wish


def place(state: StudyState, condition: str, benchmark: str) -> tuple[Condition, Column]:
    return (
        next(each for each in state.conditions if each.name == condition),
        next(each for each in state.columns if each.key == benchmark),
    )


def test_the_baseline_is_first_and_a_suite_stands_before_its_data_sets(under_way: StudyState) -> None:
    assert [each.name for each in under_way.conditions] == ["standard", "hybrid", "mono", "base"]
    assert [each.key for each in under_way.columns] == ["xquad-r", "beir/*", "beir/nfcorpus", "beir/scifact"]
    assert [each.measure for each in under_way.columns] == ["map_monolingual", *["ndcg_at_10"] * 3]
    assert [each.trained for each in under_way.conditions] == [True, True, True, False]
    assert [(each.finished, len(each.rows)) for each in under_way.conditions] == [(2, 3), (2, 3), (1, 3), (1, 1)]


def test_a_cell_is_the_mean_of_the_finished_seeds_and_leaves_out_those_that_train(under_way: StudyState) -> None:
    cell = under_way.cell(*place(under_way, "standard", "xquad-r"), PRIMARY)
    values = [result("standard", seed, "xquad-r", 1.0).metrics["map_monolingual"] for seed in (0, 1)]
    assert cell.value == pytest.approx(sum(map(float, values)) / 2)
    assert (cell.final, cell.seeds, cell.of) == (True, 2, 3)
    assert cell.difference is None


def test_a_suite_is_the_mean_of_its_data_sets_run_by_run(under_way: StudyState) -> None:
    suite = under_way.cell(*place(under_way, "hybrid", "beir/*"), PRIMARY)
    parts = [under_way.cell(*place(under_way, "hybrid", key), PRIMARY) for key in ("beir/nfcorpus", "beir/scifact")]
    assert suite.value == pytest.approx(sum(float(part.value or 0) for part in parts) / 2)
    assert suite.difference == pytest.approx(sum(float(part.difference or 0) for part in parts) / 2)


def test_a_run_that_lacks_a_data_set_is_no_part_of_the_mean_over_them(home: Path) -> None:
    """Else an easy data set alone would stand for all of them."""
    whole, partial = finished_run(home, "standard", 0), launched(home, "standard", 1, 1)
    partial.started().steps(1, 200)
    for key in ("xquad-r", "beir/scifact"):
        partial.add(events.EvalFinished(benchmark=key, step=200, seconds=1.0, result=result("standard", 1, key, 0.5)))
    partial.add(events.RunFinished(step=200, seconds=3.0))
    state = state_of([whole, partial])
    assert state.cell(*place(state, "standard", "beir/*"), PRIMARY).seeds == 1
    assert state.cell(*place(state, "standard", "beir/scifact"), PRIMARY).seeds == 2


def test_before_a_seed_is_finished_the_last_evaluation_stands_and_is_not_final(home: Path) -> None:
    done, training = finished_run(home, "standard", 0), launched(home, "hybrid", 0, 1).started().steps(1, 200)
    measured(training, 200)
    state = state_of([done, training])
    cell = state.cell(*place(state, "hybrid", "xquad-r"), PRIMARY)
    assert cell.value == pytest.approx(result("hybrid", 0, "xquad-r", 0.5).metrics["map_monolingual"])
    assert (cell.final, cell.step, cell.difference) == (False, 200, None)


@pytest.mark.parametrize("measure", ["rank_distance", "own_language_advantage", "map_crosslingual"])
def test_no_measure_of_several_languages_is_shown_for_one_language(under_way: StudyState, measure: str) -> None:
    for condition in under_way.conditions:
        for column in under_way.columns[1:]:
            cell = under_way.cell(condition, column, measure)
            assert (cell.value, cell.reason) == (None, ONE_LANGUAGE)
    assert under_way.cell(*place(under_way, "hybrid", "xquad-r"), measure).value is not None


def test_even_where_an_old_result_has_a_number_for_it(home: Path) -> None:
    """Releases before this one wrote a rank distance for one language as well."""
    writer = launched(home, "standard", 0).started().steps(1, 400)
    old = result("standard", 0, "beir/scifact", 1.0)
    old = msgspec.structs.replace(old, metrics={**old.metrics, "rank_distance": 12.0})
    writer.add(events.EvalFinished(benchmark="beir/scifact", step=400, seconds=1.0, result=old))
    state = state_of([writer.add(events.RunFinished(step=400, seconds=3.0))])
    assert state.cell(*place(state, "standard", "beir/scifact"), "rank_distance").value is None


def test_a_run_that_failed_gives_way_to_the_one_that_was_started_for_it(home: Path) -> None:
    failed = launched(home, "hybrid", 0).started().add(events.RunFailed(error="out of memory", last_lines=[]))
    config = failed.config
    again = RunWriter(home, "again", config, created=START + 5, study=record("hybrid")).started()
    state = state_of([failed, again])
    assert [row.folder for row in state.rows] == [again.folder]
    alone = state_of([failed])
    assert [run.row.state for run in alone.left.runs] == ["failed"]


def test_the_step_that_validation_chose_is_what_counts(home: Path) -> None:
    writer = measured(launched(home, "standard", 0).started().steps(1, 200), 200)
    measured(writer.steps(201, 400), 400).add(events.RunFinished(step=400, seconds=3.0, selected_step=200))
    state = state_of([writer])
    cell = state.cell(*place(state, "standard", "xquad-r"), PRIMARY)
    assert cell.value == pytest.approx(result("standard", 0, "xquad-r", 0.5).metrics["map_monolingual"])


def test_what_is_not_trained_is_final_benchmark_by_benchmark(home: Path) -> None:
    state = state_of([finished_run(home, "standard", 0), untrained(home, "base", 1)])
    cell = state.cell(*place(state, "base", "xquad-r"), PRIMARY)
    assert cell.final
    assert cell.difference is not None


def test_runs_from_before_plans_were_recorded_make_a_study_by_their_names(home: Path) -> None:
    writers = [finished_run(home, "hybrid", 0), finished_run(home, "mono", 0, 1)]
    for writer in writers:
        spec = msgspec.json.decode(writer.folder.spec.read_bytes())
        del spec["study"]
        writer.folder.spec.write_bytes(msgspec.json.encode(spec))
    state = state_of(writers)
    assert [each.name for each in state.conditions] == ["mono", "hybrid"]
    assert not state.planned
    assert [each.key for each in state.columns] == ["xquad-r", "beir/nfcorpus", "beir/scifact"]


def test_claims_that_were_changed_after_a_run_had_started_are_told(home: Path) -> None:
    first = finished_run(home, "standard", 0)
    assert not state_of([first]).claims_differ
    changed = record("hybrid", claims=(), claims_digest="another")
    second = RunWriter(home, "later", launched(home, "hybrid", 0, 1).config, created=START + 3, study=changed)
    state = state_of([first, second])
    assert state.claims_differ
    assert state.claims == ()
    assert state_of([first]).claims == CLAIMS


def test_measures_and_margins_of_a_suite_hold_for_its_data_sets(home: Path) -> None:
    stated = record("standard", measures={"beir/*": "map_monolingual"}, margins={"beir/*": 0.02, "beir/scifact": 0.03})
    config = launched(home, "standard", 0).config
    writer = measured(RunWriter(home, "stated", config, study=stated).started().steps(1, 400), 400)
    state = state_of([writer.add(events.RunFinished(step=400, seconds=3.0))])
    found = {each.key: (each.measure, each.margin) for each in state.columns}
    assert found["beir/nfcorpus"] == ("map_monolingual", 0.02)
    assert found["beir/scifact"] == ("map_monolingual", 0.03)


def test_the_feed_makes_it_anew_only_where_a_run_of_it_says_something_new(home: Path) -> None:
    writer = launched(home, "standard", 0).live().started().steps(1, 100)
    other = RunWriter(home, "other").live().started()
    feed = Feed(home, lambda snapshot: None, lambda: START + 40)
    feed.want([Wish(study=STUDY)])
    first = feed.step()
    assert first is not None
    assert first.study is not None
    other.steps(1, 50)
    second = feed.step()
    assert second is not None
    assert second.study is first.study
    writer.steps(101, 150)
    third = feed.step()
    assert third is not None
    assert third.study is not None
    assert third.study.left.runs[0].row.step == 150
    feed.want([])
    fourth = feed.step()
    assert fourth is not None
    assert fourth.study is None
    writer.die()
    other.die()


def test_what_is_measured_on_a_sample_of_the_queries_says_so(home: Path) -> None:
    writer = launched(home, "standard", 0).started().steps(1, 400)
    sample = msgspec.structs.replace(result("standard", 0, "beir/scifact", 1.0), sampled_of=9000)
    for key, found in (("beir/nfcorpus", result("standard", 0, "beir/nfcorpus", 1.0)), ("beir/scifact", sample)):
        writer.add(events.EvalFinished(benchmark=key, step=400, seconds=1.0, result=found))
    state = state_of([writer.add(events.RunFinished(step=400, seconds=3.0))])
    sampled = {key: state.cell(*place(state, "standard", key), PRIMARY).sampled for key in ("beir/*", "beir/nfcorpus")}
    assert sampled == {"beir/*": True, "beir/nfcorpus": False}
