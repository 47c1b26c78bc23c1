"""Fixtures of the alerts' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from making import FAKE_WORKER, kill_workers

from engine.runs import launch


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runs home where launched workers are the fake one, beside real watchers, which leave with them."""
    monkeypatch.setattr(launch, "WORKER", (str(FAKE_WORKER),))
    home = tmp_path / "runs"
    yield home
    kill_workers(home)
