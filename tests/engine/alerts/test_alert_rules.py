"""Which events break which rules, and what ends an attempt."""

from __future__ import annotations

import math

import msgspec
import pytest
from making import config as training
from making import started, steps
from random_events import result

from engine import events
from engine.alerts.rules import Alert, Rules, ending_before, ending_now
from engine.config import AlertsConfig, RunConfig
from engine.events import AnyEvent
from engine.runs.fold import fold
from engine.runs.lock import Liveness, Owner
from engine.runs.state import RunState

DEAD = Liveness(alive=False, owner=None)


def config(*bounds: str, **alerts: object) -> RunConfig:
    rules = AlertsConfig(targets=("file://x",), bounds=bounds, **alerts)  # type: ignore[arg-type]
    return msgspec.structs.replace(training(), alerts=rules)


def told(rules: RunConfig, *log: AnyEvent) -> list[str]:
    book, state = Rules(rules), RunState()
    alerts: list[Alert] = []
    for event in log:
        fold(state, event)
        alerts += book.after(event, state)
    return [alert.text for alert in alerts]


def state_after(*log: AnyEvent) -> RunState:
    state = RunState()
    for number, event in enumerate(log, start=1):
        fold(state, msgspec.structs.replace(event, seq=number, t=float(number), attempt=event.attempt or 1))
    return state


def test_the_first_loss_that_is_not_finite_is_told_once() -> None:
    log = [started(), steps(1, [1.0, math.nan, math.inf]), steps(4, [math.nan])]
    assert told(config(), *log) == ["loss is nan at step 2"]
    assert told(config(loss_not_finite=False), *log) == []


def test_every_step_of_an_event_is_held_against_a_bound_on_the_loss() -> None:
    """The state keeps the last one only."""
    assert told(config("loss > 5"), started(), steps(1, [1.0, 7.5, 1.0]), steps(4, [9.0])) == [
        "loss is 7.5 at step 2, beyond loss > 5"
    ]


def evaluated(step: int, value: float, benchmark: str = "cldr") -> events.EvalFinished:
    measured = msgspec.structs.replace(result(value), metrics={"map_monolingual": value})
    return events.EvalFinished(benchmark=benchmark, step=step, seconds=1.0, result=measured)


def test_bounds_on_measures_are_of_their_benchmark_or_of_all() -> None:
    log = [started(), evaluated(10, 0.4, "cldr-en"), evaluated(20, 0.4), evaluated(30, 0.4)]
    assert told(config("map_monolingual < 0.5"), *log) == [
        "map_monolingual is 0.4 on cldr-en at step 10, beyond map_monolingual < 0.5"
    ]
    assert told(config("cldr map_monolingual < 0.5"), *log) == [
        "map_monolingual is 0.4 on cldr at step 20, beyond cldr map_monolingual < 0.5"
    ]
    assert told(config("map_monolingual > 0.5", "rank_distance > 1"), *log) == []


def test_an_untrained_model_breaks_no_bound() -> None:
    assert told(config("map_monolingual < 0.5"), started(), evaluated(0, 0.1)) == []
    measured = msgspec.structs.replace(config("map_monolingual < 0.5"), kind="evaluation")
    assert told(measured, started(), evaluated(0, 0.1)) != []


def test_no_progress_is_told_once_an_attempt() -> None:
    rules = Rules(config(no_progress_minutes=1.0))
    state = state_after(started(), steps(1, [1.0]), events.Heartbeat(progress_age=50.0))
    assert list(rules.without_progress(state, 5.0)) == []
    (alert,) = rules.without_progress(state, 20.0)
    assert alert.text == "no progress for 1.2 minutes"
    assert list(rules.without_progress(state, 90.0)) == []
    fold(state, events.RunResumed(from_step=0, host="here", pid=1, attempt=2))
    assert [alert.attempt for alert in rules.without_progress(state, 90.0)] == [2]


@pytest.mark.parametrize(
    "last", [events.Device(name="", waiting_for="a GPU"), events.RunPaused(step=1)], ids=["queued", "paused"]
)
def test_who_waits_or_has_ended_need_not_progress(last: AnyEvent) -> None:
    state = state_after(started(), last)
    assert list(Rules(config(no_progress_minutes=1.0)).without_progress(state, 1e6)) == []
    assert list(Rules(config(no_progress_minutes=0.0)).without_progress(state_after(started()), 1e6)) == []


@pytest.mark.parametrize(
    ("last", "end"),
    [
        (events.RunFinished(step=9, seconds=1.0), "finished"),
        (events.RunFailed(error="broken", last_lines=[]), "failed"),
        (events.RunPaused(step=9), "paused"),
        (events.RunStopped(step=9), "stopped"),
        (steps(9, [1.0]), "crashed"),
    ],
)
def test_an_end_is_the_same_seen_at_once_and_seen_at_the_resume(last: AnyEvent, end: str) -> None:
    state = state_after(started(), steps(1, [1.0]), last)
    live = ending_now(state, DEAD, 10.0)
    later = ending_before(events.RunResumed(from_step=0, host="here", pid=1), state)
    assert live is not None
    assert live == later
    assert (live.state, live.attempt) == (end, 1)


def test_a_live_run_has_no_end() -> None:
    state = state_after(started(), events.RunPaused(step=1))
    assert ending_now(state, Liveness(alive=True, owner=None), 10.0) is None
    assert ending_now(state, Liveness(alive=None, owner=None), 10.0) is None


def test_a_process_that_only_evaluated_ends_nothing() -> None:
    again = events.RunResumed(from_step=1, host="here", pid=1, purpose="evaluate", attempt=2)
    before = state_after(started(), events.RunPaused(step=1))
    ending = ending_before(again, before)
    assert ending is not None
    assert (ending.state, ending.attempt) == ("paused", 1)
    killed = state_after(started(), events.RunPaused(step=1), again)
    assert ending_now(killed, DEAD, 10.0) is None
    assert ending_before(events.RunResumed(from_step=1, host="here", pid=1), killed) is None


def test_a_worker_that_died_before_its_first_event_is_an_end_of_its_own() -> None:
    state = state_after(started(), events.RunPaused(step=1))
    owner = Owner(host="here", boot_id="", pid=1, start_time=0, attempt=2, token="")
    ending = ending_now(state, Liveness(alive=False, owner=owner), 10.0)
    assert ending is not None
    assert (ending.state, ending.attempt) == ("crashed", 2)


def test_text_of_an_error_cannot_drive_a_terminal() -> None:
    state = state_after(started(), events.RunFailed(error="bad\x1b]0;title\x07", last_lines=[]))
    ending = ending_now(state, DEAD, 10.0)
    assert ending is not None
    assert ending.alert().text == "failed at step 0: bad␛]0;title\\x07"
