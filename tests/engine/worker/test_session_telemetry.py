"""What a session writes beside the steps: samples of the device, learned temperatures, time that a GPU took."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from making import bare_run, recorded

from engine import events
from engine.runs.lock import RunLock
from engine.runs.log import EventLog
from engine.runs.reader import RunReader
from engine.runs.state import RunState
from engine.worker import session as session_module
from engine.worker.session import Session


@dataclass
class Record:
    """One update whose loss a device has ready only after ``delay`` seconds."""

    step: int
    temperature: float | None = None
    delay: float = 0.0
    mode: str = "mono"
    lr: float = 0.1
    masked: float = 0.0
    grad_norm: float = 1.0
    seconds: float = 0.5
    data_wait: float = 0.1
    tokens: int = 9
    flops: float = 100.0

    def has_arrived(self) -> bool:
        return self.delay == 0

    @property
    def loss(self) -> float:
        time.sleep(self.delay)
        return 1.0


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setattr(session_module, "HEARTBEAT_SECONDS", 0.005)
    folder = bare_run(tmp_path)
    lock = RunLock.acquire(folder)
    session = Session(folder, lock, EventLog.open(folder, 1), RunState(), 1)
    yield session
    lock.release()


def beating(session: Session, seconds: float = 0.2) -> list[events.AnyEvent]:
    """What is recorded while its heart beats for a while; signals are left alone."""
    session._heart.start()
    time.sleep(seconds)
    session.close()
    session._heart.join()
    return recorded(session.folder)


def test_every_heartbeat_comes_with_a_sample(session: Session) -> None:
    session.telemetry = lambda: events.Device(name="GPU0", utilization=50.0)
    found = beating(session)
    devices = [event for event in found if isinstance(event, events.Device)]
    beats = [event for event in found if isinstance(event, events.Heartbeat)]
    assert len(devices) == len(beats) > 1
    assert session.state.device is not None
    assert session.state.device.utilization == 50.0


def test_a_driver_that_fails_does_not_stop_the_heart(session: Session) -> None:
    def fail() -> events.Device:
        raise OSError("the driver is gone")

    session.telemetry = fail
    found = beating(session)
    assert len(found) > 1
    assert all(isinstance(event, events.Heartbeat) for event in found)


def steps_of(session: Session, records: list[Record]) -> list[events.Step]:
    for record in records:
        session.record(record)
    session.flush()
    session.close()
    return [event for event in recorded(session.folder) if isinstance(event, events.Step)]


def test_what_a_gpu_computed_meanwhile_counts_as_time_of_its_steps(session: Session) -> None:
    """``seconds`` of an update is the time to enqueue it, 0.5 here; the rest shows when a loss is read."""
    written = steps_of(session, [Record(1, delay=0.1), Record(2)])
    assert sum(sum(event.seconds) for event in written) >= 1.1
    assert [value for event in written for value in event.flops] == [100.0, 100.0]


def test_temperatures_are_written_where_they_are_learned(session: Session) -> None:
    written = steps_of(session, [Record(step, temperature=step / 100) for step in (1, 2)])
    assert [value for event in written for value in event.temperature] == [0.01, 0.02]


def test_a_temperature_that_is_no_number_is_a_line_that_can_be_read(session: Session) -> None:
    """As with a loss: JSON has no word for it."""
    written = steps_of(session, [Record(1, temperature=math.nan)])
    assert [event.temperature for event in written] == [["NaN"]]
    assert math.isnan(session.state.temperature or 0.0)
    reader = RunReader(session.folder, series=True)
    reader.poll()
    assert reader.skipped == 0
    assert reader.series is not None
    assert math.isnan(reader.series.temperature[0])
    assert RunReader(session.folder).state.temperature is None, "the snapshot that closing wrote can be read"


def test_fixed_temperatures_are_not(session: Session) -> None:
    assert all(event.temperature == [] for event in steps_of(session, [Record(1), Record(2)]))


@dataclass
class LateRecord(Record):
    """One update that is still computed, until ``arrived``."""

    arrived: bool = False

    def has_arrived(self) -> bool:
        return self.arrived

    @property
    def loss(self) -> float:
        assert self.arrived, "somebody waits for the device"
        return float(self.step)


def test_a_step_event_waits_for_no_device_and_the_last_one_has_all(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps whose loss is not there yet are written with the next event, in their order."""
    monkeypatch.setattr(session_module, "STEP_EVENT_SECONDS", 0.0)
    records = [LateRecord(step) for step in range(1, 7)]
    for newest, record in enumerate(records):
        session.record(record)  # the two updates before it are on their way too
        for older in records[: max(0, newest - 1)]:
            older.arrived = True
    assert session.state.step == 3
    for record in records:
        record.arrived = True
    session.flush()
    session.close()
    written = [event for event in recorded(session.folder) if isinstance(event, events.Step)]
    assert [event.first_step for event in written] == [1, 2, 3, 4]
    assert [loss for event in written for loss in event.loss] == [1, 2, 3, 4, 5, 6]
