"""Every config of a study is checked before a run is launched, and a run that exists is continued, never repeated."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.config import ConfigError, load_config
from engine.runs import study as study_module
from engine.runs.folder import Provenance, RunFolder, Spec
from engine.runs.launch import with_absolute_paths
from engine.runs.study import load_study, plan_sweep

CONFIG = """
name = "base"
[[sources]]
kind = "cldr"
[evaluation]
benchmarks = ["cldr"]
"""
STUDY = """
name = "batches"
config = "base.toml"
seeds = [3, 4]
[[conditions]]
name = "mono"
set = ["batch.mode=mono"]
[[conditions]]
name = "half"
set = ["batch.mono_share=0.5"]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("base.toml").write_text(CONFIG)
    Path("study.toml").write_text(STUDY)
    return tmp_path


def test_overrides_hold_for_all_and_conditions_set_them_anew(folder):
    study = load_study(folder / "study.toml", ["optimizer.max_steps=7", "batch.mono_share=0.1"])
    assert {run.config.optimizer.max_steps for run in study.runs} == {7}
    assert {run.condition: run.config.batch.mono_share for run in study.runs} == {"mono": 0.1, "half": 0.5}
    assert {run.config.name for run in study.runs} == {"batches-mono", "batches-half"}
    assert study.baseline == "mono"


def test_a_sweep_is_every_point_with_every_seed(folder):
    study = plan_sweep(
        folder / "base.toml", ["batch.mono_share=0,0.5, 1", "batch.size=32,64"], [0, 1], ["optimizer.max_steps=9"]
    )
    found = {(run.config.batch.mono_share, run.config.batch.size, run.config.seed) for run in study.runs}
    assert found == {(share, size, seed) for share in (0, 0.5, 1) for size in (32, 64) for seed in (0, 1)}
    assert len(study.runs) == 12
    assert study.runs[0].condition == "mono_share-0-size-32"
    assert {run.config.name for run in study.runs if run.config.batch.mono_share == 0.5} == {
        "base-mono_share-0.5-size-32",
        "base-mono_share-0.5-size-64",
    }
    assert {run.config.study for run in study.runs} == {"base-sweep"}


def test_a_point_is_what_run_with_set_would_make_of_it(folder):
    planned = plan_sweep(folder / "base.toml", ["batch.mode=mono,english"]).runs[1].config
    alone = load_config(folder / "base.toml", ["batch.mode=english", f"name={planned.name}", "study=base-sweep"])
    assert planned == alone


def test_a_sweep_is_about_the_benchmarks_that_all_its_points_have(folder):
    study = plan_sweep(folder / "base.toml", ['evaluation.benchmarks=["cldr-en","cldr"],["cldr"]'])
    assert study.keys == ("cldr",)


def test_values_may_hold_commas(folder):
    study = plan_sweep(folder / "base.toml", ['evaluation.languages=["de","en"],["th"]'])
    assert [run.config.evaluation.languages for run in study.runs] == [("de", "en"), ("th",)]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({'name = "batches"': 'name = "a/b"'}, "study.toml:2: name: expected at most"),
        ({"seeds = [3, 4]": "seeds = [3, 3]"}, "seeds: the same seed twice"),
        ({"seeds = [3, 4]": "seeds = []"}, "study.toml:4: seeds:"),
        ({"seeds = [3, 4]": "sees = [3]"}, "sees: unknown key"),
        ({"seeds = [3, 4]": "baseline = 'cross'"}, "baseline: 'cross' is not one of the conditions (mono, half)"),
        ({"seeds = [3, 4]": "benchmark = 'xquad-r'"}, "xquad-r is not one of its benchmarks (cldr)"),
        ({'name = "half"': 'name = "mono"'}, "two have the same name"),
        ({"base.toml": "nothing.toml"}, "nothing.toml: cannot read"),
        ({"mono_share=0.5": "mono_share=5"}, "condition half: "),
        ({"[[conditions]]": "[[condition"}, "not valid TOML"),
    ],
)
def test_a_wrong_study_is_one_line_that_names_the_field(folder, changes, named):
    text = STUDY
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "study.toml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load_study(folder / "study.toml")
    assert named in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("grid", "arguments", "named"),
    [
        ([], {}, "--grid: expected"),
        (["batch.mono_share"], {}, "--grid 'batch.mono_share': expected key=value,value"),
        (["batch.mono_share="], {}, "expected key=value,value"),
        (["batch.mono_share=0,0"], {}, "the same value twice"),
        (["batch.size=8", "batch.size=9"], {}, "the same key twice"),
        (["batch.mono_share=0,2"], {}, "condition mono_share-2: "),
        (["batch.share=0"], {}, "batch.share: unknown key"),
        (["batch.size=8"], {"seeds": [1, 1]}, "--seeds: the same seed twice"),
        (["batch.size=8"], {"name": "a/b"}, "study:"),
        (["evaluation.benchmarks=[]"], {}, "a study needs one"),
    ],
)
def test_a_wrong_sweep_is_one_line(folder, grid, arguments, named):
    with pytest.raises(ConfigError) as error:
        plan_sweep(folder / "base.toml", grid, **arguments)
    assert named in str(error.value)
    assert "\n" not in str(error.value)


