"""Every screen as it looks at 120x36 and at 60x20, the clock standing still.

After an intended change: ``pytest --update-snapshots`` with this file, then read the diff.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers.opening import Make, Until
from helpers.sizes import NARROW, WIDE
from runs_factory import RunWriter, run_config
from textual.pilot import Pilot

from engine.config import to_toml
from tui.app import Dashboard
from tui.launch.screen import LaunchScreen
from tui.run.overview_tab import OverviewTab
from tui.run.screen import RunScreen
from tui.theme import LIGHT, PLAIN, SIXTEEN, Palette

pytestmark = pytest.mark.long

Check = Callable[[Pilot[None]], Awaitable[None]]

# The run under the cursor is the live one; (name, keys from there on).
OPEN = ("down", "down", "enter")
SCREENS: dict[str, tuple[str, ...]] = {
    "runs": (),
    "overview": OPEN,
    "crosshair": (*OPEN, "left", "left", "left", "z"),
    "charts": (*OPEN, "f", "m"),
    "heatmap": (*OPEN, "2", "down", "right"),
    "bias": (*OPEN, "3"),
    "cumulative": (*OPEN, "3", "v"),
    "shares": (*OPEN, "3", "o", "o"),
    "log": (*OPEN, "5"),
    "config": (*OPEN, "6"),
    "launch": ("n",),
    "export": (*OPEN, "2", "x"),
    "stop": (*OPEN, "k"),
    "filter": ("slash", *"mono>.5 lr>="),
    "sort": ("s",),
    "columns": ("C", *"lr", "enter"),
    "views": ("V",),
    "note": ("N", *"rate"),
    "help": ("question_mark",),
    "commands": (*OPEN, "colon", "t", "a"),
}


async def play(pilot: Pilot[None], app: Dashboard, keys: tuple[str, ...], until: Until) -> None:
    """Presses keys, waiting after each for what the worker threads still owe."""
    await until(pilot, lambda: app.snapshot is not None, "the first snapshot")
    for key in keys:
        await pilot.press(key)
        await until(pilot, lambda: settled(app), f"the screen after {key}")


def all_made(screen: RunScreen) -> bool:
    """Whether the reader has made the curves of all charts in sight."""
    assert isinstance(screen.tab, OverviewTab)
    assert screen.detail is not None
    in_sight = screen.tab.charts.show(screen.detail)
    return bool(in_sight) and all(chart.ready for chart in screen.detail.charts if chart.name in in_sight)


def settled(app: Dashboard) -> bool:
    screen = app.screen
    if isinstance(screen, RunScreen):
        return screen.detail is not None and (not isinstance(screen.tab, OverviewTab) or all_made(screen))
    return not isinstance(screen, LaunchScreen) or screen.checked.config is not None


@pytest.fixture(autouse=True)
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sample config of this test's own: the product's may change without changing the launch screen."""
    folder = tmp_path / "sample_configs"
    folder.mkdir()
    (folder / "cldr-hybrid.toml").write_text("# The built-in example.\n" + to_toml(run_config("cldr-hybrid")))
    monkeypatch.setattr("tui.launch.fields.sample_configs_folder", lambda: folder)
    monkeypatch.setattr("tui.launch.estimate.free_bytes", lambda home: 410 * 2**30)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", SCREENS)
async def test_screen(
    name: str, size: tuple[int, int], gallery: list[RunWriter], dashboard: Make, until: Until, same_as_snapshot: Check
) -> None:
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        await play(pilot, app, SCREENS[name], until)
        await same_as_snapshot(pilot)


@pytest.mark.parametrize(
    ("name", "charset", "palette"),
    [
        ("overview", "ascii", PLAIN),
        ("heatmap", "block", LIGHT),
        ("runs", "ascii", SIXTEEN),
        ("columns", "ascii", PLAIN),
        ("filter", "ascii", SIXTEEN),
    ],
    ids=["ascii-nocolor", "block-light", "ascii-16", "columns-ascii-nocolor", "filter-ascii-16"],
)
async def test_screen_on_lesser_terminals(
    name: str, charset: str, palette: Palette, gallery: list[RunWriter], dashboard: Make, until: Until,
    same_as_snapshot: Check,
) -> None:  # fmt: skip
    app = dashboard(charset=charset, palette=palette)
    async with app.run_test(size=WIDE) as pilot:
        await play(pilot, app, SCREENS[name], until)
        await same_as_snapshot(pilot)
