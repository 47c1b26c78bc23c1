"""A file system without flock: commands read its runs, and say in one line why none can start there."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from runs_factory import finished

SHIM = """
import errno, fcntl, os
real = fcntl.flock
def flock(fd, operation):
    number = fd if isinstance(fd, int) else fd.fileno()
    if os.readlink(f"/proc/self/fd/{number}").startswith(os.environ["HYBRID_TUI_RUNS"]):
        raise OSError(NUMBER, os.strerror(NUMBER))
    return real(fd, operation)
fcntl.flock = flock
"""
CONFIG = 'name = "small"\n[[sources]]\nkind = "cldr"\nlanguages = ["en", "de"]\n[optimizer]\nmax_steps = 2\n'


@pytest.fixture
def environment(home: Path, tmp_path: Path) -> dict[str, str]:
    """Of processes for which the runs folder is on such a file system."""
    shim = tmp_path / "shim"
    shim.mkdir()
    (shim / "sitecustomize.py").write_text(SHIM.replace("NUMBER", str(errno.ENOSYS)))
    finished(home, "a").folder.lock.touch()
    (tmp_path / "small.toml").write_text(CONFIG)
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(shim), *filter(None, sys.path)]),
        "HYBRID_TUI_RUNS": str(home),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }


def told(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tui.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [("list",), ("status", "a")])
def test_runs_are_read_and_one_line_says_that_their_life_is_unknown(
    environment: dict[str, str], arguments: tuple[str, ...]
) -> None:
    answer = told(environment, *arguments)
    assert (answer.returncode, answer.stderr.count("\n")) == (0, 1)
    assert "finished" in answer.stdout
    assert environment["HYBRID_TUI_RUNS"] in answer.stderr
    assert "-o flock" in answer.stderr


def test_doctor_tries_a_lock(environment: dict[str, str]) -> None:
    (line,) = [line for line in told(environment, "doctor").stdout.splitlines() if " locks " in line]
    assert line.startswith("PROBLEM")
    assert "-o flock" in line
    assert not list(Path(environment["HYBRID_TUI_RUNS"]).glob(".doctor*"))


def test_no_run_starts_there_and_nothing_is_left(environment: dict[str, str]) -> None:
    answer = told(environment, "run", "small.toml")
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "-o flock" in answer.stderr
    assert [path.name for path in Path(environment["HYBRID_TUI_RUNS"]).iterdir()] == ["20260922-a"]
