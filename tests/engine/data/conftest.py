"""A cache of its own for every test that prepares or downloads data."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "own-cache"
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(folder))
    for name in ("HF_HUB_OFFLINE", "HYBRID_TUI_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return folder
