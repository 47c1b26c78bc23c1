"""The devices screen: who is on what, who waits and why; without a GPU, and at NVML's boundary with two."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.opening import Make, Until, first_rows
from helpers.screens import lines_of, text_of
from helpers.sizes import NARROW, WIDE
from runs_factory import START, RunWriter, run_config, running
from textual.pilot import Pilot

from engine import events
from engine.machine import gpus as machine_gpus
from engine.machine.gpu_usage import NoUsage, read_gpus
from engine.runs.device_locks import DeviceLock
from engine.runs.device_queue import holder_of, waiting_line
from engine.runs.waiting_line import PlaceInLine
from tui.app import Dashboard
from tui.devices.screen import DevicesScreen
from tui.follow import devices as module
from tui.follow.devices import DeviceReader
from tui.follow.feed import Feed
from tui.follow.wish import Wish
from tui.run.screen import RunScreen
from tui.theme import DARK

Same = Callable[[Pilot[None]], Awaitable[None]]
FIRST, SECOND = "11111111-aaaa", "22222222-bbbb"


class NVMLError(Exception):
    pass


def fake_nvml(strangers: dict[int, list[int]]) -> types.ModuleType:
    """What nvidia-ml-py answers on a box with two H100; ``strangers``: processes by index of the GPU."""
    nvml: Any = types.ModuleType("pynvml")
    answers = {0: (97, 61, 640_000, 71), 1: (0, 4, 110_000, 38)}
    uuids = {0: FIRST, 1: SECOND}

    def refuse(handle: int) -> object:
        raise NVMLError("Not Supported")

    nvml.NVMLError, nvml.NVML_TEMPERATURE_GPU = NVMLError, 0
    nvml.nvmlInit = lambda: None
    nvml.nvmlDeviceGetCount = lambda: 2
    nvml.nvmlDeviceGetHandleByIndex = lambda index: index
    nvml.nvmlDeviceGetUUID = lambda handle: f"GPU-{uuids[handle]}".encode()  # bytes, as older versions
    nvml.nvmlDeviceGetName = lambda handle: "NVIDIA H100 80GB"
    nvml.nvmlDeviceGetUtilizationRates = lambda handle: types.SimpleNamespace(gpu=answers[handle][0])
    nvml.nvmlDeviceGetMemoryInfo = lambda handle: types.SimpleNamespace(used=answers[handle][1] << 30, total=80 << 30)
    nvml.nvmlDeviceGetPowerUsage = lambda handle: answers[handle][2]
    nvml.nvmlDeviceGetTemperature = lambda handle, sensor: refuse(handle) if handle else 71
    nvml.nvmlDeviceGetComputeRunningProcesses = lambda handle: [
        types.SimpleNamespace(pid=pid, usedGpuMemory=None) for pid in strangers.get(handle, [])
    ]
    return nvml  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state folder of its own, and figures that are the same on every machine."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(module, "usable_cores", lambda: 16)
    monkeypatch.setattr(module, "load_average", lambda: 3.2)
    monkeypatch.setattr(module, "memory", lambda: (9 << 30, 64 << 30))
    monkeypatch.setattr("socket.gethostname", lambda: "box7")


@pytest.fixture
def busy(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunWriter]:
    """Two GPUs: one of our runs on the first, somebody's process on the second; two runs wait."""
    nobody = 2**22 + 1  # no process has this number
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml({0: [os.getpid()], 1: [nobody]}))
    monkeypatch.setattr(module, "has_driver", lambda: True)
    writer = running(home, "hybrid-s1")
    both = msgspec.structs.replace(run_config("pair"), runtime=msgspec.structs.replace(
        run_config("pair").runtime, devices="cuda:all"))  # fmt: skip
    waiting = [RunWriter(home, "mono-s1", run_config("mono-s1", "mono")), RunWriter(home, "pair", both)]
    lock = DeviceLock(f"gpu-{FIRST}")
    assert lock.try_acquire(f"{writer.folder.id}, pid {os.getpid()}")
    places = []
    for each in waiting:
        each.live().started().add(events.Device(name="GPU0 H100", waiting_for="GPU0 H100 (held by another run)"))
        places.append(PlaceInLine(each.folder.id, [f"gpu-{FIRST}", f"gpu-{SECOND}"]))
    yield writer
    for place in places:
        place.leave()
    lock.release()
    for each in (writer, *waiting):
        each.die()


async def open_devices(pilot: Pilot[None], app: Dashboard, until: Until) -> DevicesScreen:
    await first_rows(pilot, app, until)
    await until(pilot, lambda: app.snapshot is not None and not app.snapshot.unread, "all runs")
    await pilot.press("D")
    await until(pilot, lambda: isinstance(app.screen, DevicesScreen) and app.screen.state is not None, "the devices")
    assert isinstance(app.screen, DevicesScreen)
    await pilot.pause()
    return app.screen


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_two_gpus(
    busy: RunWriter, dashboard: Make, until: Until, same_as_snapshot: Same, size: tuple[int, int]
) -> None:
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        await open_devices(pilot, app, until)
        await same_as_snapshot(pilot)


