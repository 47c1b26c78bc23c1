"""The state a person is shown: log and lock together, never optimistic."""

from __future__ import annotations

import msgspec
import pytest
from making import started, steps

from engine import events
from engine.runs.folder import RunFolder
from engine.runs.lock import Liveness, Owner, RunLock
from engine.runs.log import EventLog
from engine.runs.reader import RunReader
from engine.runs.state import Pace, RunState
from engine.runs.status import STALLED_AFTER, reason, shown_state, status_of

OWNER = Owner(host="far", boot_id="b", pid=7, start_time=1, attempt=1, token="t")
ALIVE, DEAD, UNKNOWN = Liveness(True, OWNER), Liveness(False, OWNER), Liveness(None, OWNER)
NOW = 1000.0


def state(phase: str, **fields: object) -> RunState:
    return msgspec.structs.replace(RunState(attempt=1, started=1.0, updated=NOW), phase=phase, **fields)


@pytest.mark.parametrize("phase", ["queued", "starting", "running", "evaluating", "pausing", "stopping"])
def test_unfinished_log_is_itself_while_alive_and_crashed_when_the_lock_is_free(phase: str) -> None:
    assert shown_state(state(phase), ALIVE, NOW) == phase
    assert shown_state(state(phase), DEAD, NOW) == "crashed"
    assert shown_state(state(phase), UNKNOWN, NOW) == phase


@pytest.mark.parametrize("phase", ["paused", "stopped", "finished", "failed"])
def test_final_event_stands_without_a_worker(phase: str) -> None:
    assert shown_state(state(phase), DEAD, NOW) == phase
    assert shown_state(state(phase), UNKNOWN, NOW + 1e6) == phase


def test_paused_run_that_still_holds_its_lock_is_pausing() -> None:
    assert shown_state(state("paused"), ALIVE, NOW) == "pausing"
    assert shown_state(state("stopped"), ALIVE, NOW) == "stopping"


def test_resumed_run_is_starting_before_its_first_event() -> None:
    next_owner = Liveness(True, msgspec.structs.replace(OWNER, attempt=2, pid=0))
    for phase in ("paused", "running", "failed"):
        assert shown_state(state(phase), next_owner, NOW) == "starting"


def test_death_of_a_process_that_only_evaluated_leaves_the_run_as_it_was() -> None:
    assert shown_state(state("evaluating", former_phase="finished"), DEAD, NOW) == "finished"


def test_stalled_by_heartbeats_without_progress_or_by_silence() -> None:
    beating = state("running", progress_age=STALLED_AFTER + 1)
    assert shown_state(beating, ALIVE, NOW) == "stalled"
    assert shown_state(state("running"), ALIVE, NOW + STALLED_AFTER + 1) == "stalled"
    assert "no progress for 121 s" in reason(beating, ALIVE, NOW)
    slow = state("running", recent=[Pace(steps=1, seconds=60.0, tokens=None, flops=None)])
    assert shown_state(slow, ALIVE, NOW + STALLED_AFTER + 1) == "running", "slow steps have more patience"
    assert shown_state(state("queued"), ALIVE, NOW + 1e6) == "queued", "a queue makes no progress by nature"


def test_silent_run_of_another_machine_is_stalled_and_says_what_to_do() -> None:
    assert shown_state(state("running"), UNKNOWN, NOW + 61) == "stalled"
    assert "far" in reason(state("running"), UNKNOWN, NOW + 61)
    assert "--take-over" in reason(state("running"), UNKNOWN, NOW + 61)


def test_clock_that_steps_back_makes_no_negative_age() -> None:
    assert shown_state(state("running", progress_age=STALLED_AFTER - 1), ALIVE, NOW - 1e6) == "running"
    assert "no progress for 130 s" in reason(state("running", progress_age=130.0), ALIVE, NOW - 1e6)


def test_reasons_tell_where_a_run_can_be_resumed() -> None:
    assert reason(state("running", checkpoint_step=4000), DEAD, NOW) == "killed, resumable from step 4,000"
    assert reason(state("running"), DEAD, NOW) == "killed, resumable from the beginning"
    assert "worker.log" in reason(RunState(), DEAD, NOW)
    assert reason(state("failed", error="boom", hint="less"), DEAD, NOW) == "boom (less)"
    queued = state("queued", device=events.Device(name="cpu", waiting_for="cpu (held by run x)"))
    assert reason(queued, ALIVE, NOW) == "waiting for cpu (held by run x)"


def test_status_is_the_documented_object(folder: RunFolder) -> None:
    lock = RunLock.acquire(folder)
    lock.write_owner(1)
    log = EventLog.open(folder, 1)
    log.append(started("bare", max_steps=9))
    log.append(steps(1, [2.0, float("nan")]))
    found = msgspec.to_builtins(status_of(RunReader(folder)))
    assert list(found) == [
        "id", "name", "kind", "mode", "state", "step", "max_steps", "loss", "metrics", "sampled_of", "host", "pid",
        "updated", "error", "note", "tags", "pinned", "last_words",
    ]  # fmt: skip
    assert (found["state"], found["step"], found["max_steps"], found["loss"]) == ("running", 2, 9, "NaN")
    assert found["pid"] is not None
    log.close()
    lock.release()
    ended = status_of(RunReader(folder))
    assert (ended.state, ended.pid, ended.error) == ("crashed", None, "killed, resumable from the beginning")


def test_worker_that_died_before_its_first_event_is_a_crashed_run_with_its_spec(folder: RunFolder) -> None:
    found = status_of(RunReader(folder))
    assert (found.name, found.state, found.mode, found.max_steps) == ("bare", "crashed", "hybrid", 20)
    assert found.updated == 1.0
