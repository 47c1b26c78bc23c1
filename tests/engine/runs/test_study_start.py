"""A run of a study that exists is continued, never repeated; what is missing is launched with the study's record."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.config import ConfigError
from engine.runs import study_start
from engine.runs.folder import Provenance, RunFolder, Spec
from engine.runs.launch import with_absolute_paths
from engine.runs.study import plan_sweep

CONFIG = """
name = "base"
[[sources]]
kind = "cldr"
[evaluation]
benchmarks = ["cldr"]
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("base.toml").write_text(CONFIG)
    return plan_sweep(Path("base.toml"), ["batch.mono_share=0,0.5,1"])


@pytest.fixture
def states(monkeypatch):
    """The state that each run folder is shown in; launching and resuming are recorded in it."""
    found = {}

    def launch(home, config, command_line, parent, study):
        folder = RunFolder(home / f"new-{len(found)}")
        found[folder.id] = ("launched", config, study)
        return folder

    monkeypatch.setattr(study_start, "launch", launch)
    monkeypatch.setattr(study_start, "resume", lambda folder: found.update({folder.id: "resumed"}))
    monkeypatch.setattr(study_start, "status_of", lambda reader: type("Status", (), {"state": found[reader.folder.id]}))
    return found


def add_run(home, name, config, state, states, record=None):
    (home / name).mkdir(parents=True)
    spec = Spec(config=with_absolute_paths(config), created=0.0, provenance=Provenance(), study=record)
    (home / name / "spec.json").write_bytes(msgspec.json.encode(spec))
    states[name] = state


def test_the_first_time_all_are_launched(study, states, tmp_path):
    started = study_start.start_study(tmp_path / "runs", study)
    assert [run.fate for run in started] == ["launched"] * 3
    assert [states[run.folder.id][1:] for run in started] == [(run.config, run.record) for run in study.runs]
    assert [run.record.condition for run in started] == ["mono_share-0", "mono_share-0.5", "mono_share-1"]
    assert {run.record.benchmarks for run in started} == {("cldr",)}


@pytest.mark.parametrize(
    ("state", "fate"),
    [
        ("finished", "finished before"),
        ("running", "under way"),
        ("queued", "under way"),
        ("pausing", "under way"),
        ("paused", "resumed"),
        ("stopped", "resumed"),
        ("crashed", "resumed"),
        ("failed", "launched"),
    ],
)
def test_what_is_there_is_taken_up(study, states, tmp_path, state, fate):
    home = tmp_path / "runs"
    add_run(home, "old", study.runs[1].config, state, states)
    started = study_start.start_study(home, study)
    assert [run.fate for run in started] == ["launched", fate, "launched"]
    assert (started[1].folder.id == "old") == (fate != "launched")
    assert states["old"] == ("resumed" if fate == "resumed" else state)


def test_another_config_or_study_is_another_run(study, states, tmp_path):
    home, config = tmp_path / "runs", study.runs[0].config
    optimizer = msgspec.structs.replace(config.optimizer, max_steps=7)
    add_run(home, "shorter", msgspec.structs.replace(config, optimizer=optimizer), "finished", states)
    add_run(home, "alone", msgspec.structs.replace(config, study=None), "finished", states)
    assert {run.fate for run in study_start.start_study(home, study)} == {"launched"}


def test_a_finished_run_goes_before_one_under_way(study, states, tmp_path):
    home, config = tmp_path / "runs", study.runs[0].config
    for name, state in (("a", "running"), ("b", "finished"), ("c", "paused")):
        add_run(home, name, config, state, states)
    assert study_start.start_study(home, study)[0].folder.id == "b"
    assert states["c"] == "paused"


def test_nothing_is_launched_when_a_file_cannot_be_read(tmp_path, monkeypatch, states):
    monkeypatch.chdir(tmp_path)
    Path("bad.jsonl").write_text('{"group": 3}\n')
    sources = '[[sources]]\nkind = "jsonl"\npath = "bad.jsonl"\n'
    Path("base.toml").write_text(CONFIG.replace("[evaluation]", sources + "[evaluation]"))
    study = plan_sweep(Path("base.toml"), ["batch.mono_share=0,1"])
    with pytest.raises(ConfigError, match=r"bad\.jsonl:1"):
        study_start.start_study(tmp_path / "runs", study)
    assert states == {}