async def test_two_gpus_in_ascii(home: Path, busy: RunWriter, until: Until, same_as_snapshot: Same) -> None:
    app = Dashboard(home, charset="ascii", now=lambda: START + 40, minutes_east=0, palette=DARK)
    async with app.run_test(size=(84, 30)) as pilot:
        await open_devices(pilot, app, until)
        assert text_of(app).isascii()
        await same_as_snapshot(pilot)


async def test_a_machine_without_a_gpu_shows_its_slots_and_says_so(
    home: Path, dashboard: Make, until: Until, same_as_snapshot: Same, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "has_driver", lambda: False)
    monkeypatch.setitem(sys.modules, "pynvml", None)  # not installed
    writer = running(home, "on-the-cpu")
    lock = DeviceLock("cpu-0")
    assert lock.try_acquire(f"{writer.folder.id}, pid {os.getpid()}")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_devices(pilot, app, until)
        await same_as_snapshot(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run that is there")
        assert isinstance(app.screen, RunScreen)
        assert app.screen.folder == writer.folder
        assert not any(wish.devices for wish in app.feed._wishes), "nobody asks the driver while nobody looks"
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, DevicesScreen), "back")
        assert any(wish.devices for wish in app.feed._wishes)
    lock.release()
    writer.die()


async def test_a_driver_without_the_package_says_what_to_install(
    home: Path, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "has_driver", lambda: True)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    running(home, "any").die()
    app = dashboard()
    async with app.run_test(size=NARROW) as pilot:
        await open_devices(pilot, app, until)
        assert "hybrid-tui[telemetry]" in text_of(app)
        assert any("slot" in line and "free" in line for line in lines_of(app))


def test_nothing_is_asked_of_the_driver_unless_somebody_looks(
    home: Path, busy: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(module, "read_gpus", lambda: asked.append(1) or [])
    feed = Feed(home, lambda snapshot: None, lambda: START + 40)
    feed.step()
    assert asked == []
    feed.want([Wish(devices=True)])
    snapshot = feed.step()
    assert asked == [1]
    assert snapshot is not None
    assert snapshot.devices is not None


def test_the_line_tells_after_whom_and_about_when(home: Path, busy: RunWriter) -> None:
    feed = Feed(home, lambda snapshot: None, lambda: START + 40)
    snapshot = feed.step()
    assert snapshot is not None
    state = DeviceReader().read(snapshot.rows, START + 40)
    ours, other = state.gpus
    assert [(each.text, each.is_ours) for each in ours.occupants] == [("hybrid-s1", True)]
    assert [each.is_ours for each in other.occupants] == [False]
    assert other.usage.temperature is None  # a figure that the driver refuses takes nothing else with it
    assert other.usage.power == 110.0
    first, second = state.queue
    left = next(row.seconds_left for row in snapshot.rows if row.name == "hybrid-s1")
    assert left is not None
    assert (first.name, first.wants, first.why) == ("mono-s1", "wants 1 GPU", "after hybrid-s1")
    assert first.free_at == pytest.approx(START + 40 + left)
    assert second.wants == "wants 2 GPUs"
    assert second.why.startswith("after mono-s1 and pid ")
    assert second.why.endswith("all at once: nobody who came later goes first")
    assert second.free_at is None  # nobody knows how long those before it take


def test_a_driver_that_answers_nonsense_is_a_problem_and_the_runs_are_shown(
    home: Path, busy: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = sys.modules["pynvml"]
    monkeypatch.setattr(nvml, "nvmlDeviceGetUtilizationRates", lambda handle: "nonsense")
    feed = Feed(home, lambda snapshot: None, lambda: START + 40)
    feed.want([Wish(devices=True)])
    snapshot = feed.step()
    assert snapshot is not None
    assert len(snapshot.rows) == 3
    assert snapshot.devices is None
    (problem,) = snapshot.problems
    assert problem.where == "devices"


def test_the_history_grows_with_each_look(busy: RunWriter) -> None:
    reader = DeviceReader()
    for _ in range(3):
        state = reader.read((), START)
    assert state.gpus[0].history == (97.0, 97.0, 97.0)
    assert state.load_history == (3.2, 3.2, 3.2)


def test_a_lock_that_nobody_holds_and_a_place_that_was_left_are_free(tmp_path: Path) -> None:
    lock = DeviceLock("cpu-0")
    assert lock.try_acquire("run-a, pid 7")
    holder = holder_of("cpu-0")
    assert holder is not None
    assert (holder.run, holder.pid) == ("run-a", 7)
    lock.release()
    assert holder_of("cpu-0") is None
    place = PlaceInLine("run-b", ["cpu-0"])
    assert [(each.run, each.wanted) for each in waiting_line()] == [("run-b", ("cpu-0",))]
    place.leave()
    assert waiting_line() == []


@pytest.mark.skipif(machine_gpus.has_driver(), reason="this machine has an NVIDIA driver")
def test_without_a_driver_the_real_reading_says_why() -> None:
    with pytest.raises(NoUsage):
        read_gpus()
