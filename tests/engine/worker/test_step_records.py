"""What a step event says of its updates: short numbers that lose nothing."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.events import decode, encode
from engine.worker.step_records import nine_digits, step_event


@dataclass
class Record:
    step: int = 1
    loss: float = 1.0
    mode: str = "mono"
    lr: float = 1e-5 / 3
    masked: float = 1 / 3
    grad_norm: float = math.inf
    seconds: float = 0.0512345678912
    data_wait: float = 0.0000004
    tokens: int = 9
    flops: float = 1234567890123.0
    temperature: float | None = None

    def has_arrived(self) -> bool:
        return True


@given(st.floats(width=32, allow_nan=False))
def test_a_single_precision_number_comes_back_as_itself(value: float) -> None:
    written = nine_digits(value)
    assert struct.pack("f", written) == struct.pack("f", value)
    assert math.isinf(value) or len(Decimal(repr(written)).normalize().as_tuple().digits) <= 9


@given(st.floats(width=32))
def test_numbers_that_were_shortened_are_not_shortened_again(value: float) -> None:
    """So that what is read, and written in a snapshot, is what was written first."""
    once = nine_digits(value)
    assert str(nine_digits(once)) == str(once)


def test_an_event_holds_the_very_numbers_that_its_line_does() -> None:
    event = step_event([Record(), Record(step=2, loss=math.nan)])
    assert decode(encode(event)) == event
    assert (event.first_step, event.loss, event.grad_norm) == (1, [1.0, "NaN"], ["Infinity"] * 2)
    assert (event.lr[0], event.masked[0], event.flops[0]) == (3.33333333e-06, 0.333333333, 1234567890000.0)
    assert event.data_wait == [0.0, 0.0]
    assert math.isclose(event.seconds[0], 0.051235, abs_tol=0.01)
    assert event.seconds[0] == round(event.seconds[0], 6)
