"""From a dashboard that has just started to a screen that shows what it should."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from tui.app import Dashboard
from tui.run.screen import RunScreen
from tui.runs.screen import RunsScreen
from tui.study.screen import StudyScreen

# What the fixtures `dashboard` and `until` are.
Make = Callable[..., Dashboard]
Until = Callable[..., Awaitable[None]]


async def first_rows(pilot: Pilot[None], app: Dashboard, until: Until) -> None:
    await until(pilot, lambda: app.snapshot is not None and app.snapshot.rows, "the first snapshot")


async def open_first(pilot: Pilot[None], app: Dashboard, until: Until) -> RunScreen:
    """Opens the run under the cursor and waits for its details."""
    await first_rows(pilot, app, until)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.detail is not None, "details")
    assert isinstance(app.screen, RunScreen)
    return app.screen


async def open_run(pilot: Pilot[None], app: Dashboard, until: Until, name: str) -> RunScreen:
    """Opens the run of that name and waits for its details."""
    await first_rows(pilot, app, until)
    assert app.snapshot is not None
    screen = app.open_run(next(row.folder for row in app.snapshot.rows if row.name == name))
    await until(pilot, lambda: screen.is_mounted and screen.detail is not None, "details")
    return screen


async def open_study(pilot: Pilot[None], app: Dashboard, until: Until) -> StudyScreen:
    """Opens the study of the run under the cursor, once every run has been read."""
    await until(pilot, lambda: app.snapshot is not None and app.snapshot.rows and not app.snapshot.unread, "the runs")
    await pilot.press("t")
    await until(pilot, lambda: isinstance(app.screen, StudyScreen) and app.screen.state is not None, "the study")
    assert isinstance(app.screen, StudyScreen)
    await pilot.pause()
    return app.screen


def runs_screen(app: Dashboard) -> RunsScreen:
    """The table of runs, whatever is in front of it."""
    screen = app.screen_stack[0]
    assert isinstance(screen, RunsScreen)
    return screen
