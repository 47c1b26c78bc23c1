"""The form of a new run: typing just works, one start at a time, nothing typed is lost, and any key can be set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.opening import Make, Until
from helpers.screens import text_of
from helpers.sizes import NARROW, WIDE
from runs_factory import RunWriter
from textual.pilot import Pilot

from engine.runs.registry import list_runs
from tui import steer
from tui.app import Dashboard
from tui.dialogs.choose import ChooseScreen
from tui.dialogs.help import HelpScreen
from tui.launch.every_key import EveryKeyScreen
from tui.launch.screen import LaunchScreen
from tui.run.screen import RunScreen
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


async def test_f5_pressed_three_times_starts_one_run_and_says_how_far_it_is(
    home: Path, slow: SlowStart, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_launch(pilot, app, until)
        await pilot.press("f5", "f5", "f5")
        await until(pilot, lambda: slow.calls > 0, "the start")
        app.screen.tick(app.now())  # type: ignore[attr-defined]
        await until(pilot, lambda: "under way already" in text_of(app) or "reading data" in text_of(app), "its state")
        slow.go.set()
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run")
        assert slow.calls == 1
        assert len(list_runs(home)) == 1
        await pilot.press("q")
        assert isinstance(app.screen, RunsScreen)


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


async def test_a_start_that_ends_below_help_closes_the_form_and_nothing_else(
    slow: SlowStart, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        launch = await open_launch(pilot, app, until)
        await pilot.press("f5")
        await until(pilot, lambda: slow.calls > 0, "the start")
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        slow.go.set()
        await until(pilot, lambda: launch.started is not None, "the end of the start")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run")
        assert not any(isinstance(screen, LaunchScreen) for screen in app.screen_stack)
        assert slow.calls == 1


async def test_letters_are_typed_whatever_they_mean_elsewhere(dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        launch = await open_launch(pilot, app, until)
        await pilot.press("down", "ctrl+u", *"qjoY", "colon", "question_mark", "tab")
        assert app.screen is launch
        assert launch.values["name"] == "qjoY:?"
        assert launch.form.field.key == "model.name"


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "discarded"])
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


async def test_ctrl_c_closes_dialogs_and_asks_about_a_form_and_never_ends_the_dashboard_there(
    dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        launch = await open_launch(pilot, app, until)
        for key in ("f1", "f3", "ctrl+p", "f2", "f8"):
            await pilot.press(key)
            assert app.screen is not launch
            await pilot.press("ctrl+c")
            await until(pilot, lambda: app.screen is launch, f"the form after {key}")
        await pilot.press("down", "x", "ctrl+c")
        assert isinstance(app.screen, ChooseScreen)


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


async def test_an_empty_model_name_has_no_tick_and_starts_nothing(home: Path, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        launch = await open_launch(pilot, app, until)
        await pilot.press("down", "down", "ctrl+u")
        await until(pilot, lambda: launch.checked.config is None, "the refusal")
        assert "model.name: expected a hub id, a folder or tiny" in " ".join(text_of(app).split())
        await pilot.press("f5")
        await until(pilot, lambda: launch.starting is None, "the end of the start")
        assert list_runs(home) == []


async def test_only_what_was_looked_at_has_a_tick(dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        launch = await open_launch(pilot, app, until)
        assert app.glyphs.good not in text_of(app)
        await pilot.press("down", "down", "ctrl+u", *"some/model")
        await until(pilot, lambda: "not on this disk" in str(launch.checked.notes), "the check")
        assert app.glyphs.good not in text_of(app)


async def test_a_folder_of_nobody_is_one_clear_error(home: Path, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        launch = await open_launch(pilot, app, until)
        await pilot.press("down", "down", "ctrl+u", *"~models/e5")
        await until(pilot, lambda: launch.checked.reason == "no folder '~models/e5'", "the error")


async def test_a_sample_without_its_data_says_where_they_are_and_takes_the_built_in_ones(
    dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        launch = await open_launch(pilot, app, until)
        await pilot.press("enter", *"e5-small.toml", "enter")
        await until(pilot, lambda: launch.checked.reason.startswith("no folder"), "what is missing")
        text = " ".join(launch.before.hint.split())
        assert "data/xquad-r is the folder xquad-r of github.com/google-research-datasets/lareqa" in text
        await pilot.press("f9")
        await until(pilot, lambda: launch.checked.config is not None, "a config that can start")
        assert launch.checked.config is not None
        assert launch.checked.config.model.name == "tiny"
        assert launch.checked.config.evaluation.benchmarks == ("cldr",)


async def test_checks_are_made_one_at_a_time(dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui.launch import screen as module

    check, at_once, most = module.check, threading.Semaphore(1), []

    def counted(*asked: Any) -> Any:
        most.append(at_once.acquire(blocking=False))
        try:
            return check(*asked)
        finally:
            at_once.release()

    monkeypatch.setattr(module, "check", counted)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        launch = await open_launch(pilot, app, until)
        await pilot.press("down", "ctrl+u", *"a-longer-name")
        await until(pilot, lambda: not launch.checks.busy, "the last check")
        assert launch.checked.config is not None
        assert launch.checked.config.name == "a-longer-name"
        assert all(most)


@pytest.mark.parametrize("charset", ["braille", "ascii"])
async def test_the_form_is_ascii_where_the_terminal_is(charset: str, dashboard: Make, until: Until) -> None:
    app = dashboard(charset=charset)
    async with app.run_test(size=NARROW) as pilot:
        await open_launch(pilot, app, until)
        await pilot.press("down", "down", "down")
        assert text_of(app).isascii() == (charset == "ascii")
        assert "< as the model says >" in text_of(app)
