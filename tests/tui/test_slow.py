"""Slow disks and slow lines: a key is answered at once, and what is shown is the newest there is."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.opening import Make, Until
from helpers.sizes import WIDE
from helpers.terminal import HYBRID_TUI, Terminal
from runs_factory import RunWriter, finished, run_config

from tui.dialogs.help import HelpScreen
from tui.keymap import RUN_TABS
from tui.run.screen import RunScreen
from tui.runs.screen import RunsScreen

_AUDITED = ("open", "os.scandir", "os.listdir", "os.mkdir", "os.rename", "os.remove")


class SlowDisk:
    """While it ``hangs``, whoever touches ``home`` waits; the interface's thread is caught instead."""

    def __init__(self) -> None:
        self.home = ""
        self.caught: list[str] = []
        self.waited = 0
        self._free = threading.Event()
        self._free.set()

    def hang(self, home: Path) -> None:
        self.home = str(home)
        self._free.clear()

    def recover(self) -> None:
        self._free.set()

    def touched(self, path: object) -> None:
        if self._free.is_set() or not isinstance(path, (str, os.PathLike)):
            return
        if not os.fspath(path).startswith(self.home):
            return
        if threading.current_thread() is threading.main_thread():
            self.caught.append(f"{path}")
            return
        self.waited += 1
        self._free.wait(30.0)


_DISK = SlowDisk()


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event in _AUDITED and arguments:
        _DISK.touched(arguments[0])


@pytest.fixture(scope="module")
def audited() -> None:
    sys.addaudithook(_audit)  # cannot be taken away again: it does nothing while no disk hangs


@pytest.fixture
def disk(audited: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    real = os.stat

    def stat(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        _DISK.touched(path)
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", stat)
    _DISK.caught, _DISK.waited = [], 0
    yield _DISK
    _DISK.recover()


async def settle(pilot: Any) -> None:
    for _ in range(3):
        await pilot.pause()


async def test_keys_are_answered_while_the_first_look_at_the_runs_hangs(
    home: Path, gallery: list[RunWriter], dashboard: Make, until: Until, disk: SlowDisk
) -> None:
    disk.hang(home)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await asyncio.sleep(0.1)
        assert disk.waited
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("q", "down", "end", "space", "colon", "escape")
        assert isinstance(app.screen, RunsScreen)
        assert app.snapshot is None
        disk.recover()
        await until(pilot, lambda: app.snapshot is not None and len(app.snapshot.rows) == 7, "the runs")
    assert disk.caught == []


TABS = (*RUN_TABS[1:], RUN_TABS[0])


async def test_every_tab_of_a_run_is_looked_at_while_reads_hang(
    home: Path, gallery: list[RunWriter], dashboard: Make, until: Until, disk: SlowDisk
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None, "the runs")
        await pilot.press("down", "down", "enter")
        screen = app.screen
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: screen.detail is not None, "the run")
        disk.hang(home)
        for tab in TABS:
            await pilot.press(str(RUN_TABS.index(tab) + 1))
            await settle(pilot)
            assert screen.active == tab
            for other in ("down", "right", "pagedown", "end", "plus", "y", "right_square_bracket", "b", "o"):
                await pilot.press(other)
            await settle(pilot)
        await pilot.press("p", "y")  # asks, since others are queued, and then the disk, in a thread of its own
        await pilot.press("q")
        assert isinstance(app.screen, RunsScreen)
        disk.recover()
    assert disk.caught == []


async def test_leaving_does_not_wait_for_a_disk_that_hangs(
    home: Path, gallery: list[RunWriter], dashboard: Make, disk: SlowDisk
) -> None:
    disk.hang(home)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await asyncio.sleep(0.05)
        await pilot.press("q")
    assert not app.is_running
    assert disk.waited
    assert disk.caught == []


def test_behind_a_line_that_stands_still_nothing_piles_up(home: Path) -> None:
    """Nobody reads while the list changes for two seconds; then the newest state comes, and little else."""
    live = RunWriter(home, "cldr-live", run_config("cldr-live", max_steps=1_000_000)).live().started()
    finished(home, "cldr-hybrid-s0")
    terminal = Terminal([HYBRID_TUI, "--runs", str(home)])
    terminal.until("cldr-live")
    terminal.read(1.0)
    for index in range(20):
        live.steps(1 + 100 * index, 100 * index + 100)
        terminal.send("?q"[index % 2])  # a dialog comes and goes over the list
        threading.Event().wait(0.1)
    before = len(terminal.written)
    terminal.until("2,000/")
    live.die()
    assert len(terminal.written) - before < 40_000  # what the kernel holds, a frame on its way and the newest
    terminal.press("q", "q")
    terminal.wait()
