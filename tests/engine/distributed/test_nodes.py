"""Which machine this is, and whether it makes a run or joins one."""

from __future__ import annotations

import subprocess

import msgspec
import pytest

from engine.config import ConfigError, OptimizerConfig, RunConfig, RuntimeConfig, SourceConfig, sample_configs_folder
from engine.runs.launch import launch
from engine.runs.nodes import Node, joins, place_of_first, this_node

CONFIG = RunConfig(
    sources=(SourceConfig(kind="cldr"),),
    optimizer=OptimizerConfig(max_steps=4),
    runtime=RuntimeConfig(devices="cpu", nodes=2),
)
SLURM = {"SLURM_NODEID": "1", "SLURM_JOB_ID": "77", "SLURM_STEP_ID": "3"}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("HYBRID_TUI_NODE", "HYBRID_TUI_RDZV", "SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", *SLURM):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("machines", "first"),
    [("gpu[003-005,9],x1", "gpu003"), ("node7", "node7"), ("a-[1,4]", "a-1"), ("login,gpu[1-2]", "login")],
)
def test_slurm_says_which_machine_this_is_and_where_the_first_one_listens(monkeypatch, machines, first):
    assert this_node() is None
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLURM_STEP_NODELIST", machines)
    node = this_node()
    assert (node.number, node.host) == (1, first)
    assert 20_000 <= node.port < 32_000
    monkeypatch.setenv("SLURM_STEP_ID", "4")
    assert this_node().port != node.port, "two steps of a job at once"


def test_the_user_says_it_where_there_is_no_slurm(monkeypatch):
    monkeypatch.setenv("HYBRID_TUI_NODE", "0")
    monkeypatch.setenv("HYBRID_TUI_RDZV", "10.0.0.7:29500")
    assert this_node() == Node(0, "10.0.0.7", 29500)


@pytest.mark.parametrize(
    ("number", "endpoint"), [("x", "a:1"), ("-1", "a:1"), ("0", "a"), ("0", ":1"), ("0", "a:0"), ("0", "")]
)
def test_variables_that_cannot_be_used_are_one_line(monkeypatch, number, endpoint):
    monkeypatch.setenv("HYBRID_TUI_NODE", number)
    monkeypatch.setenv("HYBRID_TUI_RDZV", endpoint)
    with pytest.raises(ConfigError, match=r"^HYBRID_TUI_NODE=.* expected"):
        this_node()


def test_a_run_of_several_machines_says_how_it_is_started(tmp_path):
    with pytest.raises(ConfigError, match=r"^runtime.nodes: each of the 2 machines starts this command"):
        launch(tmp_path, CONFIG)
    assert not list(tmp_path.iterdir())


def test_only_the_first_machine_makes_the_run(monkeypatch, tmp_path):
    alone = msgspec.structs.replace(CONFIG, runtime=RuntimeConfig(devices="cpu"))
    monkeypatch.setenv("HYBRID_TUI_RDZV", "first:29500")
    for number, expected in (("0", False), ("1", True)):
        monkeypatch.setenv("HYBRID_TUI_NODE", number)
        assert joins(CONFIG) is expected
        assert joins(alone) is False, "a run of one machine is its own, wherever it starts"
    with pytest.raises(ConfigError, match="not the first"):
        launch(tmp_path, CONFIG)
    monkeypatch.setenv("HYBRID_TUI_NODE", "2")
    with pytest.raises(ConfigError, match="machine 2, counted from 0, of only 2"):
        joins(CONFIG)


def test_the_sample_for_slurm_is_a_script_that_bash_reads():
    script = sample_configs_folder() / "slurm" / "train.sbatch"
    checked = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("host", "resolved", "told"),
    [
        ("10.78.0.1", None, "10.78.0.1:29500"),
        ("127.0.0.1", None, "127.0.0.1:29500"),
        ("nodeA", "10.78.0.1", "nodeA:29500"),
        (
            "nodeA",
            "127.0.1.1",
            "nodeA:29500, whose name is 127.0.1.1 here, this machine itself: set HYBRID_TUI_RDZV to ADDRESS:PORT",
        ),
    ],
)
def test_who_waits_for_the_first_machine_says_where_it_looks(monkeypatch, host, resolved, told):
    """Debian gives a machine's own name the address 127.0.1.1, and so does a copied /etc/hosts the name of another."""
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (resolved, 29500))])
    assert place_of_first(Node(1, host, 29500)) == told


def test_a_first_machine_whose_name_nobody_knows_is_said():
    told = place_of_first(Node(1, "no-such-machine.invalid", 29500))
    assert told.startswith("no-such-machine.invalid:29500, whose name has no address here (")
