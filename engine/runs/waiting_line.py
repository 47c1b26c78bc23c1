"""Who waits for a device of this machine, in the order in which their processes started: nobody overtakes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from engine import flock
from engine.runs.device_locks import devices_folder
from engine.runs.errors import RunError
from engine.runs.lock import process_start_time


class PlaceInLine:
    """A place in the queue, kept until ``leave`` or the end of the process: a file whose lock says that it is taken.

    A run that wants several devices at once keeps its place for each of them: later ones that want only one do not
    take it away from under its nose for ever.
    """

    def __init__(self, run: str, wanted: Iterable[str]) -> None:
        """``wanted``: names of the device locks of which the run could use any.

        Raises:
            RunError: the state folder cannot be written to.
        """
        folder = devices_folder() / "queue"
        name = f"{process_start_time(os.getpid()) or 0:020d}-{run}"
        self._path, hidden = folder / name, folder / f".{name}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = flock.open_lock_file(hidden, 0o600)
            flock.try_exclusive(self._fd)
            flock.hold(self._fd)
            os.pwrite(self._fd, "\n".join(wanted).encode(), 0)
            hidden.rename(self._path)  # seen only now that it is locked: what is not locked is cleared away
        except OSError as error:
            raise RunError(f"{self._path}: {error.strerror}") from None

    def before(self, devices: Iterable[str]) -> list[str]:
        """The runs before this one that want any of ``devices``, the next one first."""
        names = sorted(path.name for path in self._path.parent.glob("[0-9]*") if path.name < self._path.name)
        chosen = set(devices)
        return [name.partition("-")[2] for name in names if not chosen.isdisjoint(_wanted(self._path.with_name(name)))]

    def leave(self) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink()
        flock.drop(self._fd)


def _wanted(path: Path) -> list[str]:
    """What the run of that place could use; nothing where it has left, or was killed: its place is then cleared."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        if flock.try_shared(fd):
            path.unlink(missing_ok=True)
            return []
        return os.pread(fd, 1 << 16, 0).decode(errors="replace").split("\n")
    finally:
        os.close(fd)
