"""Where downloaded and prepared data are kept between runs, and whether the network may be used."""

from __future__ import annotations

import os
from pathlib import Path

OFFLINE_VARIABLES = ("HYBRID_TUI_OFFLINE", "HF_HUB_OFFLINE")
_TRUE = {"1", "ON", "YES", "TRUE"}  # as huggingface_hub reads its own variables


def cache_folder() -> Path:
    """``$HYBRID_TUI_CACHE``, else ``hybrid-tui`` in ``$XDG_CACHE_HOME`` or ``~/.cache``; private to the user."""
    own = os.environ.get("HYBRID_TUI_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    folder = Path(own).expanduser() if own else (Path(base) if base else Path.home() / ".cache") / "hybrid-tui"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def offline() -> str | None:
    """The variable that forbids the network, or None."""
    return next((name for name in OFFLINE_VARIABLES if os.environ.get(name, "").upper() in _TRUE), None)
