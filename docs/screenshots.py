"""Draws the screenshots of README from real runs: ``python docs/screenshots.py RUNS_HOME RUN``.

RUN is the run whose tabs are shown; the folder's other runs appear on the runs screen.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from engine.runs.registry import find_run
from tui.app import Dashboard

DOCS = Path(__file__).resolve().parent
SIZE = (120, 36)
# What is pressed before each picture, from the one before.
PICTURES = {"runs": (), "overview": ("enter",), "heatmap": ("2",), "bias": ("3",), "launch": ("q", "n")}


async def draw(home: Path, name: str) -> None:
    os.environ.pop("NO_COLOR", None)
    app = Dashboard(home, charset="braille")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for run in app.query("RunsTable"):
            run.focus()
        for picture, keys in PICTURES.items():
            for key in keys:
                await pilot.press(key)
                await settle(pilot)
            app.save_screenshot(f"{picture}.svg", path=str(DOCS))
            print(DOCS / f"{picture}.svg")


async def settle(pilot: object) -> None:
    """Readers and charts work in threads and at most twice a second."""
    for _ in range(15):
        await pilot.pause(0.1)  # type: ignore[attr-defined]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    runs_home = Path(sys.argv[1])
    asyncio.run(draw(runs_home, find_run(runs_home, sys.argv[2]).id))
