"""Per-step columns of a run: what its curves are drawn from."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from struct import pack
from typing import TypeVar

from engine.events import Number, Step, from_number

MODE_CODES = {"mono": 0, "cross": 1, "mixed": 2, "english": 3}
MODE_NAMES = tuple(MODE_CODES)
UNKNOWN_MODE = 255

_NUMBERS = ("loss", "lr", "masked", "grad_norm", "seconds", "data_wait")
T = TypeVar("T")


class Series:
    """Columns indexed by step - 1; nothing is averaged or dropped.

    A step whose event was lost holds NaN (255 for the mode), so that indices always mean steps.
    """

    __slots__ = ("data_wait", "grad_norm", "loss", "lr", "masked", "mode", "seconds", "temperature", "tokens")

    def __init__(self) -> None:
        self.loss = array("d")
        self.mode = array("B")  # codes of MODE_CODES
        self.lr = array("d")
        self.masked = array("d")  # masked in-batch negatives per row
        self.grad_norm = array("d")
        self.seconds = array("d")
        self.data_wait = array("d")
        self.tokens = array("q")
        self.temperature = array("d")  # of the loss; empty where it is not learned, NaN before the first that tells

    def __len__(self) -> int:
        """Number of steps on the current timeline."""
        return len(self.loss)

    def truncate(self, steps: int) -> None:
        """Drops every step after ``steps``: a resumed run superseded them."""
        for column in self._columns():
            del column[steps:]

    def extend(self, stretch: Sequence[Step]) -> None:
        """Appends the steps of events in a row; gaps are filled, overlaps replaced."""
        for events in _unbroken(stretch):
            start = events[0].first_step - 1
            self.truncate(start)
            self._fill(start - len(self))
            self._append(events)

    def _append(self, events: list[Step]) -> None:
        before = len(self)
        for name in _NUMBERS:
            getattr(self, name).frombytes(_doubles(_joined(map(attrgetter(name), events))))
        self.mode.frombytes(_mode_codes(_joined(event.mode for event in events)))
        tokens = _joined(event.tokens for event in events)
        self.tokens.frombytes(pack(f"{len(tokens)}q", *tokens))
        if self.temperature or any(event.temperature for event in events):
            self.temperature.extend([math.nan] * (before - len(self.temperature)))
            told = (event.temperature or [math.nan] * len(event.loss) for event in events)
            self.temperature.frombytes(_doubles(_joined(told)))

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


def _mode_codes(modes: list[str]) -> bytes:
    try:
        return bytes(map(MODE_CODES.__getitem__, modes))
    except KeyError:
        return bytes(MODE_CODES.get(mode, UNKNOWN_MODE) for mode in modes)


def _unbroken(stretch: Iterable[Step]) -> Iterator[list[Step]]:
    """Cuts where the first step of an event is not the one after the last of the event before."""
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
