"""A process that computes for a screen: what it answers, and what is said of one that dies."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from engine.config import ConfigError
from engine.export.background import JobProgress
from tui.job_process import ask_beside


class Request(msgspec.Struct, frozen=True):
    word: str


class Reply(msgspec.Struct, frozen=True, tag="done"):
    word: str


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a module that a process can run."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "job_of_a_test.py"


def ask(cancelled: threading.Event | None = None) -> Reply | None:
    return ask_beside(
        "job_of_a_test", Request("word"), Reply, lambda progress: None, cancelled or threading.Event()
    )  # fmt: skip


def test_the_answer_of_the_process_comes_back(module: Path) -> None:
    module.write_text("import sys, json\nasked = json.load(sys.stdin)\nprint(json.dumps({'type': 'done', **asked}))\n")
    assert ask() == Reply("word")


def test_a_process_that_dies_says_why(module: Path) -> None:
    module.write_text("def compute():\n    raise RuntimeError('no kernel for this device')\n\ncompute()\n")
    with pytest.raises(ConfigError) as caught:
        ask()
    line = str(caught.value)
    assert "exit status 1" in line
    assert "RuntimeError: no kernel for this device" in line
    assert "\n" not in line


def test_a_process_that_is_killed_is_told_by_the_name_of_the_signal(module: Path) -> None:
    module.write_text("import os\nos.kill(os.getpid(), 9)\n")
    with pytest.raises(ConfigError, match="killed by SIGKILL"):
        ask()


def test_a_process_that_dies_before_it_reads_says_why_as_well(module: Path) -> None:
    module.write_text("import sys\nsys.stdin.close()\nsys.exit('there is no such library')\n")
    with pytest.raises(ConfigError, match="there is no such library"):
        ask_beside("job_of_a_test", Request("x" * 10**6), Reply, lambda progress: None, threading.Event())


def test_one_that_is_cancelled_has_no_answer(module: Path) -> None:
    module.write_text(
        'import sys, time\nprint(\'{"type":"progress","what":"x","done":0,"total":1}\', flush=True)\ntime.sleep(600)\n'
    )
    cancelled = threading.Event()

    def stop(progress: JobProgress) -> None:
        cancelled.set()

    assert ask_beside("job_of_a_test", Request("word"), Reply, stop, cancelled) is None
