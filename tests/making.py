"""Small makers of runs and events that the tests of this folder share."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine import events
from engine.config import OptimizerConfig, RunConfig, SourceConfig
from engine.files import write_file
from engine.runs.folder import Provenance, RunFolder, Spec
from engine.runs.lock import probe, process_start_time, read_owner
from engine.runs.log import EventCursor

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")
DEADLINE_SECONDS = 30.0


def config(name: str = "small", steps: int = 20) -> RunConfig:
    return RunConfig(name=name, sources=(SourceConfig(kind="cldr"),), optimizer=OptimizerConfig(max_steps=steps))


def bare_run(home: Path, run_id: str = "bare-20260101-000000", created: float = 1.0, name: str = "bare") -> RunFolder:
    """A run folder with a spec and nothing else: as one whose worker died at once."""
    folder = RunFolder(home / run_id)
    folder.path.mkdir(mode=0o700, parents=True)
    folder.control.mkdir(mode=0o700)
    spec = Spec(config=config(name), created=created, provenance=Provenance())
    write_file(folder.spec, msgspec.json.encode(spec), 0o400)
    return folder


def started(name: str = "small", max_steps: int = 100) -> events.RunStarted:
    return events.RunStarted(
        name=name, mode="hybrid", mono_share=0.5, max_steps=max_steps, batch_size=8, seed=0, host="here", pid=1
    )


def steps(first_step: int, losses: list[float], seconds: float = 0.1) -> events.Step:
    n = len(losses)
    return events.Step(
        first_step=first_step,
        loss=events.to_numbers(losses),
        mode=["mono"] * n,
        lr=[1e-3] * n,
        masked=[0.0] * n,
        grad_norm=events.to_numbers(losses),
        seconds=[seconds] * n,
        data_wait=[seconds / 10] * n,
        tokens=[7] * n,
    )


def recorded(folder: RunFolder) -> list[events.AnyEvent]:
    cursor, found = EventCursor(folder.events), []
    while batch := cursor.poll():
        found += batch
    return found


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)


def until_free(folder: RunFolder) -> None:
    until(lambda: probe(folder).alive is False, "the worker to leave")


def until_stepping(folder: RunFolder) -> None:
    until(lambda: any(isinstance(event, events.Step) for event in recorded(folder)[-3:]), "steps")


def kill_workers(home: Path) -> None:
    """Kills whatever still works on a run of ``home``."""
    for path in home.glob("*"):
        owner = read_owner(RunFolder(path))
        if owner is not None and owner.pid and process_start_time(owner.pid) == owner.start_time:
            with contextlib.suppress(ProcessLookupError):
                os.kill(owner.pid, signal.SIGKILL)


def python(code: str, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """Another interpreter that runs ``code``, its output in a pipe."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, **options)  # type: ignore[call-overload,no-any-return]
