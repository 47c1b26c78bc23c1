"""What the answer of a study says on the screen, and when it is asked for anew."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from helpers.opening import Make, Until, open_study
from helpers.screens import text_of
from helpers.sizes import WIDE
from runs_factory import RunWriter, finished
from study_answers import NOT_INFERIOR, Job, of_finished, outcome_of
from study_homes import CLAIMS, finished_run, launched, measured, state_of

from engine import events
from engine.config import ConfigError
from engine.export.study_job import (
    StudyRequest,
)
from tui.follow.study_state import PRIMARY, StudyState
from tui.study import answerer
from tui.study.answer_so_far import AnswerSoFar, answer_paragraphs

MARKS = {"reproduced": "+", "contradicted": "x", "undecided": "?", "not measured": "-"}


def flat(state: StudyState, answer: AnswerSoFar | None, error: str = "") -> str:
    found = answer_paragraphs(state, answer, error, "", MARKS)
    return "\n".join("".join(part for part, _ in lead) + text for lead, text, _ in found)


def test_claims_are_told_with_their_numbers_and_with_what_was_changed_after_training(under_way: StudyState) -> None:
    text = flat(under_way, AnswerSoFar(of_finished(under_way), 6, 10))
    assert "hybrid: quality kept" in text
    assert "2 claims: 1 reproduced, 1 not measured" in text
    assert f"+ reproduced: {CLAIMS[0].sentence}" in text
    numbers = "nDCG@10 on beir/*, hybrid minus standard: +.003 [-.002, +.008], margin .010, Holm p .020"
    assert f"{numbers}; for these seeds; changed after training" in text
    assert "base has no finished run" in text
    assert "the baseline standard was not measured on beir/* yet" in text


def test_a_verdict_stands_only_beside_the_means_that_it_was_computed_of(under_way: StudyState) -> None:
    """Once another seed is finished, the verdict of the former ones is no verdict on the new mean."""
    hybrid, column = under_way.conditions[1], under_way.columns[0]
    shown = under_way.cell(hybrid, column, PRIMARY)
    now = AnswerSoFar(of_finished(under_way), 6, 10)
    found = now.verdict(under_way, hybrid, column, PRIMARY, shown)
    assert found is not None
    assert found.verdict == NOT_INFERIOR
    for stale in ({"standard": 2, "hybrid": 1}, {"standard": 1, "hybrid": 2}):
        before = AnswerSoFar(outcome_of(under_way, stale), 4, 10)
        assert before.verdict(under_way, hybrid, column, PRIMARY, shown) is None


def test_an_error_is_told_and_without_one_what_is_waited_for(under_way: StudyState) -> None:
    assert "results are missing" in flat(under_way, None, "results are missing")
    assert "The first answer comes when the baseline and another condition" in flat(under_way, None)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Job:
    found = Job()
    monkeypatch.setattr(answerer, "compute", found)
    return found


async def test_intervals_and_verdicts_come_into_the_cells(
    study: list[RunWriter], job: Job, dashboard: Make, until: Until
) -> None:
    job.outcome = of_finished(state_of(study))
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_study(pilot, app, until)
        await until(pilot, lambda: "Computing xquad-r, part 1 of 3" in text_of(app), "the progress")
        assert "no verdict yet" in text_of(app)
        job.go.set()
        await until(pilot, lambda: "as of 6 of 10 runs" in text_of(app), "the answer")
        text = text_of(app)
        assert "not inferior" in text
        assert "[+.004, +.020]" in text
        await pilot.press("down")
        told = "+.012 against standard, 95 % interval +.004 to +.020, Holm p .0030: not inferior at the margin of 0.01"
        assert told in " ".join(text_of(app).split())
        await pilot.press("i")
        assert "[+.004, +.020]" not in text_of(app)
        assert len(job.asked) == 1


async def test_what_goes_wrong_is_told(study: list[RunWriter], job: Job, dashboard: Make, until: Until) -> None:
    job.fail = True
    job.go.set()
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_study(pilot, app, until)
        await until(pilot, lambda: "out of memory" in text_of(app), "the error")


async def test_an_answer_for_a_screen_that_is_gone_is_dropped_and_its_process_ended(
    study: list[RunWriter], job: Job, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_study(pilot, app, until)
        await until(pilot, lambda: job.asked, "the question")
        await pilot.press("q")
        await until(pilot, lambda: job.cancelled[0].is_set(), "the end of the process")
        await pilot.pause(0.1)
        assert screen.answerer.answer is None
        assert screen.answerer.error == ""


async def test_it_is_asked_again_when_a_run_has_finished_but_not_while_one_is_computed(
    home: Path, job: Job, dashboard: Make, until: Until
) -> None:
    """Runs of seconds would else never let an answer come to its end."""
    writers = [finished_run(home, "standard", 0), finished_run(home, "hybrid", 0, 1)]
    running = measured(launched(home, "mono", 0, 2).live().started().steps(1, 200), 200)
    job.outcome = of_finished(state_of([*writers, running]))
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_study(pilot, app, until)
        await until(pilot, lambda: len(job.asked) == 1, "the first question")
        running.steps(201, 300)
        app.feed.hurry()
        await until(pilot, lambda: "75 %" in text_of(app), "further steps")
        measured(running.steps(301, 400), 400).add(events.RunFinished(step=400, seconds=30.0)).die()
        app.feed.hurry()
        await until(pilot, lambda: "3 of 3 runs done" in text_of(app), "the end of the run")
        assert len(job.asked) == 1
        job.go.set()
        await until(pilot, lambda: len(job.asked) == 2, "the second question")
        await until(pilot, lambda: "as of 3 of 3 runs" in text_of(app), "the second answer")
        await pilot.pause(0.1)
        assert len(job.asked) == 2


def test_a_process_that_cannot_answer_says_why(home: Path) -> None:
    writer = finished(home, "alone")
    with pytest.raises(ConfigError, match="belongs to a study"):
        answerer.compute(StudyRequest(runs=(str(writer.folder.path),)), lambda told: None, threading.Event())
