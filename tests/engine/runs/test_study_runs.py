"""A study's runs are known from their own folders: the newest of each condition and seed that did not fail."""

from __future__ import annotations

import msgspec

from engine import events
from engine.config import RunConfig, SourceConfig
from engine.runs.folder import Provenance, RunFolder, Spec
from engine.runs.registry import list_runs
from engine.runs.study_record import StudyRecord
from engine.runs.study_runs import group_study


def add(home, name, condition, seed, created, *, study="toy", outcome="finished", baseline="mono"):
    folder = home / name
    folder.mkdir()
    config = RunConfig(name=name, seed=seed, study=study, sources=(SourceConfig(kind="cldr"),))
    record = study and StudyRecord(name=study, condition=condition, baseline=baseline, benchmarks=("cldr",))
    spec = Spec(config=config, created=created, provenance=Provenance(), study=record)
    (folder / "spec.json").write_bytes(msgspec.json.encode(spec))
    log = {
        "finished": [events.RunFinished(seq=1, step=1, seconds=1.0)],
        "failed": [events.RunFailed(seq=1, error="no memory", last_lines=[])],
        "queued": [],
    }[outcome]
    (folder / "events.jsonl").write_bytes(b"".join(events.encode(event) for event in log))
    return RunFolder(folder)


def ids(study):
    return {condition: [run.folder.id for run in runs] for condition, runs in study.conditions.items()}


def test_the_newest_run_that_did_not_fail_stands_for_its_condition_and_seed(tmp_path):
    add(tmp_path, "mono-1", "mono", 1, 2.0)
    add(tmp_path, "mono-0", "mono", 0, 1.0)
    add(tmp_path, "hybrid-0", "hybrid", 0, 3.0)
    add(tmp_path, "hybrid-0-later", "hybrid", 0, 5.0, baseline="hybrid")
    add(tmp_path, "hybrid-0-failed", "hybrid", 0, 6.0, outcome="failed")
    add(tmp_path, "other", "mono", 0, 9.0, study="other")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "spec.json").write_text("{")
    study = group_study(list_runs(tmp_path), "toy")
    assert ids(study) == {"mono": ["mono-0", "mono-1"], "hybrid": ["hybrid-0-later"]}
    assert study.record.baseline == "hybrid", "the plan is that of the newest run"
    assert [run.is_finished for run in study.runs] == [True, True, True]
    newest = group_study(list_runs(tmp_path))
    assert newest is not None
    assert newest.record.name == "other", "without a name it is the study of the newest run"


def test_runs_that_are_under_way_belong_to_it(tmp_path):
    folders = [add(tmp_path, "mono-0", "mono", 0, 1.0), add(tmp_path, "mono-1", "mono", 1, 2.0, outcome="queued")]
    study = group_study(reversed(folders))
    assert ids(study) == {"mono": ["mono-0", "mono-1"]}
    assert [run.is_finished for run in study.runs] == [True, False]


def test_no_runs_are_no_study(tmp_path):
    add(tmp_path, "alone", "mono", 0, 1.0, study=None)
    add(tmp_path, "failed", "mono", 0, 1.0, outcome="failed")
    assert group_study(list_runs(tmp_path), "toy") is None
    assert group_study([RunFolder(tmp_path / "alone"), RunFolder(tmp_path / "gone")]) is None
