"""What a mirror hands to a tracker, and what a tracker has to be able to do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from engine.runs.state import Note


class TrackerError(Exception):
    """The tracker cannot be written to; one line."""


@dataclass(frozen=True, slots=True)
class Row:
    """Values of one training step, or of what was measured at it, at one moment."""

    step: int  # 0 for what was measured before training, and for a run that trains nothing
    t: float  # unix seconds
    values: Mapping[str, float]  # by name, as "train/loss"; may be NaN or infinite


@dataclass(frozen=True, slots=True)
class Description:
    """What does not change while a run goes on."""

    id: str  # of the run
    created: float  # unix seconds
    study: str  # empty: it is part of none
    config: Mapping[str, Any]  # resolved, nested as in the file
    facts: Mapping[str, str]  # name, study, host, commit, ...: what the config does not say

    def settings(self) -> dict[str, bool | int | float | str]:
        """The config by dotted keys; lists as JSON, and what is not set is left out."""
        return dict(_dotted(self.config, ""))


@dataclass(frozen=True, slots=True)
class Opened:
    """The tracker's own run, ready to be written to."""

    id: str  # by which the tracker finds it again
    rows: int | None  # that it holds, so that they are not written; None: it cannot say
    place: str  # where a person finds it


class Tracker(Protocol):
    """One run of a tracker. Every method may raise TrackerError."""

    @property
    def destination(self) -> str:
        """Where runs go: a folder, an address, a project. Two mirrors of a run to one destination would collide."""
        ...

    def open(self, run: Description, name: str, opened_before: str) -> Opened:
        """Begins the tracker's run, or goes on with it.

        Args:
            name: of the tracker's run: another one wherever points were taken back.
            opened_before: ``Opened.id`` of an earlier mirror, for the same name; empty: there was none.
        """
        ...

    def write(self, rows: Sequence[Row], first: int) -> None:
        """Takes rows in their order; ``first`` is the number of the first one, counted from 0."""
        ...

    def tell(self, notes: Sequence[Note], noted: int, step: int, state: str) -> None:
        """Takes the run's history, of which lines up to event ``noted`` were told before, and how the run stands."""
        ...

    def flush(self) -> bool:
        """Passes on what was taken; False where only ``close`` can say that it has arrived."""
        ...

    def close(self, state: str, ended: float) -> None:
        """Ends the tracker's run.

        Args:
            state: of the run, as ``status`` has it; where it goes on without the mirror, that is no final one.
            ended: unix seconds of the last event.
        """
        ...

    def discard(self, opened_before: str) -> None:
        """Takes away, or marks, a closed run of the tracker that another one takes the place of.

        Its points were taken back by the log, or nobody knows how many of them it has.
        """
        ...


def _dotted(value: Any, prefix: str) -> list[tuple[str, bool | int | float | str]]:
    if isinstance(value, Mapping):
        return [pair for key, item in value.items() for pair in _dotted(item, f"{prefix}.{key}" if prefix else key)]
    if value is None:
        return []
    if isinstance(value, bool | int | float | str):
        return [(prefix, value)]
    return [(prefix, msgspec.json.encode(value).decode())]
