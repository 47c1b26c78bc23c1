"""Folders of the cache that one process builds while others wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import flock
from engine.files import write_folder
from engine.progress import Tick

_WAIT_SECONDS = 0.2


def build_once(folder: Path, fill: Callable[[Path], None], tick: Tick | None = None) -> None:
    """Makes ``folder`` by ``fill(new folder)`` where it is not there; of several processes one does, the others wait.

    Raises:
        OSError: no space, or no permission; nothing is left behind, as with whatever ``fill`` raises.
    """
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone(folder, lambda: tick("waiting for another process", 0, None) if tick is not None else None):
        if not folder.is_dir():
            write_folder(folder, fill, 0o700)


@contextmanager
def alone(folder: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """While this process alone may build ``folder``; a process that dies frees the place.

    ``waiting`` is called again and again while another process has it, and may raise to abandon the wait.

    Raises:
        OSError: no permission.
    """
    lock = flock.open_lock_file(folder.with_name(f".{folder.name}.lock"), 0o600)
    flock.hold(lock)
    try:
        while not flock.try_exclusive(lock):
            if waiting is not None:
                waiting()
            time.sleep(_WAIT_SECONDS)
        yield
    finally:
        flock.drop(lock)