def test_a_study_whose_runs_select_on_its_benchmark_is_refused_before_they_train(tmp_path: Path) -> None:
    """Another benchmark than the one that selects is the default."""
    (tmp_path / "dev").mkdir()
    base = tmp_path / "base.toml"
    base.write_text(
        f"[[sources]]\nkind = 'cldr'\n[evaluation]\nbenchmarks = ['own/dev={tmp_path}/dev', 'cldr']\n"
        "validation = 'own/dev'\nselect = 'best'\n"
    )
    study = tmp_path / "study.toml"
    text = "name = 's'\nconfig = 'base.toml'\n[[conditions]]\nname = 'a'\n[[conditions]]\nname = 'b'\n"
    study.write_text(text)
    assert load_study(study).benchmark == "cldr"
    study.write_text("benchmark = 'own/dev'\n" + text)
    with pytest.raises(ConfigError, match="condition a selects its checkpoints on own/dev"):
        load_study(study)


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

    monkeypatch.setattr(study_module, "launch", launch)
    monkeypatch.setattr(study_module, "resume", lambda folder: found.update({folder.id: "resumed"}))
    monkeypatch.setattr(
        study_module, "status_of", lambda reader: type("Status", (), {"state": found[reader.folder.id]})
    )
    return found


def add_run(home, name, config, state, states, record=None):
    (home / name).mkdir(parents=True)
    spec = Spec(config=with_absolute_paths(config), created=0.0, provenance=Provenance(), study=record)
    (home / name / "spec.json").write_bytes(msgspec.json.encode(spec))
    states[name] = state


def test_the_first_time_all_are_launched(study, states, tmp_path):
    started = study_module.start_study(tmp_path / "runs", study)
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
    started = study_module.start_study(home, study)
    assert [run.fate for run in started] == ["launched", fate, "launched"]
    assert (started[1].folder.id == "old") == (fate != "launched")
    assert states["old"] == ("resumed" if fate == "resumed" else state)


def test_another_config_or_study_is_another_run(study, states, tmp_path):
    home, config = tmp_path / "runs", study.runs[0].config
    optimizer = msgspec.structs.replace(config.optimizer, max_steps=7)
    add_run(home, "shorter", msgspec.structs.replace(config, optimizer=optimizer), "finished", states)
    add_run(home, "alone", msgspec.structs.replace(config, study=None), "finished", states)
    assert {run.fate for run in study_module.start_study(home, study)} == {"launched"}


def test_a_finished_run_goes_before_one_under_way(study, states, tmp_path):
    home, config = tmp_path / "runs", study.runs[0].config
    for name, state in (("a", "running"), ("b", "finished"), ("c", "paused")):
        add_run(home, name, config, state, states)
    assert study_module.start_study(home, study)[0].folder.id == "b"
    assert states["c"] == "paused"


def test_nothing_is_launched_when_a_file_cannot_be_read(tmp_path, monkeypatch, states):
    monkeypatch.chdir(tmp_path)
    Path("bad.jsonl").write_text('{"group": 3}\n')
    sources = '[[sources]]\nkind = "jsonl"\npath = "bad.jsonl"\n'
    Path("base.toml").write_text(CONFIG.replace("[evaluation]", sources + "[evaluation]"))
    study = plan_sweep(Path("base.toml"), ["batch.mono_share=0,1"])
    with pytest.raises(ConfigError, match=r"bad\.jsonl:1"):
        study_module.start_study(tmp_path / "runs", study)
    assert states == {}
