"""What tests of real worker processes share: waiting, and reading a run the way everybody else does."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.events import AnyEvent
from engine.runs.folder import RunFolder
from engine.runs.lock import probe
from engine.runs.log import EventCursor
from engine.runs.reader import RunReader
from engine.runs.status import status_of

DEADLINE_SECONDS = 120.0


def until(
    condition: Callable[[], object], what: str, seconds: float = DEADLINE_SECONDS, interval: float = 0.02
) -> None:
    """Waits for ``condition``; fails naming ``what`` it waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(interval)


def state_of(folder: RunFolder) -> str:
    """The state that ``status`` shows."""
    reader = RunReader(folder)
    reader.poll()
    return status_of(reader).state


def recorded(folder: RunFolder, kind: type[AnyEvent] | None = None) -> list[AnyEvent]:
    """All events in the log, or those of one type."""
    cursor, found = EventCursor(folder.events), []
    while batch := cursor.poll():
        found += batch
    return found if kind is None else [event for event in found if isinstance(event, kind)]


def losses(folder: RunFolder) -> list[float]:
    """Loss of every step on the current timeline."""
    reader = RunReader(folder, series=True)
    reader.poll()
    assert reader.series is not None
    return list(reader.series.loss)


def ended(folder: RunFolder) -> str:
    """Waits until the worker is gone; the state it left."""
    until(lambda: probe(folder).alive is False, "the worker to leave")
    return state_of(folder)
