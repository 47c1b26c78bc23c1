"""On 80, 60 and 40 columns the run screen keeps what matters most, and says what it hides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.opening import Make, Until, open_first
from helpers.screens import lines_of
from runs_factory import RunWriter, finished

from tui.run.heatmap_panel import HeatPanel


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (120, r"cldr-hybrid-s0   . running   step 310 / 400   \S+ 77 %   .*~9 s left +last event 8 s ago"),
        (80, r"cldr-hybrid-s0 . running 310/400 77 % ~9 s left \S+ +last event 8 s ago"),
        (60, r"cldr-hybrid-s0 . running 310/400 77 % +last event 8 s ago"),
        (40, r"cldr-hybrid-s0 . running 310/400 +8 s$"),
    ],
)
async def test_the_header_tells_the_state_whole_then_the_share_then_the_time_left(
    cells: int, expected: str, running: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=(cells, 24)) as pilot:
        await open_first(pilot, app, until)
        assert re.search(expected, lines_of(app)[0]), lines_of(app)[0]


async def test_a_long_name_gives_way_to_the_state(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "a-name-that-is-longer-than-a-line-of-forty-cells")
    app = dashboard()
    async with app.run_test(size=(40, 24)) as pilot:
        await open_first(pilot, app, until)
        assert " finished " in lines_of(app)[0]


async def test_rows_that_do_not_fit_are_counted_in_the_border(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "done")
    app = dashboard()
    async with app.run_test(size=(40, 12)) as pilot:
        screen = await open_first(pilot, app, until)
        tab = screen.tab
        await pilot.press("o")
        await pilot.pause()
        shown = "\n".join(lines_of(app))
        assert "now" in shown
        assert re.search(r"▼ \d+ ─", shown)
        await pilot.press("2")
        await until(pilot, lambda: screen.tab is not tab, "the heatmap")
        heat = screen.tab.panels[0]
        assert isinstance(heat, HeatPanel)
        assert heat.matrix is not None
        languages = heat.matrix.names

        def rows() -> tuple[int, int, int]:
            """Above, in sight and below."""
            lines = lines_of(app)
            inside = sum(bool(re.match(rf"│\s+({'|'.join(languages)})\s+[-\d]", line)) for line in lines)
            up, down = (re.search(rf"{mark} (\d+)", lines[-3] + lines[-4]) for mark in "▲▼")
            return int(up[1]) if up else 0, inside, int(down[1]) if down else 0

        await pilot.pause()
        above, inside, below = rows()
        assert (above, inside + below) == (0, len(languages))
        assert below > 0
        await pilot.press("down", *["down"] * (len(languages) - 1))
        await pilot.pause()
        above, inside, below = rows()
        assert (above + inside, below) == (len(languages), 0)
