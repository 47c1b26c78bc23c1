"""Paths as a person writes them."""

from __future__ import annotations

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


def require_working_folder() -> None:
    """
    Raises:
        ConfigError: the working folder has been removed, and a process that is started in it would not come far.
    """
    try:
        Path.cwd()
    except FileNotFoundError:
        raise ConfigError(WORKING_FOLDER_GONE) from None


WORKING_FOLDER_GONE = "the working folder has been removed: go to one that exists"
