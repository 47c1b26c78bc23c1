"""Has comparisons computed while a screen goes on, shows the newest that was asked for, and remembers the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from engine.export.background import JobProgress
from engine.export.compare_job import CompareOutcome
from tui.background import Owner
from tui.compare.job import KEPT, Choice, compute
from tui.compare.table import Comparison, to_comparison
from tui.host import Host

_PARTS = 6  # of a computation, until it has told how many there are


class Comparator:
    """Of one screen; ``changed`` is called in the interface's thread whenever there is something new to show."""

    def __init__(self, host: Host, owner: Owner, changed: Callable[[], None]) -> None:
        self.comparison: Comparison | None = None  # stands until a newer one is there
        self.error = ""
        self.progress: JobProgress | None = None  # while something is computed
        self._host, self._owner, self._changed = host, owner, changed
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
        known = self._host.comparisons.get(choice.key)
        if known is not None:
            if self._shown is None or self._shown.key != choice.key:
                self._take(known, choice)
        elif self._asked is None or self._asked.key != choice.key:
            self._cancelled.set()
            self._cancelled, self._asked, self.error = threading.Event(), choice, ""
            self.progress = JobProgress(what="starting", done=0, total=_PARTS)
            self._host.background.run(
                self._owner,
                partial(self._compute, choice, self._cancelled),
                partial(self._computed, choice),
                failed=partial(self._failed, choice),
            )
            self._changed()

    def close(self) -> None:
        """Ends what is still computed."""
        self._cancelled.set()

    def _compute(self, choice: Choice, cancelled: threading.Event) -> CompareOutcome | None:
        """In a thread of its own."""

        def tell(progress: JobProgress) -> None:
            self._host.background.report(self._owner, partial(self._progressed, choice, progress))

        return compute(choice.request(), tell, cancelled)

    def _progressed(self, choice: Choice, progress: JobProgress) -> None:
        if choice is self._asked:
            self.progress = progress
            self._changed()

    def _failed(self, choice: Choice, error: str) -> None:
        if choice is self._asked:
            self.progress, self.comparison, self.error = None, None, error
            self._changed()

    def _computed(self, choice: Choice, done: CompareOutcome | None) -> None:
        if done is None:  # cancelled
            return
        kept = self._host.comparisons
        kept[choice.key] = done
        while len(kept) > KEPT:
            kept.popitem(last=False)
        if choice is self._asked:
            self._take(done, choice)

    def _take(self, done: CompareOutcome, choice: Choice) -> None:
        self._shown, self._asked, self.progress, self.error = choice, choice, None, ""
        self.comparison = to_comparison(done, choice.rows)
        self._changed()
