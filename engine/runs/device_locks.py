"""One run at a time per GPU and, by default, one on the CPU: locks in the user's state folder."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

from engine import flock
from engine.paths import state_folder
from engine.runs.errors import RunError

CPU_SLOTS_VARIABLE = "HYBRID_TUI_CPU_SLOTS"


class DeviceLock:
    """The right to compute on one device, held until ``release`` or the end of the process.

    ``name`` is ``cpu-0`` or the GPU's UUID: indices change with CUDA_VISIBLE_DEVICES.
    """

    def __init__(self, name: str) -> None:
        if not name or name.startswith(".") or os.sep in name:
            raise ValueError(f"not a device name: {name!r}")
        self.name = name
        self.path = devices_folder() / f"{name}.lock"
        self._fd: int | None = None

    def try_acquire(self, holder: str) -> bool:
        """Takes the device if it is free; ``holder`` (a run's id and process) is what others then read.

        Raises:
            RunError: the state folder cannot be written to.
        """
        if self._fd is not None:
            return True
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = flock.open_lock_file(self.path, 0o600)
        except OSError as error:
            raise RunError(f"{self.path}: {error.strerror}") from None
        if not flock.try_exclusive(fd):
            os.close(fd)
            return False
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{holder}\n".encode(), 0)
        flock.hold(fd)
        self._fd = fd
        return True

    def holder(self) -> str:
        """Who holds the device, as it wrote itself in; empty when it is free or unknown."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return self.path.read_text(encoding="utf-8").strip()
        return ""

    def release(self) -> None:
        """Frees the device; nothing happens when it is not held."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            flock.drop(self._fd)
            self._fd = None


def cpu_slots() -> list[DeviceLock]:
    """Locks of the CPU slots: $HYBRID_TUI_CPU_SLOTS runs may compute on the CPU at once, by default one.

    Raises:
        RunError: the variable is not a whole number above 0.
    """
    text = os.environ.get(CPU_SLOTS_VARIABLE, "1")
    if not text.isdecimal() or int(text) < 1:
        raise RunError(f"{CPU_SLOTS_VARIABLE}={text!r}: expected a whole number above 0")
    return [DeviceLock(f"cpu-{slot}") for slot in range(int(text))]


def devices_folder() -> Path:
    """Of this machine: a home folder may be that of many."""
    return state_folder() / "devices" / socket.gethostname()
