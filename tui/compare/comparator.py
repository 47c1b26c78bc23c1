"""Has comparisons computed while a screen goes on, shows the newest that was asked for, and remembers the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from engine.export.background import JobProgress
from engine.export.compare_job import CompareOutcome
from tui.background import Owner
from tui.compare.comparison import Comparison, to_comparison
from tui.compare.job import KEPT, Choice, compute
from tui.host import Host

_PARTS = 6  # of a computation, until it has told how many there are


class Comparator:
    """Of one screen; ``changed`` is called in the interface's thread whenever there is something new to show.

    While a comparison is computed, newer evaluations of the same runs wait: runs that are evaluated often would else
    never let it come to an end. Another baseline or benchmark does not wait: nobody wants the former answer any more.
    """

    def __init__(self, host: Host, owner: Owner, changed: Callable[[], None]) -> None:
        self.comparison: Comparison | None = None  # stands until a newer one is there
        self.error = ""
        self.progress: JobProgress | None = None  # while something is computed
        self._host, self._owner, self._changed = host, owner, changed
        self._shown: Choice | None = None
        self._failed: Choice | None = None
        self._computing: Choice | None = None
        self._waiting: Choice | None = None
        self._cancelled = threading.Event()

    def ask(self, choice: Choice | None) -> None:
        """Shows the comparison at once where it is known; None: there is nothing to compare."""
        if choice is None:
            self._stop()
            self.comparison = self._shown = self._failed = None
            self.error = ""
            self._changed()
            return
        if self._computing is not None and self._computing.subject != choice.subject:
            self._stop()
        if (done := self._host.comparisons.get(choice.key)) is not None:
            self._waiting = None
            if self._shown is None or self._shown.key != choice.key:
                self._show(done, choice)
        elif self._computing is not None:
            self._waiting = choice if choice.key != self._computing.key else None
        elif self._failed is None or self._failed.key != choice.key:  # what failed fails again, until something is new
            self._start(choice)

    def close(self) -> None:
        """Ends what is still computed."""
        self._stop()

    def _start(self, choice: Choice) -> None:
        self._cancelled, self._computing, self._waiting = threading.Event(), choice, None
        self.error, self._failed = "", None
        self.progress = JobProgress(what="starting", done=0, total=_PARTS)
        self._host.background.run(
            self._owner,
            partial(self._compute, choice, self._cancelled),
            partial(self._computed, choice),
            failed=partial(self._fail, choice),
        )
        self._changed()

    def _stop(self) -> None:
        self._cancelled.set()
        self._computing = self._waiting = self.progress = None

    def _compute(self, choice: Choice, cancelled: threading.Event) -> CompareOutcome | None:
        """In a thread of its own."""

        def tell(progress: JobProgress) -> None:
            self._host.background.report(self._owner, partial(self._progressed, choice, progress))

        return compute(choice.request(), tell, cancelled)

    def _progressed(self, choice: Choice, progress: JobProgress) -> None:
        if choice is self._computing:
            self.progress = progress
            self._changed()

    def _fail(self, choice: Choice, error: str) -> None:
        if choice is self._computing:
            self.comparison = self._shown = None
            self.error, self._failed = error, choice
            self._next()

    def _computed(self, choice: Choice, done: CompareOutcome | None) -> None:
        if done is None:  # cancelled
            return
        kept = self._host.comparisons
        kept[choice.key] = done
        while len(kept) > KEPT:
            kept.popitem(last=False)
        if choice is self._computing:
            self._show(done, choice)
            self._next()

    def _show(self, done: CompareOutcome, choice: Choice) -> None:
        self._shown, self.error, self._failed = choice, "", None
        self.comparison = to_comparison(done, choice.rows)
        self._changed()

    def _next(self) -> None:
        """Begins what waited for the end of what was computed."""
        waiting = self._waiting
        self._computing = self._waiting = self.progress = None
        if waiting is not None:
            self._start(waiting)
        else:
            self._changed()
