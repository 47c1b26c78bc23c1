"""When a study will be done: what runs have told, one after another on the devices there are; else it is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs_factory import RunWriter
from study_homes import STUDY, finished_run, launched, measured, member

from engine import events
from tui.follow.study_state import study_state
from tui.follow.study_time_left import TimeLeft

PACE = 0.078  # seconds of a step in the factory: the mean of .070, .074, .078, .082 and .086
EVALUATION = 3 * 1.9  # on three benchmarks
WHOLE = 400 * PACE + 3 * EVALUATION  # at the start as well, as the config says


def left_of(writers: list[RunWriter]) -> TimeLeft:
    state = study_state(STUDY, [member(writer.folder) for writer in writers])
    for writer in writers:
        writer.die()
    assert state is not None
    return state.left


def queued(home: Path, condition: str, seed: int, number: int) -> RunWriter:
    writer = launched(home, condition, seed, number).live().started()
    return writer.add(events.Device(name="cpu (2 threads)", waiting_for="cpu slot 0"))


def test_a_run_that_trains_has_its_steps_and_its_evaluations_before_it(home: Path) -> None:
    running = launched(home, "standard", 0).live().started().steps(1, 200)
    left = left_of([measured(running, 200).steps(201, 300)])
    assert left.seconds == pytest.approx(100 * PACE + EVALUATION, rel=0.01)


def test_the_queue_adds_up_on_one_device(home: Path) -> None:
    running = measured(launched(home, "standard", 1, 1).live().started().steps(1, 200), 200).steps(201, 300)
    waiting = [queued(home, "standard", 2, 2), queued(home, "hybrid", 2, 3)]
    left = left_of([finished_run(home, "standard", 0), running, *waiting])
    first = 100 * PACE + EVALUATION
    times = [run.done_in for run in left.runs]
    assert times == pytest.approx([first, first + WHOLE, first + 2 * WHOLE], rel=0.02)
    assert left.seconds == times[-1]
    assert (left.done, left.total) == (1, 4)


def test_two_runs_at_once_are_two_devices_for_those_that_wait(home: Path) -> None:
    live = [
        measured(launched(home, "standard", seed, seed).live().started().steps(1, 200), 200).steps(201, to)
        for seed, to in ((1, 300), (2, 350))
    ]
    left = left_of([*live, queued(home, "hybrid", 2, 3)])
    slow, quick, waiting = (run.done_in for run in left.runs)
    assert slow is not None
    assert quick is not None
    assert waiting is not None
    assert quick < slow
    assert waiting == pytest.approx(quick + WHOLE, rel=0.02), "it takes the device that is free first"


def test_before_any_run_has_told_its_pace_the_time_is_unknown(home: Path) -> None:
    left = left_of([launched(home, "standard", 0).live().started(), queued(home, "hybrid", 0, 1)])
    assert [run.done_in for run in left.runs] == [None, None]
    assert left.seconds is None


def test_an_evaluation_that_nobody_has_timed_leaves_the_time_unknown(home: Path) -> None:
    left = left_of([launched(home, "standard", 0).live().started().steps(1, 100)])
    assert left.seconds is None


def test_what_waits_for_a_person_is_no_part_of_the_time_and_is_counted_apart(home: Path) -> None:
    paused = launched(home, "mono", 0, 1).started().steps(1, 100).saved(100).add(events.RunPaused(step=100))
    crashed = launched(home, "hybrid", 0, 2).started().steps(1, 100)
    left = left_of([finished_run(home, "standard", 0), paused, crashed])
    assert left.going == ()
    assert [run.row.state for run in left.waiting] == ["paused", "crashed"]
    assert left.seconds == 0.0
    assert dict(left.states or {}) == {"paused": 1, "crashed": 1}


def test_a_study_that_is_finished_has_nothing_left(home: Path) -> None:
    left = left_of([finished_run(home, "standard", 0)])
    assert (left.runs, left.done, left.total) == ((), 1, 1)
