"""Per-step columns of a run: what its curves are drawn from."""

from __future__ import annotations

import math
from array import array

from engine.events import Number, Step, from_number

MODE_CODES = {"mono": 0, "cross": 1, "mixed": 2, "english": 3}
MODE_NAMES = tuple(MODE_CODES)
UNKNOWN_MODE = 255


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

    def extend(self, event: Step) -> None:
        """Appends the steps of one event; a gap is filled, an overlap replaced."""
        start = event.first_step - 1
        if start < len(self):
            self.truncate(start)
        gap = start - len(self)
        if gap > 0:
            self._fill(gap)
        # array.fromlist takes half the time of array.extend, and leaves the array alone when it fails.
        _extend_numbers(self.loss, event.loss)
        self.mode.frombytes(_mode_codes(event.mode))
        self.lr.fromlist(event.lr)
        self.masked.fromlist(event.masked)
        _extend_numbers(self.grad_norm, event.grad_norm)
        self.seconds.fromlist(event.seconds)
        self.data_wait.fromlist(event.data_wait)
        self.tokens.fromlist(event.tokens)
        if event.temperature or self.temperature:
            self.temperature.extend([math.nan] * (len(self) - len(event.loss) - len(self.temperature)))
            _extend_numbers(self.temperature, event.temperature or [math.nan] * len(event.loss))

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


def _extend_numbers(column: array[float], values: list[Number]) -> None:
    try:
        column.fromlist(values)  # type: ignore[arg-type]
    except TypeError:  # a non-finite number travels as a string
        column.fromlist([from_number(value) for value in values])
