"""Each key that help names of a tab changes something on the screen, or says why it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.opening import Make, Until, open_run
from helpers.screens import drawn_lines
from helpers.sizes import NARROW, WIDE
from queried_runs import queried
from runs_factory import RunWriter, finished
from textual.pilot import Pilot
from textual.widget import Widget

from engine import events
from tui import keymap
from tui.app import Dashboard
from tui.run.bias_tab import SharePanel
from tui.run.queries_tab import QueriesTab
from tui.run.screen import RunScreen
from tui.widgets.lists import Lines
from tui.widgets.scrolled import Scrolled

NOT_HERE = ("repaint", "close", "leave")  # they change nothing that stands on the screen, or end it
# What is to be pressed before a key, so that there is something for it to do; by name, or by scope and name.
BEFORE: dict[str, tuple[str, ...]] = {
    "pan(-1)": ("end", "z"), "pan(1)": ("home", "z", "z"), "zoom(-1)": ("z",), "show_all": ("left",),
    "smooth(-1)": ("plus",), "usual_smoothing": ("plus",),
    "step(1)": ("left_square_bracket", "left_square_bracket"),
    "move_up": ("end",), "page_up": ("end",), "first": ("end",),
    "move_down": ("home",), "page_down": ("home",), "last": ("home",),
    "board.page_down": ("pageup",), "board.page_up": (), "board.move_up": (), "board.move_down": (),
    "board.first": ("end", "left"), "board.last": ("home",), "board.move_right": ("home",),
    "board.move_left": ("end",),
    "cells.move_left": ("end",), "cells.move_right": ("home",), "enter": ("down",),
    "queries.move_left": ("right",), "queries.enter": ("left",), "queries.find(1)": ("left",),
    "queries.find(-1)": ("right", "home"), "columns.move_left": ("right",),
    "log.find(1)": ("slash", "d", "o", "n", "e", "enter"), "log.find(-1)": ("slash", "d", "o", "n", "e", "enter"),
    "config.find(1)": ("slash", "s", "e", "e", "enter"), "config.find(-1)": ("slash", "s", "e", "e", "enter"),
}  # fmt: skip


@pytest.fixture
def home_of_two(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with queries, two benchmarks, a long log and another run to be held against."""
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(tmp_path / "cache"))
    writer: RunWriter = queried(home, "a")
    for step in (0, 200, 400):
        writer.evaluated(step, "cldr")
    writer.add(*(events.Warning(message=f"warning number {number}") for number in range(60)))
    writer.add(events.RunFinished(step=400, seconds=1.0))
    writer.folder.log.write_text("".join(f"printed line {number}\n" for number in range(100)))
    finished(home, "b")
    return home


def picture(app: Dashboard) -> list[list[tuple[str, str]]]:
    """What stands on the screen, styles included."""
    return [[(part.text, str(part.style)) for part in line] for line in drawn_lines(app)]


def owner(screen: RunScreen, scope: str) -> Widget | None:
    """The panel that has the keys of a scope; None where it is not in this tab."""
    for panel in screen.tab.panels:
        if scope == screen.tab.name_in_keymap or scope == "run":
            return screen.tab.panels[0]
        classes = {"board": "ChartBoard", "cells": "HeatPanel", "list": "QuestionList"}
        if isinstance(panel, SharePanel) and scope == "columns":  # where there is something beside what is in sight
            return panel if panel.hidden_columns else None
        if type(panel).__name__ == classes.get(scope):
            return panel
        if scope == "text" and isinstance(panel, Lines | Scrolled) and panel.count > panel.size.height > 0:
            return panel
    return None


async def changes(pilot: Pilot[None], app: Dashboard, screen: RunScreen, key: str) -> bool:
    before = picture(app)
    await pilot.press(key)
    for _ in range(40):
        await pilot.pause(0.02)
        if app.screen is not screen or picture(app) != before:
            return True
    return False


async def back_to(pilot: Pilot[None], app: Dashboard, screen: RunScreen, tab: str) -> None:
    while app.screen is not screen:
        app.pop_screen()
        await pilot.pause()
    await screen.open_tab(tab)
    screen.selection.benchmark = None
    screen.show_tab()
    await pilot.pause()


@pytest.mark.parametrize(
    ("tab", "size"),
    [
        ("overview", WIDE),
        ("queries", NARROW),
        *(pytest.param(tab, WIDE, marks=pytest.mark.exhaustive) for tab in keymap.RUN_TABS if tab != "overview"),
        *(pytest.param(tab, NARROW, marks=pytest.mark.exhaustive) for tab in keymap.RUN_TABS if tab != "queries"),
    ],
)
async def test_every_key_of_a_tab_does_something(
    tab: str, size: tuple[int, int], home_of_two: Path, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        screen = await open_run(pilot, app, until, "a")
        await screen.open_tab(tab)
        await pilot.pause()
        if isinstance(screen.tab, QueriesTab):
            queries = screen.tab
            await until(pilot, lambda: queries.passages.ranking is not None, "the ranking")
        pressed = set()
        silent: list[str] = []
        for action in keymap.actions_of("run", tab):
            for scope in action.scopes:
                own = f"tab({keymap.RUN_TABS.index(tab) + 1})"  # it is open already
                if action.name in (*NOT_HERE, own) or (scope, action.name) in pressed or scope not in in_force(tab):
                    continue
                await back_to(pilot, app, screen, tab)
                panel = await with_focus(pilot, screen, scope)
                if panel is None or (size == NARROW and scope == "board" and action.name.startswith("page")):
                    continue  # the log, whose pages these are, is another panel there
                for key in BEFORE.get(f"{scope}.{action.name}", BEFORE.get(action.name, ())):
                    await pilot.press(key)
                    await pilot.pause()
                screen.say("", "")
                await pilot.pause()
                pressed.add((scope, action.name))
                if not await changes(pilot, app, screen, action.keys[0]):
                    silent.append(f"{action.keys[0]} ({scope}.{action.name})")
        assert silent == []
        names = {name for scope, name in pressed if scope == tab}
        assert names == {action.name for action in keymap.actions_of("run", tab) if tab in action.scopes}


def in_force(tab: str) -> set[str]:
    return {"run", *(scope for parts in keymap.PARTS["run"] if tab in parts for scope in parts)}


async def with_focus(pilot: Pilot[None], screen: RunScreen, scope: str) -> Widget | None:
    """Brings the panel of a scope to the front, on a narrow screen after the others."""
    for index in range(len(screen.tab.panels)):
        if scope in ("run", screen.tab.name_in_keymap):
            index = 0
        screen.tab.to_front(index)
        await pilot.pause()
        panel = owner(screen, scope)
        if panel is not None and panel is screen.tab.front:
            return panel
    return None
