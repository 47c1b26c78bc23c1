"""A run as its log tells it: state and per-step columns, kept up to date by following the log."""

from __future__ import annotations

import contextlib
import gc
import math
import struct
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from struct import pack
from typing import TypeVar

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
from engine.runs.fold import fold, fold_steps
from engine.runs.folder import RunFolder
from engine.runs.log import EventCursor
from engine.runs.state import RunState

MODE_CODES = {"mono": 0, "cross": 1, "mixed": 2, "english": 3}
MODE_NAMES = tuple(MODE_CODES)
UNKNOWN_MODE = 255

_NUMBER_COLUMNS = ("loss", "lr", "masked", "grad_norm", "seconds", "data_wait")

# Raised whenever the fold or RunState changes meaning: older snapshots are then ignored and rebuilt.
SNAPSHOT_VERSION = 8
_LONG_REPLAY = 1024 * 1024  # bytes
_CHUNK = 128 * 1024  # bytes; events freed before the next are decoded halve the time of larger chunks

T = TypeVar("T")


class _Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """state.json: the fold of the log up to ``offset``."""

    version: int
    inode: int
    offset: int
    skipped: int
    loss: Number | None  # state.loss, which may be NaN: JSON has no such number
    state: RunState


class Series:
    """Columns indexed by step - 1; nothing is averaged or dropped.

    A step whose event was lost holds NaN (255 for the mode), so that indices always mean steps. Beside the columns
    stand the events themselves: the last step of each, and when it was written.
    """

    __slots__ = (
        "data_wait", "event_steps", "event_times", "grad_norm", "loss", "lr", "masked", "mode", "seconds",
        "temperature", "tokens",
    )  # fmt: skip

    def __init__(self) -> None:
        self.loss = array("d")
        self.mode = array("B")  # codes of MODE_CODES
        self.lr = array("d")
        self.masked = array("d")  # masked in-batch negatives per row
        self.grad_norm = array("d")
        self.seconds = array("d")
        self.data_wait = array("d")
        self.tokens = array("q")
        self.temperature = array("d")  # of the loss; empty where it is not learned, NaN before its first value
        self.event_steps = array("q")
        self.event_times = array("d")  # unix seconds

    def __len__(self) -> int:
        """Number of steps on the current timeline."""
        return len(self.loss)

    def truncate(self, steps: int) -> None:
        """Drops every step after ``steps``: a resumed run superseded them."""
        for column in self._columns():
            del column[steps:]
        kept = bisect_right(self.event_steps, steps)
        del self.event_steps[kept:], self.event_times[kept:]

    def extend(self, stretch: Sequence[Step]) -> None:
        """Appends the steps of events in a row; gaps are filled, overlaps replaced."""
        for events in _unbroken(stretch):
            start = events[0].first_step - 1
            self.truncate(start)
            self._fill(start - len(self))
            self._append(events)

    def _append(self, events: list[Step]) -> None:
        before = len(self)
        for name in _NUMBER_COLUMNS:
            getattr(self, name).frombytes(_doubles(_joined(map(attrgetter(name), events))))
        self.mode.frombytes(_mode_codes(_joined(event.mode for event in events)))
        told = [event for event in events if event.loss]
        self.event_steps.extend(event.first_step + len(event.loss) - 1 for event in told)
        self.event_times.extend(event.t for event in told)
        tokens = _joined(event.tokens for event in events)
        self.tokens.frombytes(pack(f"{len(tokens)}q", *tokens))
        if self.temperature or any(event.temperature for event in events):
            self.temperature.extend([math.nan] * (before - len(self.temperature)))
            temperatures = (event.temperature or [math.nan] * len(event.loss) for event in events)
            self.temperature.frombytes(_doubles(_joined(temperatures)))

    def _fill(self, steps: int) -> None:
        for column in (self.loss, self.lr, self.masked, self.grad_norm, self.seconds, self.data_wait):
            column.extend([math.nan] * steps)
        self.mode.extend([UNKNOWN_MODE] * steps)
        self.tokens.extend([0] * steps)

    def _columns(self) -> tuple[array[float] | array[int], ...]:
        return (
            self.loss, self.mode, self.lr, self.masked, self.grad_norm, self.seconds, self.data_wait, self.tokens,
            self.temperature,
        )  # fmt: skip


class RunReader:
    """Folds a run's log into ``state``, and into ``series`` when asked; ``poll`` reads what is new.

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

    def poll(self, after_chunk: Callable[[], None] | None = None) -> bool:
        """Reads all that is new, in chunks, of each of which ``after_chunk`` hears; True when anything changed."""
        changed = False
        with _without_gc(self._bytes_behind() > _LONG_REPLAY):
            while self._advance():
                changed = True
                if after_chunk is not None:
                    after_chunk()
        return changed

    def _advance(self) -> bool:
        """Reads a chunk, and frees its events before the next is decoded; False when nothing is left."""
        cursor = self._cursor
        before = (cursor.offset, cursor.restarts)
        chunk: Sequence[AnyEvent | Outline] = (
            cursor.poll_outlines(_CHUNK) if self.series is None else cursor.poll(_CHUNK)
        )
        if cursor.restarts != before[1]:
            self._forget()
        for stretch in _stretches(chunk):
            self._apply(stretch)
        return (cursor.offset, cursor.restarts) != before

    def _apply(self, stretch: list[AnyStep] | OtherEvent) -> None:
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
            log = self.folder.events.stat()
        except (OSError, msgspec.MsgspecError):
            return
        fits = snapshot.inode == log.st_ino and snapshot.offset <= log.st_size
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


def _stretches(events: Sequence[AnyEvent | Outline]) -> Iterator[list[AnyStep] | OtherEvent]:
    """The events in their order; step events that follow each other come as one list."""
    steps: list[AnyStep] = []
    for event in events:
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
def _without_gc(long_replay: bool) -> Iterator[None]:
    """A long replay makes and frees many lists; looking for cycles in them would take a third of the time."""
    if not long_replay or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _mode_codes(modes: list[str]) -> bytes:
    try:
        return bytes(map(MODE_CODES.__getitem__, modes))
    except KeyError:
        return bytes(MODE_CODES.get(mode, UNKNOWN_MODE) for mode in modes)


def _unbroken(stretch: Iterable[Step]) -> Iterator[list[Step]]:
    """Lists of events without a gap or overlap between their steps."""
    events: list[Step] = []
    end = 0
    for event in stretch:
        if events and event.first_step != end:
            yield events
            events = []
        events.append(event)
        end = event.first_step + len(event.loss)
    if events:
        yield events


def _joined(lists: Iterable[list[T]]) -> list[T]:
    joined: list[T] = []
    for values in lists:
        joined += values
    return joined


def _doubles(values: Sequence[Number]) -> bytes:
    """As an array of doubles holds them; ``pack`` takes half the time of the array's own methods."""
    try:
        return pack(f"{len(values)}d", *values)
    except struct.error:  # a non-finite number travels as a string
        return pack(f"{len(values)}d", *map(from_number, values))
