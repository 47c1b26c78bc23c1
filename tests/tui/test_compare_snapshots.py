"""The comparison as it looks at 120x36 and at 60x20, and in plain ASCII; and a study among the runs.

After an intended change: ``pytest --update-snapshots`` with this file, then read the diff.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from compare_cases import comparable
from helpers.opening import Make, Until
from helpers.sizes import NARROW, WIDE
from runs_factory import RunWriter, finished
from textual.pilot import Pilot

from engine.export import compare_job
from engine.export.compare_job import CompareOutcome, CompareRequest
from tui.app import Dashboard
from tui.compare.screen import CompareScreen
from tui.theme import PLAIN

Check = Callable[[Pilot[None]], Awaitable[None]]

ALL = ("space",) * 5
VIEWS = {
    "table": (*ALL, "c", "down"),
    "pairs": (*ALL, "c", "h", "down", "right"),
    "languages": (*ALL, "c", *("down",) * 6, "h", "down"),
    "curves": (*ALL, "c", "l"),
    "metric": (*ALL, "c", "l", "m", "m", "m"),
    "places": (*ALL, "c", "p"),
}


@pytest.fixture
def five(home: Any, monkeypatch: pytest.MonkeyPatch) -> list[RunWriter]:
    """Five runs, compared in this process."""
    told: list[object] = []
    monkeypatch.setattr(compare_job, "send", told.append)

    def compute(request: CompareRequest, progress: object, cancelled: threading.Event) -> CompareOutcome:
        return compare_job.compare(request)

    monkeypatch.setattr("tui.compare.comparator.compute", compute)
    return comparable(home)


async def play(pilot: Pilot[None], app: Dashboard, keys: tuple[str, ...], until: Until) -> None:
    await until(pilot, lambda: app.snapshot is not None and app.snapshot.rows, "the first snapshot")
    for key in keys:
        await pilot.press(key)
        await until(pilot, lambda: settled(app), f"the screen after {key}")


def settled(app: Dashboard) -> bool:
    screen = app.screen
    if not isinstance(screen, CompareScreen):
        return True
    return screen.comparison is not None and (screen.view != "curves" or bool(screen.curves.what))


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("view", VIEWS)
async def test_comparison(
    view: str, size: tuple[int, int], five: list[RunWriter], dashboard: Make, until: Until, same_as_snapshot: Check
) -> None:
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        await play(pilot, app, VIEWS[view], until)
        await same_as_snapshot(pilot)


@pytest.mark.parametrize("view", ["table", "curves"])
async def test_comparison_in_ascii_without_colour(
    view: str, five: list[RunWriter], dashboard: Make, until: Until, same_as_snapshot: Check
) -> None:
    app = dashboard(charset="ascii", palette=PLAIN)
    async with app.run_test(size=WIDE) as pilot:
        await play(pilot, app, VIEWS[view], until)
        await same_as_snapshot(pilot)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_study_among_the_runs(
    size: tuple[int, int], home: Any, dashboard: Make, until: Until, same_as_snapshot: Check
) -> None:
    finished(home, "cldr-mono", "mono")
    for seed in range(2):
        for share in (0.25, 0.5):
            finished(home, f"cldr-hybrid-mono_share-{share}-{seed}", study="cldr-hybrid-sweep", seed=seed)
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        await play(pilot, app, ("down", "space"), until)
        await same_as_snapshot(pilot)
