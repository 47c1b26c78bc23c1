"""A cache of its own for every test that evaluates through files."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(tmp_path / "own-cache"))
