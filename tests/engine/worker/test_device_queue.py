"""A run in the queue asks nothing of a device that another run holds, and leaves one that others use."""

from __future__ import annotations

from types import SimpleNamespace

from engine.config import RuntimeConfig
from engine.runs.device_locks import DeviceLock, devices_folder
from engine.runs.folder import RunFolder
from engine.runs.waiting_line import PlaceInLine
from engine.worker import devices as device


def wait(monkeypatch, tmp_path, candidates, turns, run="run"):
    """Waits for one of ``candidates``; each turn in the queue calls the next of ``turns``."""
    told = []
    left = iter(turns)
    session = SimpleNamespace(folder=RunFolder(tmp_path / run), emit=told.append, boundary=lambda within: next(left)())
    monkeypatch.setattr(device, "_cpus", lambda runtime, unusable: [(candidate,) for candidate in candidates])
    monkeypatch.setattr(device, "_POLL_SECONDS", 0.0)
    return device.wait_for_device(RuntimeConfig(devices="cpu"), session), told


def test_a_held_device_is_not_asked_for_its_memory(monkeypatch, tmp_path):
    """Asking starts a program, for each of the runs that wait and many times a minute."""
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


def test_a_free_device_is_left_to_whoever_waits_for_it_already(monkeypatch, tmp_path):
    """Of those of equal age the lesser name comes first; a place goes with its process, or with its run."""
    earlier, elsewhere = PlaceInLine("a", {"gpu-c", "gpu-d"}), PlaceInLine("b", {"gpu-e"})
    candidate = device._Candidate("cpu", "GPU0", DeviceLock("gpu-c"), lambda: None)
    held, told = wait(monkeypatch, tmp_path, [candidate], [lambda: None, earlier.leave], run="c")
    assert [event.waiting_for for event in told] == ["GPU0 (after a)", None]
    held.release()
    elsewhere.leave()
    assert not list((devices_folder() / "queue").iterdir())


def test_one_of_two_devices_is_enough_where_nobody_waits_for_the_other(monkeypatch, tmp_path):
    earlier = PlaceInLine("a", {"gpu-c"})
    candidates = [device._Candidate("cpu", name, DeviceLock(name), lambda: None) for name in ("gpu-c", "gpu-d")]
    held, told = wait(monkeypatch, tmp_path, candidates, [], run="b")
    assert (held.name, [event.waiting_for for event in told]) == ("gpu-d", [None])
    held.release()
    earlier.leave()
