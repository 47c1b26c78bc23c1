"""Has the answer of a study computed while its screen goes on, whenever another of its runs has results."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from engine.export.background import JobProgress
from engine.export.study_job import StudyOutcome, StudyRequest
from tui.background import Owner
from tui.follow.study_state import StudyState
from tui.host import Host
from tui.job_process import ask_beside
from tui.numbers import visible
from tui.study.answer_so_far import AnswerSoFar

Known = frozenset[tuple[str, str]]  # (run, benchmark) with a result that is final


class Answerer:
    """Of one screen; ``changed`` is called in the interface's thread whenever there is something new to show.

    What comes after ``close`` is dropped. While one answer is computed the next has to wait: runs that finish quickly
    would else never let it come to an end.
    """

    def __init__(self, owner: Owner, changed: Callable[[], None]) -> None:
        self.answer: AnswerSoFar | None = None  # stands until a newer one is there
        self.error = ""
        self.work = ""  # what is computed now
        self._owner, self._changed = owner, changed
        self._asked: Known = frozenset()
        self._waits: tuple[Host, StudyState] | None = None
        self._cancelled = threading.Event()
        self._busy = self._closed = False

    def ask(self, host: Host, state: StudyState) -> None:
        """Nothing is computed where nothing is new, or where the baseline has nothing to be compared with."""
        known = _known(state)
        if self._closed or known == self._asked or not _comparable(state, known):
            self._waits = None
            return
        if self._busy:
            self._waits = host, state
            return
        self._busy, self._asked, self._waits = True, known, None
        self._cancelled, self.work = threading.Event(), "computing"
        runs = tuple(str(row.folder.path) for row in state.rows)
        finished = len({run for run, _ in known})
        request = StudyRequest(runs=runs)
        host.background.run(
            self._owner,
            partial(self._compute, host, request, self._cancelled),
            partial(self._computed, host, finished, len(runs)),
            failed=lambda line: self._done(host, None, line),
        )

    def close(self) -> None:
        """Ends what is still computed."""
        self._closed = True
        self._cancelled.set()

    def _compute(self, host: Host, request: StudyRequest, cancelled: threading.Event) -> StudyOutcome | None:
        """In a thread of its own."""
        report = host.background.report
        return compute(request, lambda progress: report(self._owner, partial(self._progressed, progress)), cancelled)

    def _computed(self, host: Host, count: int, total: int, outcome: StudyOutcome | None) -> None:
        self._done(host, AnswerSoFar(outcome, count, total) if outcome is not None else None, "")

    def _progressed(self, progress: JobProgress) -> None:
        if not self._closed:
            self.work = f"computing {visible(progress.what)}, part {progress.done + 1} of {progress.total}"
            self._changed()

    def _done(self, host: Host, answer: AnswerSoFar | None, error: str) -> None:
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
