"""Every config of a study or sweep is checked before a run is launched."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import ConfigError, load_config
from engine.mono_share import mono_share_text
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


def test_what_the_config_lacks_a_sweep_may_have(folder):
    """An end alone is of no schedule, and a schedule without one is refused: the points of the sweep have both."""
    moving = ["batch.mono_share_schedule=linear", "batch.mono_share=1"]
    study = plan_sweep(folder / "base.toml", ["batch.mono_share_end=0,0.5"], overrides=moving)
    assert study.name == "base-sweep"
    assert [mono_share_text(run.config.batch) for run in study.runs] == ["1->0 linear", "1->0.5 linear"]
    with pytest.raises(ConfigError, match=r"base\.toml.*batch\.mono_share_end: 'linear' needs it"):
        plan_sweep(folder / "base.toml", ["batch.size=8,16"], overrides=moving)


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
    conditions = "[[conditions]]\nname = 'a'\n[[conditions]]\nname = 'b'\nset = ['batch.mono_share=0.25']\n"
    text = f"name = 's'\nconfig = 'base.toml'\n{conditions}"
    study.write_text(text)
    assert load_study(study).benchmark == "cldr"
    study.write_text("benchmark = 'own/dev'\n" + text)
    with pytest.raises(ConfigError, match="condition a selects its checkpoints on own/dev"):
        load_study(study)
