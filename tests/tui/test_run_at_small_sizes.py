"""On 80, 60 and 40 columns the run screen keeps what matters most, and says what it hides."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from runs_factory import RunWriter, finished
from textual.pilot import Pilot

from tui.app import Dashboard
from tui.screens.run import RunScreen

Make = Callable[..., Dashboard]
Until = Callable[..., Awaitable[None]]


def lines_of(app: Dashboard) -> list[str]:
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


async def opened(pilot: Pilot[None], app: Dashboard, until: Until) -> RunScreen:
    await until(pilot, lambda: app.snapshot is not None and app.snapshot.rows, "the first snapshot")
    await pilot.press("enter")
    screen = app.screen
    assert isinstance(screen, RunScreen)
    await until(pilot, lambda: screen.detail is not None, "the run")
    return screen


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (120, r"cldr-hybrid-s0   . running   step 310 / 400   \S+ 78 %   .* left +last event 8 s ago"),
        (80, r"cldr-hybrid-s0 . running 310/400 78 % .* left \S+ +last event 8 s ago"),
        (60, r"cldr-hybrid-s0 . running 310/400 78 % +last event 8 s ago"),
        (40, r"cldr-hybrid-s0 . running 310/400 +8 s "),
    ],
)
async def test_the_header_tells_the_state_whole_then_the_share_then_the_time_left(
    cells: int, expected: str, running: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=(cells, 24)) as pilot:
        await opened(pilot, app, until)
        assert re.search(expected, lines_of(app)[0]), lines_of(app)[0]


async def test_a_long_name_gives_way_to_the_state(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "a-name-that-is-longer-than-a-line-of-forty-cells")
    app = dashboard()
    async with app.run_test(size=(40, 24)) as pilot:
        await opened(pilot, app, until)
        assert " finished " in lines_of(app)[0]
