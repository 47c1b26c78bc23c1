"""Events are one JSON line each, and come back equal; whatever is not one is refused, never misread."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import events


@given(st.floats())
def test_a_number_survives_json_even_when_it_is_not_finite(value: float) -> None:
    written = json.loads(json.dumps(events.to_number(value), allow_nan=False))
    read = events.from_number(written)
    assert read == value or (math.isnan(read) and math.isnan(value))


@given(st.lists(st.floats(), min_size=1, max_size=20))
def test_a_step_event_is_one_line_of_strict_json_that_reads_back_equal(losses: list[float]) -> None:
    count = len(losses)
    event = events.Step(
        seq=1, t=2.0, attempt=1, first_step=1, loss=events.to_numbers(losses), mode=["mono"] * count, lr=[0.1] * count,
        masked=[0.0] * count, grad_norm=events.to_numbers(losses), seconds=[0.1] * count, data_wait=[0.0] * count,
        tokens=[9] * count,
    )  # fmt: skip
    line = events.encode(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert events.decode(line) == event


def test_fields_of_a_later_release_are_ignored() -> None:
    line = b'{"v":1,"seq":4,"t":1.0,"attempt":1,"type":"run.paused","step":7,"mood":"calm"}'
    assert events.decode(line) == events.RunPaused(seq=4, t=1.0, attempt=1, step=7)


@pytest.mark.parametrize("line", [b'{"v":1,"seq":4,"t":1.0,"type":"run.pau', b'{"type":"run.danced"}', b"[]", b""])
def test_a_torn_or_unknown_line_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        events.decode(line)
