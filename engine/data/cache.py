"""Where downloaded and prepared data are kept between runs, and whether the network may be used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from engine.config import ConfigError
from engine.paths import cache_path

OFFLINE_VARIABLES = ("HYBRID_TUI_OFFLINE", "HF_HUB_OFFLINE")
_TRUE = {"1", "ON", "YES", "TRUE"}  # as huggingface_hub reads its own variables

_local_only: ContextVar[bool] = ContextVar("local_only", default=False)


def cache_folder() -> Path:
    """``$HYBRID_TUI_CACHE``, else ``hybrid-tui`` in ``$XDG_CACHE_HOME`` or ``~/.cache``; private to the user."""
    folder = cache_path()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def file_identity(path: Path) -> str:
    """What changes when the file does, as part of a cache's key: path, size and time.

    Raises:
        ConfigError: there is no such file.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the file: {error.strerror}") from None
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"


@contextmanager
def local_only() -> Iterator[None]:
    """In this context nothing is downloaded: for whoever only looks at results, and did not ask for gigabytes."""
    token = _local_only.set(True)
    try:
        yield
    finally:
        _local_only.reset(token)


def offline() -> str | None:
    """Why the network may not be used, in a few words, or None."""
    variable = next((name for name in OFFLINE_VARIABLES if os.environ.get(name, "").upper() in _TRUE), None)
    if variable is not None:
        return f"{variable} is set"
    return "nothing is downloaded for a look" if _local_only.get() else None
