"""One run per device: the second waits and can say for whom."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from making import python, until

from engine.runs.device_locks import DeviceLock, cpu_slots
from engine.runs.errors import RunError

HOLDER = """
import time
from engine.runs.device_locks import cpu_slots
assert cpu_slots()[0].try_acquire("run x, pid 1")
print("held", flush=True)
time.sleep(60)
"""


def test_device_is_held_by_one_process_until_it_dies() -> None:
    process = python(HOLDER)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    (slot,) = cpu_slots()
    assert not slot.try_acquire("run y, pid 2")
    assert slot.holder() == "run x, pid 1"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: slot.try_acquire("run y, pid 2"), "the killed holder's device")
    assert DeviceLock("cpu-0").holder() == "run y, pid 2"
    slot.release()
    slot.release()
    assert DeviceLock("cpu-0").holder() == ""


def test_device_once_held_stays_held_when_asked_again() -> None:
    lock = DeviceLock("gpu-1234")
    assert lock.try_acquire("a")
    assert lock.try_acquire("a")
    assert not DeviceLock("gpu-1234").try_acquire("b")
    lock.release()


def test_cpu_slots_follow_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_TUI_CPU_SLOTS", "3")
    slots = cpu_slots()
    assert len({slot.path for slot in slots}) == 3
    assert all(slot.try_acquire("a") for slot in slots)
    for slot in slots:
        slot.release()
    for wrong in ("0", "-1", "two", ""):
        monkeypatch.setenv("HYBRID_TUI_CPU_SLOTS", wrong)
        with pytest.raises(RunError, match="whole number"):
            cpu_slots()


def test_locks_lie_in_the_user_s_state_folder_one_for_each_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    here = Path("hybrid-tui") / "devices" / socket.gethostname() / "cpu-0.lock"
    assert DeviceLock("cpu-0").path == tmp_path / "elsewhere" / here
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert DeviceLock("cpu-0").path == tmp_path / ".local" / "state" / here
    for wrong in ("", "../escape", f"a{os.sep}b", ".hidden"):
        with pytest.raises(ValueError, match="not a device name"):
            DeviceLock(wrong)
