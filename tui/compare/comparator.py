"""Has comparisons computed while a screen goes on, shows the newest that was asked for, and remembers the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from engine.config import ConfigError
from engine.export.background import JobProgress
from engine.export.compare_job import CompareOutcome
from tui.compare.job import KEPT, Choice, compute
from tui.compare.table import Comparison, to_comparison
from tui.numbers import visible

if TYPE_CHECKING:
    from tui.app import Dashboard

_PARTS = 6  # of a computation, until it has told how many there are


class Comparator:
    """Of one screen; ``changed`` is called in the interface's thread whenever there is something new to show."""

    def __init__(self, dashboard: Dashboard, changed: Callable[[], None]) -> None:
        self.comparison: Comparison | None = None  # stands until a newer one is there
        self.error = ""
        self.progress: JobProgress | None = None  # while something is computed
        self._dashboard, self._changed = dashboard, changed
        self._shown: Choice | None = None
        self._asked: Choice | None = None
        self._cancelled = threading.Event()

    def ask(self, choice: Choice | None) -> None:
        """Shows the comparison at once where it is known; None: there is nothing to compare."""
        if choice is None:
            self._cancelled.set()
            self.comparison = self.progress = self._shown = self._asked = None
            self._changed()
            return
        known = self._dashboard.comparisons.get(choice.key)
        if known is not None:
            if self._shown is None or self._shown.key != choice.key:
                self._take(known, choice)
        elif self._asked is None or self._asked.key != choice.key:
            self._cancelled.set()
            self._cancelled, self._asked, self.error = threading.Event(), choice, ""
            self.progress = JobProgress(what="starting", done=0, total=_PARTS)
            work = partial(self._compute, choice, self._cancelled)
            self._dashboard.run_worker(work, thread=True, exit_on_error=False, group="compare")
            self._changed()

    def close(self) -> None:
        """Ends what is still computed."""
        self._cancelled.set()

    def _compute(self, choice: Choice, cancelled: threading.Event) -> None:
        """In a thread of its own."""
        call = self._dashboard.call_from_thread
        try:
            done = compute(choice.request(), lambda progress: call(self._progressed, choice, progress), cancelled)
        except (ConfigError, OSError, ValueError) as error:
            call(self._failed, choice, visible(str(error)))
        else:
            if done is not None:
                call(self._computed, choice, done)

    def _progressed(self, choice: Choice, progress: JobProgress) -> None:
        if choice is self._asked:
            self.progress = progress
            self._changed()

    def _failed(self, choice: Choice, error: str) -> None:
        if choice is self._asked:
            self.progress, self.comparison, self.error = None, None, error
            self._changed()

    def _computed(self, choice: Choice, done: CompareOutcome) -> None:
        kept = self._dashboard.comparisons
        kept[choice.key] = done
        while len(kept) > KEPT:
            kept.popitem(last=False)
        if choice is self._asked:
            self._take(done, choice)

    def _take(self, done: CompareOutcome, choice: Choice) -> None:
        self._shown, self._asked, self.progress, self.error = choice, choice, None, ""
        self.comparison = to_comparison(done, choice.rows)
        self._changed()
