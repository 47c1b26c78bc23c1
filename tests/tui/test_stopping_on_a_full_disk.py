"""A run for whose checkpoint there is no room: it goes on, says why, and can be ended without one."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from making import FAKE_WORKER, config, kill_workers, recorded, until, until_free, until_stepping

from engine import events
from engine.runs import launch
from engine.runs.folder import RunFolder
from engine.runs.lock import signal_worker
from engine.runs.reader import RunReader
from engine.runs.status import status_of
from tui.cli import main


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFolder]:
    """A training whose disk is full."""
    monkeypatch.setattr(launch, "WORKER", (str(FAKE_WORKER),))
    monkeypatch.setenv("FAKE_WORKER", "full")
    home = tmp_path / "runs"
    folder = launch.launch(home, config(steps=100_000))
    until_stepping(folder)
    yield folder
    kill_workers(home)


class Person(io.StringIO):
    """Standard input with somebody at it."""

    def isatty(self) -> bool:
        return True


def state_of(folder: RunFolder) -> str:
    return status_of(RunReader(folder)).state


def last_note(folder: RunFolder) -> str:
    reader = RunReader(folder)
    reader.poll()
    return reader.state.notes[-1].text


def test_a_script_is_told_of_discard_which_ends_the_run(full: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("stop", "pause"):
        assert main([command, full.id, "--wait"]) == 1
        told = capsys.readouterr().err
        assert f"{command} failed: OSError: [Errno 28] 72 MB needed, 21 MB free" in told
        assert "`stop --discard` ends it without a checkpoint" in told
        assert state_of(full) == "running"
    assert main(["stop", full.id, "--discard", "--wait"]) == 0
    (last,) = [event for event in recorded(full) if isinstance(event, events.RunStopped)]
    assert not last.saved
    assert last_note(full) == f"stopped without a checkpoint, step {last.step:,} lost"
    assert last_note(full) in capsys.readouterr().out
    assert state_of(full) == "stopped"


@pytest.mark.parametrize(("answer", "status", "state"), [("n\n", 1, "running"), ("y\n", 0, "stopped")])
def test_a_person_is_asked_once(
    full: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    status: int,
    state: str,
) -> None:
    monkeypatch.setattr("sys.stdin", Person(answer))
    assert main(["stop", full.id, "--wait"]) == status
    assert capsys.readouterr().out.count("without a checkpoint, and lose step") == 1
    assert state_of(full) == state


def test_a_second_sigterm_ends_it(full: RunFolder) -> None:
    assert signal_worker(full, signal.SIGTERM)
    until(lambda: any(isinstance(event, events.CommandDone) for event in recorded(full)), "the first answer")
    assert state_of(full) == "running", "there may be room again before the next one"
    assert signal_worker(full, signal.SIGTERM)
    until_free(full)
    assert state_of(full) == "paused"
    assert "paused without a checkpoint" in last_note(full)
