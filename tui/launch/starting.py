"""A start under way: how far it is, and how it is given up."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from engine.config import ConfigError
from engine.runs.folder import RunFolder
from tui import steer
from tui.launch.fields import Draft, check
from tui.numbers import age, visible

KEY = "start of a run"  # one at a time, whoever asks
GIVEN_UP = "given up, no run was made"


class Starting:
    """``phase`` is written by the thread that starts, everything else by the interface's."""

    def __init__(self, name: str, began: float) -> None:
        self.name, self.began = name, began
        self.phase = "checking the data"
        self._abandoned = threading.Event()

    @property
    def given_up(self) -> bool:
        return self._abandoned.is_set()

    def give_up(self) -> None:
        """No run is made, if there is none yet."""
        self._abandoned.set()

    def line(self, now: float) -> str:
        """How far it is, and for how long it has been at it."""
        what = "giving up" if self.given_up else f"starting: {visible(self.phase)}"
        return f"{what}, {age(max(0.0, now - self.began))}"

    def start(self, home: Path, draft: Draft, values: dict[str, str]) -> RunFolder | str:
        """The folder of the run, or what was done to have those of a sweep; in a thread.

        Raises:
            ConfigError, RunError: one line; no run was made.
        """
        checked = check(draft, values)
        if checked.config is None:
            raise ConfigError(f"{checked.field}: {checked.reason}" if checked.field else checked.reason)
        parent = draft.origin.run.id if draft.origin.run is not None else None
        command_line = (Path(sys.argv[0]).name, *sys.argv[1:])
        if checked.study is not None:
            return steer.start_all(home, checked.study, command_line, self._tick)
        return steer.start(home, checked.config, command_line, parent, self._tick)

    def _tick(self, what: str, done: int, total: int | None) -> None:
        if self.given_up:
            raise ConfigError(GIVEN_UP)
        self.phase = what
