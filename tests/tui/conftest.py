"""A runs home with one run of each kind, and dashboards on it whose clock stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import runs_factory
from helpers.snapshots import difference
from textual.pilot import Pilot

from tui.app import Dashboard
from tui.theme import DARK, Palette


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty runs home in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def gallery(home: Path) -> Iterator[list[runs_factory.RunWriter]]:
    """One run of each kind; the live ones hold their locks until the test ends."""
    writers = runs_factory.gallery(home)
    yield writers
    for writer in writers:
        writer.die()


@pytest.fixture
def running(home: Path) -> Iterator[runs_factory.RunWriter]:
    """A live run in the middle of its training."""
    writer = runs_factory.running(home, "cldr-hybrid-s0")
    yield writer
    writer.die()


@pytest.fixture
def dashboard(home: Path) -> Callable[..., Dashboard]:
    """Makes a dashboard whose clock stands three seconds after the last event of the gallery's live run."""

    def make(*, now: float = runs_factory.START + 40.0, charset: str = "braille", palette: Palette = DARK) -> Dashboard:
        return Dashboard(home, charset=charset, now=lambda: now, minutes_east=0, palette=palette)

    return make


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """Waits for a condition of the interface, whatever threads it depends on."""

    async def wait(pilot: Pilot[None], condition: Callable[[], object], what: str = "the condition") -> None:
        for _ in range(200):
            await pilot.pause()
            if condition():
                await pilot.pause()
                return
            await asyncio.sleep(0.02)
        pytest.fail(f"{what} did not come true within 4 s")

    return wait


@pytest.fixture
def same_as_snapshot(request: pytest.FixtureRequest) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Compares a screen with the test's snapshot, or writes it with ``--update-snapshots``."""
    path = request.path.parent / "__snapshots__" / request.path.stem / f"{request.node.name}.txt"

    async def check(pilot: Pilot[None]) -> None:
        await pilot.wait_for_scheduled_animations()
        await pilot.pause()
        message = difference(pilot.app, path, update=request.config.getoption("--update-snapshots"))
        if message:
            pytest.fail(message, pytrace=False)

    return check
