"""A run of two processes obeys as one, never hangs, and resumes bit for bit (more kills: benchmarks/exactness.py)."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from following import ended, losses, recorded, state_of, until
from runs_of_ranks import STEPS, config, steps_of_this_attempt

from engine import events
from engine.runs import launch as launching
from engine.runs.commands import send_command
from engine.runs.folder import RunFolder
from engine.runs.launch import launch, resume
from engine.runs.lock import probe

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quick_workers"), pytest.mark.timeout(300)]

ORDINARY_WORKER = launching.WORKER

RESUMABLE_WITHIN = 30.0  # seconds


def test_ranks_obey_as_one_and_what_ends_one_of_them_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run is evaluated by command, loses a rank, is paused by a signal, and ends like one that never stopped.

    The other one's processes are started as a user's are.
    """
    home = tmp_path / "runs"
    folder = launch(home, config(tmp_path, at_start=False, benchmarks=("cldr",), languages=("de", "en")))
    until(lambda: steps_of_this_attempt(folder), "steps")
    processes = [rank_zero(folder), other_rank(folder), agent(folder)]
    uuid = send_command(folder, "evaluate")
    until(lambda: any(event.uuid == uuid for event in recorded(folder, events.CommandDone)), "the evaluation")
    os.kill(other_rank(folder), signal.SIGKILL)
    until(lambda: probe(folder).alive is False, "the lock to be free", RESUMABLE_WITHIN)
    assert state_of(folder) == "crashed"
    assert [event.message for event in recorded(folder, events.Warning)] == ["rank 1 of 2 was killed (SIGKILL)"]
    until(lambda: all(map(gone, processes)), "the other processes to be gone", RESUMABLE_WITHIN)

    resume(folder)
    until(lambda: steps_of_this_attempt(folder), "steps after the crash")
    os.kill(agent(folder), signal.SIGTERM)  # as `run --wait` passes it on
    assert ended(folder) == "paused"

    resume(folder)
    assert ended(folder) == "finished", folder.log.read_text()[-3000:]
    monkeypatch.setattr(launching, "WORKER", ORDINARY_WORKER)
    whole = launch(home, config(tmp_path))
    assert ended(whole) == "finished"
    assert losses(folder) == losses(whole)
    assert digests(folder) == digests(whole)


def test_a_rank_dies_with_its_agent(tmp_path: Path) -> None:
    """However the agent ends: a rank that lives on would hold its device for ever."""
    child = (
        "import os, time; from engine.worker.rank import obey; obey(os.getppid());print(1, flush=True); time.sleep(60)"
    )
    above = (
        "import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.PIPE);"
        "c.stdout.readline(); print(c.pid, flush=True); c.wait()"
    )
    process = subprocess.Popen([sys.executable, "-c", above, child], stdout=subprocess.PIPE)
    assert process.stdout is not None
    rank = int(process.stdout.readline())
    process.kill()
    process.wait()
    until(lambda: gone(rank), "the rank to be gone")


def gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def rank_zero(folder: RunFolder) -> int:
    owner = probe(folder).owner
    assert owner is not None
    return owner.pid


def agent(folder: RunFolder) -> int:
    return parent_of(rank_zero(folder))


def other_rank(folder: RunFolder) -> int:
    above = agent(folder)
    children = Path(f"/proc/{above}/task/{above}/children").read_text().split()
    (other,) = {int(child) for child in children} - {rank_zero(folder)}
    return other


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[1])


def digests(folder: RunFolder) -> dict[str, str]:
    checkpoint = folder.checkpoints / f"step-{STEPS:06d}"
    files = ("model.safetensors", "optimizer.safetensors")
    return {name: hashlib.sha256((checkpoint / name).read_bytes()).hexdigest() for name in files}
