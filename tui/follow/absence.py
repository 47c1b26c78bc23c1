"""Why a run cannot be followed any more: its folder was moved or deleted, or cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

from engine.runs.folder import RunFolder
from engine.runs.registry import ARCHIVE, TRASH

Identity = tuple[int, int]  # device and inode: a folder keeps them when it is moved on its file system


def identity_of(folder: RunFolder) -> Identity | None:
    """None where it cannot be looked at."""
    try:
        status = folder.path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def absence(folder: RunFolder, identity: Identity | None) -> str:
    """One line that says why the run cannot be followed; empty while it can.

    ``identity``: what its folder was when it could be; a folder of that identity elsewhere is where it went.
    """
    try:
        folder.path.stat()
        folder.spec.stat()
        os.close(os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        _read_a_byte(folder.events)
    except (FileNotFoundError, NotADirectoryError):
        return _whereabouts(folder, identity)
    except OSError as error:
        return f"this run cannot be read any more: {error.strerror}"
    return ""


def _read_a_byte(path: Path) -> None:
    """A run without a log yet is there all the same."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    os.close(fd)


def _whereabouts(folder: RunFolder, identity: Identity | None) -> str:
    home = folder.path.parent
    if home.name in (ARCHIVE, TRASH):
        home = home.parent
    places = {
        home / ARCHIVE: "this run was archived; u in the table brings it back",
        home / TRASH: "this run was deleted; u in the table brings it back",
    }
    for place, line in places.items():
        if place != folder.path.parent and _entry(place, identity) is not None:
            return line
    if (name := _entry(home, identity)) is not None:
        return f"this run is {name} now" if home == folder.path.parent else f"this run is back, as {name}"
    return f"this run is no longer in {folder.path.parent}: it was deleted, moved or renamed"


def _entry(place: Path, identity: Identity | None) -> str | None:
    """The name in ``place`` of the folder of that identity."""
    if identity is None:
        return None
    device, inode = identity
    try:
        with os.scandir(place) as entries:
            names = [entry.name for entry in entries if entry.inode() == inode]
        return next((name for name in names if (place / name).stat().st_dev == device), None)
    except OSError:
        return None
