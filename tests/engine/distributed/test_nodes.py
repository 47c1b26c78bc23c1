"""Which machine this is, and whether it makes a run or joins one."""

from __future__ import annotations

import subprocess

import msgspec
import pytest

from engine.config import ConfigError, OptimizerConfig, RunConfig, RuntimeConfig, SourceConfig, sample_configs_folder
from engine.runs.launch import launch, resume
from engine.runs.nodes import Meeting, Node, joins, publish, this_node, wait_for_meeting

CONFIG = RunConfig(
    sources=(SourceConfig(kind="cldr"),),
    optimizer=OptimizerConfig(max_steps=4),
    runtime=RuntimeConfig(devices="cpu", nodes=2),
)
SLURM = {"SLURM_NODEID": "1", "SLURM_JOB_ID": "77", "SLURM_STEP_ID": "3"}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("HYBRID_TUI_NODE", "HYBRID_TUI_JOB", "SLURM_RESTART_COUNT", *SLURM):
        monkeypatch.delenv(name, raising=False)


def test_slurm_or_the_user_says_which_machine_this_is(monkeypatch):
    assert this_node() is None
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    assert this_node() == Node(1, "slurm-77-3-0")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "2")
    assert this_node() == Node(1, "slurm-77-3-2"), "a requeued job must not meet where its former start did"
    monkeypatch.setenv("HYBRID_TUI_NODE", "0")
    monkeypatch.setenv("HYBRID_TUI_JOB", "mine")
    assert this_node() == Node(0, "mine")


@pytest.mark.parametrize(("number", "job"), [("x", "a"), ("-1", "a"), ("0", "../a"), ("0", ".a"), ("0", "")])
def test_variables_that_cannot_be_used_are_one_line(monkeypatch, number, job):
    monkeypatch.setenv("HYBRID_TUI_NODE", number)
    monkeypatch.setenv("HYBRID_TUI_JOB", job)
    with pytest.raises(ConfigError, match=r"^HYBRID_TUI_NODE=.* expected"):
        this_node()


def test_a_run_of_several_machines_says_how_it_is_started(tmp_path):
    with pytest.raises(ConfigError, match=r"^runtime.nodes: each of the 2 machines starts this command"):
        launch(tmp_path, CONFIG)
    assert not list(tmp_path.iterdir())


def test_only_the_first_machine_makes_the_run(monkeypatch, tmp_path):
    alone = msgspec.structs.replace(CONFIG, runtime=RuntimeConfig(devices="cpu"))
    for number, expected in (("0", False), ("1", True)):
        monkeypatch.setenv("HYBRID_TUI_NODE", number)
        assert joins(CONFIG) is expected
        assert joins(alone) is False, "a run of one machine is its own, wherever it starts"
    with pytest.raises(ConfigError, match="not the first"):
        launch(tmp_path, CONFIG)
    monkeypatch.setenv("HYBRID_TUI_NODE", "2")
    with pytest.raises(ConfigError, match="machine 2, counted from 0, of only 2"):
        joins(CONFIG)


def test_the_others_find_what_the_first_one_publishes_while_it_is_there(tmp_path):
    meeting = Meeting(host="first", port=4711, folder=str(tmp_path / "run"), attempt=2, evaluate=False)
    with publish(meeting, tmp_path, Node(0, "mine")):
        assert wait_for_meeting(tmp_path, Node(1, "mine")) == meeting
    assert not list((tmp_path / ".meetings").iterdir())


def test_the_first_machine_removes_what_a_killed_start_of_the_job_left(monkeypatch, tmp_path):
    """Otherwise the others, who start at the same time, would join where nobody listens any more."""
    monkeypatch.setattr("engine.runs.launch._detach", lambda *_, **__: None)
    monkeypatch.setenv("HYBRID_TUI_NODE", "0")
    monkeypatch.setenv("HYBRID_TUI_JOB", "mine")
    stale = Meeting(host="first", port=4711, folder=str(tmp_path / "old"), attempt=1, evaluate=False)
    left = tmp_path / ".meetings" / "mine.json"
    with publish(stale, tmp_path, Node(0, "mine")):
        folder = launch(tmp_path, CONFIG)
        assert not left.exists()
    with publish(stale, tmp_path, Node(0, "mine")):
        resume(folder)
        assert not left.exists()


def test_the_sample_for_slurm_is_a_script_that_bash_reads():
    script = sample_configs_folder() / "slurm" / "train.sbatch"
    checked = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
