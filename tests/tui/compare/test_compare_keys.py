"""Every key that help names for the compare screen does something that can be seen, in every view."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from compare_cases import with_two_benchmarks
from helpers.opening import Make, Until, first_rows
from helpers.screens import drawn_lines
from helpers.sizes import NARROW, WIDE
from textual.pilot import Pilot

from engine.export import compare_job
from engine.export.compare_job import CompareOutcome, CompareRequest
from tui import keymap
from tui.app import Dashboard
from tui.compare.screen import CompareScreen

OPENERS = {"table": "t", "pairs": "h", "curves": "l", "places": "p"}
# What has to be pressed before a key, so that there is something left for it to do.
BEFORE = {"up": ("down",), "pageup": ("end",), "home": ("end",), "left": ("right",), "t": ("h",), "y": ("m",) * 4}
# Keys of which nothing can be seen in a test: the screen is drawn anew as it is.
UNSEEN = {"ctrl+l"}


@pytest.fixture
def two_benchmarks(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five runs with results on two benchmarks, compared in this process."""
    monkeypatch.setattr(compare_job, "send", lambda message: None)

    def compute(request: CompareRequest, progress: object, cancelled: threading.Event) -> CompareOutcome:
        return compare_job.compare(request)

    monkeypatch.setattr("tui.compare.comparator.compute", compute)
    with_two_benchmarks(home)


async def compared(pilot: Pilot[None], app: Dashboard, until: Until) -> CompareScreen:
    await first_rows(pilot, app, until)
    await pilot.press(*("space",) * 5, "c")
    screen = app.screen
    assert isinstance(screen, CompareScreen)
    await until(pilot, lambda: screen.comparison is not None, "the comparison")
    return screen


def seen(app: Dashboard) -> tuple[Any, ...]:
    """The screen in front, cell by cell, with the styles."""
    return app.screen, tuple(tuple(line) for line in drawn_lines(app, behind=True))


def keys_of(view: str) -> list[str]:
    return [key for action in keymap.actions_of("compare", view) for key in action.keys]


@pytest.mark.parametrize(
    ("view", "size"),
    [
        ("table", WIDE),
        *(pytest.param(view, WIDE, marks=pytest.mark.exhaustive) for view in OPENERS if view != "table"),
        *(pytest.param(view, NARROW, marks=pytest.mark.exhaustive) for view in OPENERS),
    ],
)
async def test_every_key_of_a_view_has_an_effect_that_can_be_seen(
    view: str, size: tuple[int, int], two_benchmarks: None, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        screen = await compared(pilot, app, until)
        part = {"table": "differences", "pairs": "pairs", "curves": "overlay", "places": "places"}[view]
        idle = []
        for key in keys_of(part):
            if key in UNSEEN:
                continue
            if view != "table":
                await pilot.press(OPENERS[view])
            assert screen.view == view
            await until(pilot, lambda screen=screen: view != "curves" or screen.curves.what, "the view")
            if view == "curves" and key == "y":
                while not screen.curves.is_loss:
                    await pilot.press("m")
            elif key in BEFORE and not (key == "t" and view != "table"):
                await pilot.press(*BEFORE[key])
            await pilot.pause()
            former = seen(app)
            await pilot.press(key)
            await pilot.pause()
            if seen(app) == former:
                idle.append(key)
            if screen not in app.screen_stack:  # q in the table goes back to the runs
                await pilot.press("c")
                assert isinstance(app.screen, CompareScreen)
                screen = app.screen
                await until(pilot, lambda: app.screen.comparison is not None, "the comparison")  # type: ignore[attr-defined]
            while app.screen is not screen:
                app.pop_screen()
                await pilot.pause()
            if screen.view != "table":
                await pilot.press("t")
        assert idle == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_up_and_down_move_the_cursor_and_help_says_so(
    size: tuple[int, int], two_benchmarks: None, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        screen = await compared(pilot, app, until)
        await pilot.press("down", "down")
        assert screen.table.cursor.index == 2
        await pilot.press("up")
        assert screen.table.cursor.index == 1
        assert ("up down", "up or down") in keymap.help_lines("compare")
