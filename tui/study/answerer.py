"""Has the answer of a study computed while its screen goes on, whenever another of its runs has results."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from engine.export.background import JobProgress
from engine.export.study_job import StudyOutcome, StudyRequest
from tui.follow.study_state import StudyState
from tui.job_process import ask_beside
from tui.numbers import visible
from tui.study.answer_so_far import AnswerSoFar

if TYPE_CHECKING:
    from tui.app import Dashboard

Known = frozenset[tuple[str, str]]  # (run, benchmark) with a result that is final


class Answerer:
    """Of one screen; ``changed`` is called in the interface's thread whenever there is something new to show.

    What comes after ``close`` is dropped. While one answer is computed the next has to wait: runs that finish quickly
    would else never let it come to an end.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.answer: AnswerSoFar | None = None  # stands until a newer one is there
        self.error = ""
        self.work = ""  # what is computed now
        self._changed = changed
        self._asked: Known = frozenset()
        self._waits: tuple[Dashboard, StudyState] | None = None
        self._cancelled = threading.Event()
        self._busy = self._closed = False

    def ask(self, dashboard: Dashboard, state: StudyState) -> None:
        """Nothing is computed where nothing is new, or where the baseline has nothing to be compared with."""
        known = _known(state)
        if self._closed or known == self._asked or not _comparable(state, known):
            self._waits = None
            return
        if self._busy:
            self._waits = dashboard, state
            return
        self._busy, self._asked, self._waits = True, known, None
        self._cancelled, self.work = threading.Event(), "computing"
        runs = tuple(str(row.folder.path) for row in state.rows)
        finished = len({run for run, _ in known})
        work = partial(self._compute, dashboard, StudyRequest(runs=runs), finished, len(runs), self._cancelled)
        dashboard.run_worker(work, thread=True, exit_on_error=False, group="study")

    def close(self) -> None:
        """Ends what is still computed."""
        self._closed = True
        self._cancelled.set()

    def _compute(
        self, dashboard: Dashboard, request: StudyRequest, count: int, total: int, cancelled: threading.Event
    ) -> None:
        """In a thread of its own; whatever goes wrong is told."""
        call = dashboard.call_from_thread
        try:
            outcome = compute(request, lambda progress: call(self._progressed, progress), cancelled)
        except Exception as error:
            call(self._done, dashboard, None, visible(str(error)) or type(error).__name__)
        else:
            found = AnswerSoFar(outcome, count, total) if outcome is not None else None
            call(self._done, dashboard, found, "")

    def _progressed(self, progress: JobProgress) -> None:
        if not self._closed:
            self.work = f"computing {visible(progress.what)}, part {progress.done + 1} of {progress.total}"
            self._changed()

    def _done(self, dashboard: Dashboard, answer: AnswerSoFar | None, error: str) -> None:
        if self._closed:
            return
        self._busy, self.work, self.error = False, "", error
        self.answer = answer or self.answer
        if self._waits is not None:
            self.ask(*self._waits)
        self._changed()


def compute(
    request: StudyRequest, progress: Callable[[JobProgress], None], cancelled: threading.Event
) -> StudyOutcome | None:
    """Waits for the process; None when ``cancelled`` was set before it was done.

    Raises:
        ConfigError: the runs cannot be compared; one line.
        OSError: no process can be made.
    """
    return ask_beside("engine.export.study_job", request, StudyOutcome, progress, cancelled)


def _known(state: StudyState) -> Known:
    return frozenset(
        (str(result.run), key) for (_, key), found in state.results.items() for result in found if result.final
    )


def _comparable(state: StudyState, known: Known) -> bool:
    """Whether a benchmark has final results of the baseline and of another condition."""
    if not state.planned:
        return False
    places = {
        (condition, key)
        for (condition, key), found in state.results.items()
        if any((str(result.run), key) in known for result in found)
    }
    return any((state.baseline, key) in places for condition, key in places if condition != state.baseline)
