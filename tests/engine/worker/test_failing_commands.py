"""A command that fails is answered with the reason, and the run goes on; what ends an attempt still ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from making import bare_run, recorded, started, steps

from engine import events
from engine.runs.commands import pending_commands, send_command
from engine.runs.errors import Fatal, RankLost
from engine.runs.lock import RunLock
from engine.runs.log import EventLog
from engine.runs.state import RunState
from engine.worker.session import Leave, LostRun, Session


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    folder = bare_run(tmp_path)
    lock = RunLock.acquire(folder)
    lock.write_owner(1)
    session = Session(folder, lock, EventLog.open(folder, 1), RunState(), 1)
    yield session
    session.close()
    lock.release()


def raising(error: Exception) -> Callable[[], object]:
    def action() -> None:
        raise error

    return action


def answers(session: Session) -> list[tuple[str, str, str]]:
    return [
        (event.command, event.outcome, event.detail)
        for event in recorded(session.folder)
        if isinstance(event, events.CommandDone)
    ]


@pytest.mark.parametrize("command", ["checkpoint", "evaluate", "pause", "stop"])
def test_an_error_of_a_library_is_the_answer_and_the_run_goes_on(session: Session, command: str) -> None:
    session.checkpoint = session.evaluate = raising(RuntimeError("CUDA error:\n  misaligned address"))
    send_command(session.folder, command)  # type: ignore[arg-type]
    session.boundary()  # a pause or stop that could not save does not leave either
    assert answers(session) == [(command, "failed", "RuntimeError: CUDA error: misaligned address")]
    assert pending_commands(session.folder) == []


def test_a_signal_whose_checkpoint_fails_leaves_the_run_alive(session: Session) -> None:
    session.checkpoint = raising(RuntimeError("no kernel image"))
    session._on_signal(15, None)
    session.boundary()
    assert answers(session) == [("pause", "failed", "RuntimeError: no kernel image")]


def test_a_second_signal_leaves_without_a_checkpoint(session: Session) -> None:
    session.emit(started())
    session.emit(steps(1, [1.0, 1.0]))
    session.checkpoint = raising(OSError("72 MB needed, 21 MB free"))
    session._on_signal(15, None)
    session.boundary()
    session._on_signal(15, None)
    with pytest.raises(Leave) as leave:
        session.boundary()
    assert (leave.value.final, leave.value.saved) == ("paused", False)
    assert [outcome for _, outcome, _ in answers(session)] == ["failed", "done"]


def test_a_signal_after_one_that_could_be_obeyed_late_saves(session: Session) -> None:
    session.emit(started())
    session.emit(steps(1, [1.0, 1.0]))
    session.checkpoint = raising(OSError("72 MB needed, 21 MB free"))
    session._on_signal(15, None)
    session.boundary()
    session.checkpoint = lambda: None  # there is room again
    session._on_signal(15, None)
    with pytest.raises(Leave) as leave:
        session.boundary()
    assert leave.value.saved


@pytest.mark.parametrize(("saved_step", "is_saved"), [(None, False), (1, False), (2, True)])
def test_a_discarded_run_says_whether_anything_is_lost(
    session: Session, saved_step: int | None, is_saved: bool
) -> None:
    session.checkpoint = raising(RuntimeError("not to be called"))
    session.emit(started())
    session.emit(steps(1, [1.0, 1.0]))
    if saved_step is not None:
        session.emit(events.CheckpointSaved(step=saved_step, path="checkpoints/step", bytes=0, seconds=0.0))
    send_command(session.folder, "discard")
    with pytest.raises(Leave) as leave:
        session.boundary()
    assert (leave.value.final, leave.value.saved) == ("stopped", is_saved)
    assert answers(session) == [("discard", "done", "")]


@pytest.mark.parametrize("error", [Leave("stopped"), LostRun(), RankLost("rank 1 is silent"), Fatal()])
def test_what_ends_an_attempt_ends_it_from_within_a_command_too(session: Session, error: Exception) -> None:
    session.evaluate = raising(error)
    send_command(session.folder, "evaluate")
    with pytest.raises(type(error)):
        session.boundary()
    assert answers(session) == []
