"""Two machines, as two agents on one host: they meet, train as one, and the loss of one leaves a run to resume."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import msgspec
import pytest
from following import ended, losses, recorded, state_of, until
from runs_of_ranks import config, steps_of_this_attempt

from engine import events
from engine.config import RuntimeConfig
from engine.runs.launch import launch, resume
from engine.runs.lock import probe

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quick_workers"), pytest.mark.timeout(300)]

TESTS = str(Path(__file__).parents[2])
JOIN = "import sys; from zygote import fork_ranks; fork_ranks(); from engine.worker.join import main; sys.exit(main())"


@pytest.fixture(autouse=True)
def _two_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("HYBRID_TUI_NODE", "0")
    monkeypatch.setenv("HYBRID_TUI_RDZV", f"127.0.0.1:{port}")
    monkeypatch.setenv("HYBRID_TUI_CPU_SLOTS", "2")


def joining(quick_python: list[str], home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*quick_python, "-c", JOIN, str(home)], env=os.environ | {"HYBRID_TUI_NODE": "1", "PYTHONPATH": TESTS}
    )


def test_two_machines_train_as_one_and_a_lost_one_leaves_a_run_to_resume(
    tmp_path: Path, quick_python: list[str]
) -> None:
    """The first one waits for the second with a word, and crashes where that is killed; then both go on to the end."""
    home = tmp_path / "runs"
    spec = config(tmp_path)
    alone = launch(home, spec)  # two processes on one machine: the same ranks
    assert ended(alone) == "finished"

    folder = launch(home, msgspec.structs.replace(spec, runtime=RuntimeConfig(devices="cpu", nodes=2, threads=1)))
    until(lambda: [e for e in recorded(folder, events.Device) if "machine 1" in (e.waiting_for or "")], "the wait")
    second = joining(quick_python, home)
    until(lambda: steps_of_this_attempt(folder), "steps")
    second.kill()  # its agent ends with it, and its rank with that
    until(lambda: probe(folder).alive is False, "the lock to be free", 60)
    assert state_of(folder) == "crashed"
    (warning,) = recorded(folder, events.Warning)
    assert warning.message == "rank 0 of 2 lost the others: one of them ended or no longer answered"

    resume(folder)
    second = joining(quick_python, home)
    assert ended(folder) == "finished", folder.log.read_text()[-3000:]
    assert second.wait(timeout=60) == 0
    assert losses(folder) == losses(alone)


def test_a_pause_ends_the_wait_for_a_machine_that_does_not_come(tmp_path: Path) -> None:
    spec = msgspec.structs.replace(config(tmp_path), runtime=RuntimeConfig(devices="cpu", nodes=2, threads=1))
    folder = launch(tmp_path / "runs", spec)
    until(lambda: [e for e in recorded(folder, events.Device) if "machine 1" in (e.waiting_for or "")], "the wait")
    owner = probe(folder).owner
    assert owner is not None
    os.kill(owner.pid, signal.SIGTERM)
    assert ended(folder) == "paused"
