"""Answers of a study, and a job that gives them when a test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable

from study_homes import CLAIMS, STUDY

from engine.export.background import JobProgress
from engine.export.report.claims import CHANGED, JudgedClaim
from engine.export.study_job import ConditionAnswer, StudyCell, StudyColumn, StudyOutcome, StudyRequest
from tui.follow.study_state import StudyState

NOT_INFERIOR = "not inferior at the margin of 0.01, for these seeds"


def cell(state: StudyState, condition: str, benchmark: str, measure: str, finished: int) -> StudyCell:
    base = condition == state.baseline
    return StudyCell(
        condition=condition, benchmark=benchmark, measure=measure, finished=finished, planned=3, value=0.8,
        difference=None if base else 0.012, interval=None if base else (0.004, 0.02), p_holm=None if base else 0.003,
        different=False, not_inferior=None if base else True, verdict="" if base else NOT_INFERIOR,
        basis="for these seeds",
    )  # fmt: skip


def outcome_of(state: StudyState, finished: dict[str, int]) -> StudyOutcome:
    """Not inferior everywhere, one claim reproduced and one not measured."""
    places = [(column.key, column.measure) for column in state.columns]
    return StudyOutcome(
        study=STUDY,
        baseline=state.baseline,
        conditions=list(finished),
        columns=[
            StudyColumn(benchmark=key, suite=None, measure=measure, is_primary=True, margin=0.01)
            for key, measure in places
        ],
        cells=[cell(state, name, key, measure, count) for key, measure in places for name, count in finished.items()],
        answers=[ConditionAnswer(condition="hybrid", short="quality kept")],
        claims=[
            JudgedClaim(
                claim=CLAIMS[0], judgement="reproduced", difference=0.003, interval=(-0.002, 0.008), margin=0.01,
                p_holm=0.02, basis="for these seeds", changed=CHANGED,
            ),
            JudgedClaim(claim=CLAIMS[0], judgement="not measured", reason="base has no finished run"),
        ],
        failures={"beir/*": "the baseline standard was not measured on beir/* yet"},
    )  # fmt: skip


def of_finished(state: StudyState) -> StudyOutcome:
    return outcome_of(state, {condition.name: condition.finished for condition in state.conditions})


class Job:
    """Stands in for the process; what was asked of it, and answers that a test lets go."""

    def __init__(self) -> None:
        self.asked: list[StudyRequest] = []
        self.go, self.fail = threading.Event(), False
        self.cancelled: list[threading.Event] = []
        self.outcome: StudyOutcome | None = None

    def __call__(
        self, request: StudyRequest, progress: Callable[[JobProgress], None], cancelled: threading.Event
    ) -> StudyOutcome | None:
        self.asked.append(request)
        self.cancelled.append(cancelled)
        progress(JobProgress(what="xquad-r", done=0, total=3))
        while not self.go.wait(0.02):
            if cancelled.is_set():
                return None
        if self.fail:
            raise RuntimeError("out of memory")
        return self.outcome
