"""Draws the screenshots of README from real runs: ``python docs/screenshots.py RUNS_HOME RUN``.

RUN is the run whose tabs are shown; the folder's other runs appear on the runs screen.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from textual.pilot import Pilot

from engine.runs.registry import find_run
from tui.app import Dashboard

DOCS = Path(__file__).resolve().parent
SIZE = (120, 36)
# What is pressed before each picture, from the one before; "RUN" types the run's id. The three topmost are compared.
PICTURES = {
    "runs": (),
    "compare": ("space", "space", "space", "c"),
    "overview": ("q", "escape", "slash", "RUN", "enter", "enter"),
    "heatmap": ("2",),
    "bias": ("3",),
}


async def draw(home: Path, run_id: str) -> None:
    os.environ.pop("NO_COLOR", None)
    os.environ["COLORTERM"] = "truecolor"
    app = Dashboard(home, charset="braille")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for picture, keys in PICTURES.items():
            for key in keys:
                for pressed in run_id if key == "RUN" else [key]:
                    await pilot.press({"-": "minus", "_": "underscore"}.get(pressed, pressed))
                await settle(pilot)
            await settle(pilot, seconds=12.0 if picture == "compare" else 0.0)
            app.save_screenshot(f"{picture}.svg", path=str(DOCS))
            print(DOCS / f"{picture}.svg")


async def settle(pilot: Pilot[None], seconds: float = 1.5) -> None:
    """Readers and charts work in threads and at most twice a second; comparisons take longer."""
    for _ in range(round(seconds / 0.1)):
        await pilot.pause(0.1)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    runs_home = Path(sys.argv[1])
    asyncio.run(draw(runs_home, find_run(runs_home, sys.argv[2]).id))
