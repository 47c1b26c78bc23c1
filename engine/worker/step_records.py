"""Updates of the training as the event that the log holds of them.

Numbers are written with the digits that are true, which is seven tenths of the bytes of a long log.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from engine.events import Step, to_number


class ReportedStep(Protocol):
    """What one optimizer update reports (engine.training.trainer.StepRecord)."""

    def has_arrived(self) -> bool:
        """Whether loss, gradient norm and temperature can be read without waiting for the device."""

    @property
    def step(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def mode(self) -> str: ...
    @property
    def lr(self) -> float: ...
    @property
    def masked(self) -> float: ...
    @property
    def grad_norm(self) -> float: ...
    @property
    def seconds(self) -> float: ...
    @property
    def data_wait(self) -> float: ...
    @property
    def tokens(self) -> int: ...
    @property
    def flops(self) -> float: ...
    @property
    def temperature(self) -> float | None: ...


def step_event(records: Sequence[ReportedStep]) -> Step:
    """One event of updates in a row, one at least."""
    # Mostly the values are there. Where they are not, the wait is time of these updates, which were only enqueued.
    reading = time.monotonic()
    losses = [record.loss for record in records]
    waited = (time.monotonic() - reading) / len(records)
    return Step(
        first_step=records[0].step,
        loss=[to_number(nine_digits(loss)) for loss in losses],
        mode=[record.mode for record in records],
        lr=[nine_digits(record.lr) for record in records],
        masked=[nine_digits(record.masked) for record in records],
        grad_norm=[to_number(nine_digits(record.grad_norm)) for record in records],
        seconds=[microseconds(record.seconds + waited) for record in records],
        data_wait=[microseconds(record.data_wait) for record in records],
        tokens=[record.tokens for record in records],
        flops=[nine_digits(record.flops) for record in records],
        temperature=[to_number(nine_digits(t)) for record in records if (t := record.temperature) is not None],
    )


def nine_digits(value: float) -> float:
    """Enough to give back the very single-precision number, which a loss or a norm is."""
    return float(f"{value:.9g}")


def microseconds(value: float) -> float:
    """Seconds as far as they mean something: two equal steps differ by more."""
    return round(value, 6)
