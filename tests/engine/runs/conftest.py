"""Fixtures of the run folder tests."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from making import FAKE_WORKER, bare_run

from engine.runs import launch
from engine.runs.folder import RunFolder
from engine.runs.lock import process_start_time, read_owner


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run whose worker died before its first event."""
    return bare_run(tmp_path / "runs")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runs home where launched workers are the fake one; whatever still runs at the end is killed."""
    monkeypatch.setattr(launch, "WORKER", (str(FAKE_WORKER),))
    home = tmp_path / "runs"
    yield home
    for path in home.glob("*"):
        owner = read_owner(RunFolder(path))
        if owner is not None and owner.pid and process_start_time(owner.pid) == owner.start_time:
            with contextlib.suppress(ProcessLookupError):
                os.kill(owner.pid, signal.SIGKILL)
