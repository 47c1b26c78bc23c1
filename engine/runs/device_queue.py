"""Who holds the devices of this machine and who waits for them, as the locks in the state folder tell."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from engine import flock
from engine.runs.device_locks import devices_folder

_HOLDER = re.compile(r"(?P<run>.*), pid (?P<pid>\d+)")
_LARGEST = 1 << 16  # bytes of a place in the line


@dataclass(frozen=True, slots=True)
class Holder:
    """The run that computes on a device."""

    run: str  # its id
    pid: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run in the line; ``wanted``: the names of the locks of which it could use some."""

    run: str  # its id
    wanted: tuple[str, ...]


def holder_of(name: str) -> Holder | None:
    """Who holds the lock of that name; None where the device is free, or locks cannot be seen."""
    text = _held(devices_folder() / f"{name}.lock")
    if text is None:
        return None
    match = _HOLDER.fullmatch(text.strip())
    return Holder(match["run"], int(match["pid"])) if match else Holder(text.strip(), None)


def waiting_line() -> list[Waiting]:
    """Those who wait on this machine, the next one first. Places of processes that have died are left out."""
    try:
        paths = sorted((devices_folder() / "queue").glob("[0-9]*"), key=lambda path: path.name)
    except OSError:
        return []
    held = [(path.name.partition("-")[2], _held(path)) for path in paths]
    return [Waiting(run, tuple(text.split("\n"))) for run, text in held if text is not None]


def _held(path: Path) -> str | None:
    """What the file of a held lock says; None where nobody holds it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if flock.try_shared(fd) else os.pread(fd, _LARGEST, 0).decode(errors="replace")
    except OSError:
        return None
    finally:
        os.close(fd)
