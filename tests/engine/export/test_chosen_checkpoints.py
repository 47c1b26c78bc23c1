"""Checkpoints that validation chose: their results are the run's, and no verdict is given on what chose them."""

from __future__ import annotations

import msgspec
import pytest
from export_cases import make_evaluation, make_run

from engine import events
from engine.config import ConfigError, EvaluationConfig
from engine.export.compare import compare_runs
from engine.export.run_results import find_results
from engine.export.tables.paper_table import paper_table
from engine.runs.folder import RunFolder, read_spec

EARLY, LATE, OTHER = (make_evaluation(seed, noise) for seed, noise in ((0, 0.5), (1, 2.0), (2, 2.0)))


def choosing(run, validation, values, finished=True):
    """Has the run choose among its steps by ``values`` (step -> value, higher is better)."""
    spec = read_spec(RunFolder(run))
    evaluation = EvaluationConfig(benchmarks=("toy", "dev"), validation=validation, select="best", every=100)
    config = msgspec.structs.replace(spec.config, evaluation=evaluation)
    (run / "spec.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(spec, config=config)))
    best, history = None, []
    for step, value in values.items():
        best = step if best is None or value > values[best] else best
        measured = events.Validation(
            step=step,
            measure="loss" if validation == "loss" else f"{validation} map_multilingual",
            value=value,
            best_step=best,
            best_value=values[best],
            since_best=0,
        )
        history.append(measured)
    if finished:
        history.append(events.RunFinished(step=400, seconds=1.0, selected_step=best))
    lines = [msgspec.structs.replace(event, seq=seq, attempt=1) for seq, event in enumerate(history, start=1)]
    (run / "events.jsonl").write_bytes(b"".join(map(events.encode, lines)))
    return run


@pytest.fixture
def runs(tmp_path):
    steps = {200: {"toy": EARLY, "dev": EARLY}, 400: {"toy": LATE, "dev": LATE}}
    return [make_run(tmp_path, name, name, steps) for name in ("mono", "cross")]


@pytest.mark.parametrize("finished", [True, False])
def test_the_results_of_the_chosen_step_are_compared_and_its_rule_is_told(runs, finished):
    chosen = choosing(runs[0], "loss", {200: 0.9, 400: 0.3}, finished)
    assert [(found.step, found.benchmark) for found in find_results([chosen])] == [(200, "dev"), (200, "toy")]
    found = compare_runs([chosen, runs[1]], benchmark="toy")
    assert found.rows[0].baseline_value == pytest.approx(EARLY.summary.metrics["map_monolingual"])
    assert found.selection == {
        "mono": "best of 2 by loss (0.9000), step 200",
        "cross": "last step (400), fixed before training",
    }
    assert find_results([chosen], "toy", step=400)[0].step == 400


def test_a_verdict_on_what_selected_a_checkpoint_is_refused(runs):
    choosing(runs[1], "toy", {200: 0.9, 400: 0.3})
    with pytest.raises(ConfigError, match=r"^cross: its checkpoint was selected on toy itself \(best of 2 by toy map"):
        compare_runs(runs, benchmark="toy")


def test_the_same_queries_under_another_name_are_refused_too(runs):
    """The benchmark "dev" holds the very queries of "toy" here."""
    choosing(runs[1], "dev", {200: 0.9, 400: 0.3})
    with pytest.raises(ConfigError, match="selected on toy itself"):
        compare_runs(runs, benchmark="toy")


def test_other_queries_may_select(tmp_path):
    other = make_evaluation(2, 2.0, facts=12)
    steps = {200: {"toy": EARLY, "dev": other}, 400: {"toy": LATE, "dev": other}}
    runs = [choosing(make_run(tmp_path, name, name, steps), "dev", {200: 0.4, 400: 0.5}) for name in ("mono", "cross")]
    found = compare_runs(runs, benchmark="toy")
    assert set(found.selection.values()) == {"best of 2 by dev map_multilingual (0.5000), step 400"}


def test_beside_published_rows_a_checkpoint_that_was_selected_there_is_marked(tmp_path):
    chosen = make_run(tmp_path, "mono", "mono", {200: {"xquad-r": EARLY}, 400: {"xquad-r": LATE}})
    choosing(chosen, "xquad-r", {200: 0.9, 400: 0.3})
    table = paper_table(find_results([chosen]))
    notes = [note for note in table["note"].drop_nulls() if note.startswith("xquad-r: ")]
    assert notes
    assert all("xquad-r: the checkpoint was selected on it" in note for note in notes)
