"""What is known about a run, kept up to date by following its log."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence

import msgspec

from engine.events import (
    AnyEvent,
    AnyStep,
    Number,
    OtherEvent,
    Outline,
    RunResumed,
    Step,
    StepColumns,
    from_number,
    to_number,
)
from engine.files import write_file
from engine.runs.fold import fold
from engine.runs.fold_steps import fold_steps
from engine.runs.folder import RunFolder
from engine.runs.log import EventCursor
from engine.runs.series import Series
from engine.runs.state import RunState

# Raised whenever the fold or RunState changes meaning: older snapshots are then ignored and rebuilt.
SNAPSHOT_VERSION = 4
_LONG_REPLAY = 1024 * 1024  # bytes
_CHUNK = 128 * 1024  # bytes; events freed before the next are decoded halve the time of larger chunks


class _Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """state.json: the fold of the log up to ``offset``."""

    version: int
    inode: int
    offset: int
    skipped: int
    loss: Number | None  # state.loss, which may be NaN: JSON has no such number
    state: RunState


class RunReader:
    """Folds a run's log into ``state``, and into ``series`` when asked; ``poll`` takes up what is new.

    With ``series`` the log is read from the beginning, else from the snapshot where one fits. The result is
    the same. A reader belongs to one thread at a time.
    """

    def __init__(self, folder: RunFolder, series: bool = False) -> None:
        self.folder = folder
        self.state = RunState()
        self.series = Series() if series else None
        self._cursor = EventCursor(folder.events)
        self._skipped_before = 0  # by whoever made the snapshot
        if not series:
            self._start_from_snapshot()

    @property
    def skipped(self) -> int:
        """Torn or unknown lines so far."""
        return self._skipped_before + self._cursor.skipped

    def poll(self) -> bool:
        """Reads all that is new; True when anything changed."""
        changed = False
        with _without_gc(self._bytes_behind() > _LONG_REPLAY):
            while self._advance():
                changed = True
        return changed

    def _advance(self) -> bool:
        """Reads a chunk, and frees its events before the next is decoded; False when nothing is left."""
        cursor = self._cursor
        before = (cursor.offset, cursor.restarts)
        found: Sequence[AnyEvent | Outline] = (
            cursor.poll_outlines(_CHUNK) if self.series is None else cursor.poll(_CHUNK)
        )
        if cursor.restarts != before[1]:
            self._forget()
        for stretch in _stretches(found):
            self._take_up(stretch)
        return (cursor.offset, cursor.restarts) != before

    def _take_up(self, stretch: list[AnyStep] | OtherEvent) -> None:
        if isinstance(stretch, list):
            fold_steps(self.state, stretch)
            if self.series is not None:
                self.series.extend([event for event in stretch if isinstance(event, Step)])
            return
        fold(self.state, stretch)
        if self.series is not None and isinstance(stretch, RunResumed) and stretch.purpose == "train":
            self.series.truncate(stretch.from_step)

    def save_snapshot(self) -> None:
        """Writes state.json for the present position; by the holder of the run's lock only.

        Raises:
            OSError: it cannot be written; an older one stands.
        """
        if self._cursor.inode is not None:
            write_snapshot(self.folder, self.state, self._cursor.offset, self._cursor.inode, self.skipped)

    def _start_from_snapshot(self) -> None:
        try:
            snapshot = msgspec.json.decode(self.folder.state.read_bytes(), type=_Snapshot)
            found = self.folder.events.stat()
        except (OSError, msgspec.MsgspecError):
            return
        fits = snapshot.inode == found.st_ino and snapshot.offset <= found.st_size
        if snapshot.version == SNAPSHOT_VERSION and fits:
            self.state = snapshot.state
            self.state.loss = None if snapshot.loss is None else from_number(snapshot.loss)
            self._cursor = EventCursor(self.folder.events, snapshot.offset, snapshot.inode)
            self._skipped_before = snapshot.skipped

    def _forget(self) -> None:
        self.state, self._skipped_before = RunState(), 0
        if self.series is not None:
            self.series = Series()

    def _bytes_behind(self) -> int:
        try:
            return self.folder.events.stat().st_size - self._cursor.offset
        except OSError:
            return 0


def write_snapshot(folder: RunFolder, state: RunState, offset: int, inode: int, skipped: int = 0) -> None:
    """Writes state.json for a ``state`` that folds the first ``offset`` bytes of the log.

    By the holder of the run's lock only: one writer, as for the log.

    Raises:
        OSError: it cannot be written; an older one stands.
    """
    loss = None if state.loss is None else to_number(state.loss)
    snapshot = _Snapshot(version=SNAPSHOT_VERSION, inode=inode, offset=offset, skipped=skipped, loss=loss, state=state)
    write_file(folder.state, msgspec.json.encode(snapshot), folder.file_mode())


def _stretches(found: Sequence[AnyEvent | Outline]) -> Iterator[list[AnyStep] | OtherEvent]:
    """Step events that follow each other together, all others alone."""
    steps: list[AnyStep] = []
    for event in found:
        if isinstance(event, StepColumns):
            steps.append(event)
            continue
        if steps:
            yield steps
            steps = []
        yield event
    if steps:
        yield steps


@contextlib.contextmanager
def _without_gc(wanted: bool) -> Iterator[None]:
    """A long replay makes and frees many lists; looking for cycles in them would take a third of the time."""
    if not wanted or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
