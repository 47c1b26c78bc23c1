"""Queries, differences, search and config difference as they look at 120x36 and at 60x20, the clock standing still.

After an intended change: ``pytest --update-snapshots`` with this file, then read the diff.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers.opening import Make, Until
from helpers.sizes import NARROW, WIDE
from queried_runs import queried
from runs_factory import RunWriter, evaluation_result, finished, run_config
from textual.pilot import Pilot

from engine import events
from tui.app import Dashboard
from tui.run.queries_tab import QueriesTab
from tui.run.screen import RunScreen
from tui.theme import PLAIN, SIXTEEN, Palette

pytestmark = pytest.mark.long

Check = Callable[[Pilot[None]], Awaitable[None]]

CELL = ("2", "down", "right", "enter")
AGAINST = ("d", "end", "enter")
QUERIES: dict[str, tuple[str, ...]] = {
    "queries": CELL,
    "passages": (*CELL, "right", "down"),
    "queries-against": (*CELL, *AGAINST),
    "queries-one-language": (*CELL, "l", "right"),
}
OTHERS: dict[str, tuple[str, ...]] = {
    "heatmap-against": ("2", *AGAINST, "down", "right"),
    "heatmap-mono": ("2", "s", "s", "down"),
    "heatmap-cross": ("2", "s", "down"),
    "log-search": ("5", "slash", "d", "o", "n", "e", "enter"),
    "config-against": ("6", *AGAINST),
    "choose": ("2", "d"),
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(tmp_path / "cache"))


async def play(pilot: Pilot[None], app: Dashboard, keys: tuple[str, ...], until: Until) -> None:
    """Opens the run named a and presses keys, waiting after each for what the worker threads still owe."""
    await until(pilot, lambda: app.snapshot is not None and len(app.snapshot.rows) > 1, "the first snapshot")
    assert app.snapshot is not None
    screen = app.open_run(next(row.folder for row in app.snapshot.rows if row.name == "a"))
    await until(pilot, lambda: screen.detail is not None, "details")
    former = ""
    for key in keys:
        await pilot.press(key)
        if (former, key) == ("end", "enter"):
            await until(pilot, lambda: screen.selection.contrast is not None, "the other run")
        await until(pilot, lambda: settled(app), f"the screen after {key}")
        former = key


def settled(app: Dashboard) -> bool:
    screen = app.screen
    tab = screen.tab if isinstance(screen, RunScreen) else None
    if not isinstance(tab, QueriesTab):
        return True
    return tab.passages.ranking is not None and not tab.busy


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", QUERIES)
async def test_queries(
    name: str, size: tuple[int, int], home: Path, dashboard: Make, until: Until, same_as_snapshot: Check
) -> None:
    queried(home, "b", seed=2)
    queried(home, "a", seed=1)
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        await play(pilot, app, QUERIES[name], until)
        await same_as_snapshot(pilot)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", OTHERS)
async def test_differences_and_searches(
    name: str, size: tuple[int, int], home: Path, dashboard: Make, until: Until, same_as_snapshot: Check
) -> None:
    other = RunWriter(home, "b", run_config("b", "cross", seed=1)).started().evaluated(0).steps(1, 400)
    other.add(events.EvalFinished(benchmark="cldr", step=400, seconds=1.9, result=evaluation_result(0.7)))
    finished(home, "a")
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        await play(pilot, app, OTHERS[name], until)
        await same_as_snapshot(pilot)


@pytest.mark.parametrize("palette", [SIXTEEN, PLAIN], ids=["16", "nocolor"])
async def test_queries_on_lesser_terminals(
    palette: Palette, home: Path, dashboard: Make, until: Until, same_as_snapshot: Check
) -> None:
    queried(home, "b", seed=2)
    queried(home, "a", seed=1)
    app = dashboard(charset="ascii", palette=palette)
    async with app.run_test(size=WIDE) as pilot:
        await play(pilot, app, QUERIES["queries-against"], until)
        await same_as_snapshot(pilot)
