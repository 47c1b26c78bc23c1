"""Per-step columns of a run: what its curves are drawn from."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable

from engine.events import Number, Step, from_number

MODE_CODES = {"mono": 0, "cross": 1, "mixed": 2, "english": 3}
MODE_NAMES = tuple(MODE_CODES)
_UNKNOWN_MODE = 255


class Series:
    """Columns indexed by step - 1; nothing is averaged or dropped.

    A step whose event was lost holds NaN (255 for the mode), so that indices always mean steps.
    """

    __slots__ = ("data_wait", "grad_norm", "loss", "lr", "masked", "mode", "seconds", "tokens")

    def __init__(self) -> None:
        self.loss = array("d")
        self.mode = array("B")  # codes of MODE_CODES
        self.lr = array("d")
        self.masked = array("d")  # masked in-batch negatives per row
        self.grad_norm = array("d")
        self.seconds = array("d")
        self.data_wait = array("d")
        self.tokens = array("q")

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
        _extend_numbers(self.loss, event.loss)
        self.mode.extend(MODE_CODES.get(mode, _UNKNOWN_MODE) for mode in event.mode)
        self.lr.extend(event.lr)
        self.masked.extend(event.masked)
        _extend_numbers(self.grad_norm, event.grad_norm)
        self.seconds.extend(event.seconds)
        self.data_wait.extend(event.data_wait)
        self.tokens.extend(event.tokens)

    def _fill(self, steps: int) -> None:
        for column in (self.loss, self.lr, self.masked, self.grad_norm, self.seconds, self.data_wait):
            column.extend([math.nan] * steps)
        self.mode.extend([_UNKNOWN_MODE] * steps)
        self.tokens.extend([0] * steps)

    def _columns(self) -> tuple[array[float] | array[int], ...]:
        return (
            self.loss, self.mode, self.lr, self.masked, self.grad_norm, self.seconds, self.data_wait, self.tokens,
        )  # fmt: skip


def _extend_numbers(column: array[float], values: Iterable[Number]) -> None:
    values = list(values)
    try:
        column.extend(values)  # type: ignore[arg-type]
    except TypeError:  # a non-finite number travels as a string; array.extend kept what came before it
        del column[len(column) - _kept_before_string(values) :]
        column.extend([from_number(value) for value in values])


def _kept_before_string(values: list[Number]) -> int:
    return next(index for index, value in enumerate(values) if isinstance(value, str))
