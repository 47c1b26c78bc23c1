"""The form of a new run: typing just works, one start at a time, nothing typed is lost, and any key can be set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.opening import Make, Until
from helpers.screens import text_of
from helpers.sizes import WIDE
from runs_factory import RunWriter
from textual.pilot import Pilot

from engine.runs.registry import list_runs
from tui import steer
from tui.app import Dashboard
from tui.dialogs.choose import ChooseScreen
from tui.launch.every_key import EveryKeyScreen
from tui.launch.screen import LaunchScreen
from tui.runs.screen import RunsScreen


class SlowStart:
    """Stands for ``steer.start`` with large files: it ends when it is let go, or given up."""

    def __init__(self, home: Path) -> None:
        self.calls = 0
        self.go = threading.Event()
        self._home = home

    def __call__(
        self, home: Path, config: Any, command_line: object, parent: str | None, tick: Callable[[str, int, None], None]
    ) -> object:
        self.calls += 1
        while not self.go.wait(0.02):
            tick("reading data/pairs.jsonl", 0, None)
        return RunWriter(self._home, config.name, config).started().folder


@pytest.fixture
def slow(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowStart]:
    start = SlowStart(home)
    monkeypatch.setattr(steer, "start", start)
    yield start
    start.go.set()


async def open_launch(pilot: Pilot[None], app: Dashboard, until: Until) -> LaunchScreen:
    await until(pilot, lambda: app.snapshot is not None, "the runs")
    await pilot.press("n")
    screen = app.screen
    assert isinstance(screen, LaunchScreen)
    await until(pilot, lambda: screen.checked.config is not None, "a valid sample")
    return screen


async def test_leaving_while_it_starts_asks_and_what_came_of_it_is_told_elsewhere(
    slow: SlowStart, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_launch(pilot, app, until)
        await pilot.press("f5")
        await until(pilot, lambda: slow.calls > 0, "the start")
        await pilot.press("escape")
        assert isinstance(app.screen, ChooseScreen)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen), "the table")
        slow.go.set()
        await until(pilot, lambda: "is starting" in text_of(app), "what came of it")
        assert isinstance(app.screen, RunsScreen)


async def test_a_start_is_given_up_and_makes_no_run(home: Path, slow: SlowStart, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_launch(pilot, app, until)
        await pilot.press("f5")
        await until(pilot, lambda: slow.calls > 0, "the start")
        await pilot.press("escape", "down", "enter")
        await until(pilot, lambda: "given up, no run was made" in text_of(app), "the end of it")
        assert isinstance(app.screen, LaunchScreen)
        assert list_runs(home) == []


async def test_letters_are_typed_whatever_they_mean_elsewhere(dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        launch = await open_launch(pilot, app, until)
        await pilot.press("down", "ctrl+u", *"qjoY", "colon", "question_mark", "tab")
        assert app.screen is launch
        assert launch.values["name"] == "qjoY:?"
        assert launch.form.field.key == "model.name"


async def test_what_was_typed_is_not_lost_unasked(kept: bool, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        launch = await open_launch(pilot, app, until)
        await pilot.press("down", "ctrl+u", *"mine")
        await pilot.press("escape")
        assert isinstance(app.screen, ChooseScreen)
        await pilot.press("escape")
        assert app.screen is launch
        assert launch.values["name"] == "mine"
        await pilot.press("escape", *([] if kept else ["down"]), "enter")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen), "the table")
        again = await open_launch(pilot, app, until)
        assert again.values["name"] == ("mine" if kept else "cldr-hybrid")


async def test_any_key_is_found_by_its_meaning_and_checked_by_the_loader(dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        launch = await open_launch(pilot, app, until)
        await pilot.press("f3")
        assert isinstance(app.screen, EveryKeyScreen)
        await pilot.press(*"second moment")
        await until(pilot, lambda: "optimizer.beta2" in text_of(app), "the key")
        await pilot.press("enter")
        await until(pilot, lambda: launch.form.field.key == "optimizer.beta2", "its line")
        assert "by default 0.999" in " ".join(text_of(app).split())
        await pilot.press("ctrl+u", *"1.5")
        await until(pilot, lambda: "1.5 is out of range: below 1" in text_of(app), "the loader's word")
        await pilot.press("ctrl+u", *"0.9")
        await until(pilot, lambda: launch.checked.config is not None, "a valid value")
        assert launch.checked.config is not None
        assert launch.checked.config.optimizer.beta2 == 0.9
