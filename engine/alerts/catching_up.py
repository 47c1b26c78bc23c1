"""What a viewer does for runs that nobody watches any more: after a reboot, or where a watcher was killed."""

from __future__ import annotations

import time
from collections.abc import Iterable

from engine.alerts.record import is_claimed
from engine.alerts.rules import ending_now
from engine.runs.folder import RunFolder
from engine.runs.lock import probe
from engine.runs.reader import RunReader
from engine.runs.watching import has_watcher, is_marked, start_watcher


def catch_up(folders: Iterable[RunFolder]) -> list[RunFolder]:
    """Starts the watcher of each run of this user that lacks one and is at work, or has an end that nobody told.

    Of a run without alerts this is one look at the disk. Returns the runs whose watcher was started.
    """
    started = []
    for folder in folders:
        if is_marked(folder) and not has_watcher(folder) and _is_to_be_watched(folder):
            start_watcher(folder)
            started.append(folder)
    return started


def _is_to_be_watched(folder: RunFolder) -> bool:
    liveness = probe(folder)
    if liveness.alive is not False:
        return liveness.alive is True
    reader = RunReader(folder)
    reader.poll()
    ending = ending_now(reader.state, liveness, time.time())
    return ending is not None and not is_claimed(folder, ending.alert())
