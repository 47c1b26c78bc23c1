"""Paths as a person writes them, and the folders that are the user's own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from engine.config_error import ConfigError


def expanded(path: str | Path) -> Path:
    """The path with ``~`` and ``~name`` replaced as a shell does: where there is no such user it stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def absolute(path: str | Path) -> Path:
    """The expanded path from the root.

    Raises:
        ConfigError: it is relative, and the working folder has been removed.
    """
    try:
        return expanded(path).absolute()
    except FileNotFoundError:
        raise ConfigError(f"{path}: {WORKING_FOLDER_GONE}, or give an absolute path") from None


def home_folder() -> Path:
    """The user's home. Where there is none ($HOME is not set, and the user has no entry in passwd): a path at which
    nothing can be read or made, so that this is an OSError like any other."""
    try:
        return Path.home()
    except RuntimeError:
        return NO_HOME


def state_folder() -> Path:
    """Where this program keeps what is of this user and no run: $XDG_STATE_HOME/hybrid-tui; not created."""
    return _base_folder("XDG_STATE_HOME", ".local/state") / "hybrid-tui"


def cache_path() -> Path:
    """``$HYBRID_TUI_CACHE``, else ``hybrid-tui`` in ``$XDG_CACHE_HOME`` or ``~/.cache``; not created."""
    chosen = os.environ.get("HYBRID_TUI_CACHE")
    return expanded(chosen) if chosen else _base_folder("XDG_CACHE_HOME", ".cache") / "hybrid-tui"


def _base_folder(variable: str, in_home: str) -> Path:
    """A relative path in the variable counts for nothing, as the XDG specification has it: each working folder would
    have a state, and locks, of its own."""
    base = Path(os.environ.get(variable, ""))
    return base if base.is_absolute() else home_folder() / in_home


def require_own_folders() -> None:
    """What every run needs, tried before one is made.

    Raises:
        ConfigError: the state or the cache folder cannot be written to; one line that says what to set.
    """
    for folder in (state_folder(), cache_path()):
        if (wrong := why_not_writable(folder)) is not None:
            raise ConfigError(wrong)


def why_not_writable(folder: Path) -> str | None:
    """Makes one of the user's own folders and a file in it, which goes again; one line where that fails."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\n")
    except OSError as error:
        shown = "you have no home folder" if folder.is_relative_to(NO_HOME) else f"{folder}: {error.strerror}"
        return f"{shown}: set XDG_STATE_HOME and HYBRID_TUI_CACHE to folders that you may write to"
    return None


def require_working_folder() -> None:
    """
    Raises:
        ConfigError: the working folder has been removed, and a process that is started in it would not come far.
    """
    try:
        Path.cwd()
    except FileNotFoundError:
        raise ConfigError(WORKING_FOLDER_GONE) from None


NO_HOME = Path("/dev/null/no home folder")
WORKING_FOLDER_GONE = "the working folder has been removed: go to one that exists"
