"""What a viewer does for runs that nobody watches any more: after a reboot, or where a watcher was killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from engine.alerts.record import is_claimed
from engine.alerts.rules import ending_now
from engine.runs.folder import RunFolder
from engine.runs.lock import probe
from engine.runs.reader import RunReader
from engine.runs.state import RunState
from engine.runs.watching import has_watcher, is_marked, start_watcher


def read_state(folder: RunFolder) -> RunState:
    """By its log as it is now."""
    reader = RunReader(folder)
    reader.poll()
    return reader.state


def catch_up(folders: Iterable[RunFolder], state_of: Callable[[RunFolder], RunState] = read_state) -> list[RunFolder]:
    """Starts the watcher of each run of this user that lacks one and is at work, or has an end that nobody told.

    Of a run without alerts this is one look at the disk. ``state_of`` is for whoever follows the logs already.
    Returns the runs whose watcher was started. A run that cannot be read just now is left for the next time.
    """
    started = []
    for folder in folders:
        try:
            is_due = is_marked(folder) and not has_watcher(folder) and _is_to_be_watched(folder, state_of)
        except OSError:
            continue
        if is_due:
            start_watcher(folder)
            started.append(folder)
    return started


def _is_to_be_watched(folder: RunFolder, state_of: Callable[[RunFolder], RunState]) -> bool:
    liveness = probe(folder)
    if liveness.alive is not False:
        return liveness.alive is True
    ending = ending_now(state_of(folder), liveness, time.time())
    return ending is not None and not is_claimed(folder, ending.alert())
