"""Fixtures of the run folder tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from making import FAKE_WORKER, bare_run, kill_workers

from engine.runs import launch
from engine.runs.folder import RunFolder


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
    kill_workers(home)
