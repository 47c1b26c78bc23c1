"""A run in the queue asks nothing of a device that another run holds, and leaves one that others use."""

from __future__ import annotations

from types import SimpleNamespace

from engine import device
from engine.config import RuntimeConfig
from engine.runs.devices import DeviceLock
from engine.runs.folder import RunFolder


def wait(monkeypatch, tmp_path, candidates, turns):
    """Waits for one of ``candidates``; each turn in the queue calls the next of ``turns``."""
    told = []
    left = iter(turns)
    session = SimpleNamespace(
        folder=RunFolder(tmp_path / "run"), emit=told.append, boundary=lambda within: next(left)()
    )
    monkeypatch.setattr(device, "_candidates", lambda runtime: candidates)
    monkeypatch.setattr(device, "_POLL_SECONDS", 0.0)
    return device.wait_for_device(RuntimeConfig(), session), told


def test_a_held_device_is_not_asked_for_its_memory(monkeypatch, tmp_path):
    """Asking makes a context on it, which takes memory from the run that holds it."""
    other, asked = DeviceLock("gpu-a"), []
    assert other.try_acquire("other run")
    candidate = device._Candidate("cpu", "GPU0", DeviceLock("gpu-a"), lambda: asked.append(1))
    held, told = wait(monkeypatch, tmp_path, [candidate], [lambda: asked.append(0), other.release])
    assert asked == [0, 1]
    assert [event.waiting_for for event in told] == ["GPU0 (held by other run)", None]
    held.release()


def test_a_device_that_others_use_is_left_to_them(monkeypatch, tmp_path):
    answers = iter(["60 of 80 GiB in use", None])
    candidate = device._Candidate("cpu", "GPU0", DeviceLock("gpu-b"), lambda: next(answers))
    free = []
    probe = DeviceLock("gpu-b")

    def look():
        free.append(probe.try_acquire("a look"))
        probe.release()

    held, told = wait(monkeypatch, tmp_path, [candidate], [look])
    assert free == [True]
    assert told[0].waiting_for == "GPU0 (60 of 80 GiB in use)"
    assert held.name == "GPU0"
    held.release()
