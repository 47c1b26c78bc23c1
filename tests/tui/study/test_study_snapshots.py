"""The study screen as it looks at three sizes, on lesser terminals too, the clock standing still.

After an intended change: ``pytest --update-snapshots`` with this file, then read the diff.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from helpers.opening import Make, Until
from helpers.sizes import MIDDLE, NARROW, WIDE
from runs_factory import RunWriter
from study_answers import Job, of_finished
from study_homes import state_of
from textual.pilot import Pilot

from tui.app import Dashboard
from tui.study import answerer
from tui.study.screen import StudyScreen
from tui.theme import DARK, PLAIN, SIXTEEN, Palette

Check = Callable[[Pilot[None]], Awaitable[None]]


@pytest.fixture
def study(study: list[RunWriter], monkeypatch: pytest.MonkeyPatch) -> list[RunWriter]:
    """A study under way, whose answer comes at once."""
    job = Job()
    job.outcome = of_finished(state_of(study))
    job.go.set()
    monkeypatch.setattr(answerer, "compute", job)
    return study


async def play(pilot: Pilot[None], app: Dashboard, keys: tuple[str, ...], until: Until) -> None:
    await until(pilot, lambda: app.snapshot is not None and app.snapshot.rows and not app.snapshot.unread, "runs")
    await pilot.press("t")
    await until(pilot, lambda: isinstance(app.screen, StudyScreen) and app.screen.answerer.answer, "the answer")
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


@pytest.mark.parametrize(
    ("size", "charset", "palette", "keys"),
    [
        (WIDE, "braille", DARK, ("down", "right")),
        (MIDDLE, "ascii", SIXTEEN, ("down", "tab", "tab")),
        (NARROW, "braille", PLAIN, ("down", "right")),
        (NARROW, "ascii", PLAIN, ("tab",)),
    ],
    ids=["wide", "84x30-ascii-16", "narrow-nocolor", "answer-narrow-ascii"],
)
async def test_study(
    size: tuple[int, int], charset: str, palette: Palette, keys: tuple[str, ...], study: list[RunWriter],
    dashboard: Make, until: Until, same_as_snapshot: Check,
) -> None:  # fmt: skip
    app = dashboard(charset=charset, palette=palette)
    async with app.run_test(size=size) as pilot:
        await play(pilot, app, keys, until)
        await same_as_snapshot(pilot)
