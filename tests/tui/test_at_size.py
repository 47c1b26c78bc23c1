"""500 runs, long logs and four live runs at once cost what is new and what is in sight, not what is there."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.opening import Make, Until
from helpers.sizes import WIDE
from runs_factory import START, RunWriter, run_config, running

from engine import events
from engine.runs.reader import RunReader
from tui.follow.feed import Feed
from tui.follow.wish import Watch, Wish
from tui.runs import table as runs_table
from tui.runs.screen import RunsScreen
from tui.settings import Rates

RUNS = 500
LONG = 100_000  # events
_opened: Counter[str] = Counter()
_watching: list[str] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _watching and isinstance(arguments[0], (str, os.PathLike)):
        path = os.fspath(arguments[0])
        if path.startswith(_watching[0]):
            _opened[Path(path).name] += 1


@pytest.fixture(scope="module")
def audited() -> None:
    sys.addaudithook(_audit)


@pytest.fixture
def opened(audited: None, home: Path) -> Iterator[Counter[str]]:
    """Files opened under the home so far, by name."""
    _opened.clear()
    _watching[:] = [str(home)]
    yield _opened
    _watching.clear()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes read from logs, one entry a read."""
    sizes: list[int] = []
    real = os.pread

    def pread(fd: int, length: int, offset: int) -> bytes:
        data = real(fd, length, offset)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", pread)
    return sizes


@pytest.fixture
def many(home: Path) -> list[RunWriter]:
    """500 finished runs, as workers leave them: with their snapshots."""
    writers = []
    for index in range(RUNS):
        name = f"run-{index:03}"
        writer = RunWriter(home, name, run_config(name), created=START + index).started().steps(1, 20)
        writer.add(events.RunFinished(step=20, seconds=1.0))
        reader = RunReader(writer.folder)
        reader.poll()
        reader.save_snapshot()
        writers.append(writer)
    return writers


def test_five_hundred_runs_are_read_once_and_then_looked_at_in_turns(
    home: Path, many: list[RunWriter], opened: Counter[str]
) -> None:
    feed = Feed(home, lambda snapshot: None, lambda: START + 5000)
    snapshot = feed.step()
    assert snapshot is not None
    assert len(snapshot.rows) == RUNS
    assert opened["events.jsonl"] == 0  # the snapshots say it all
    turns = 5
    ticks = turns * round(Rates().others / Rates().live)
    opened.clear()
    assert [feed.step() for _ in range(ticks)] == [None] * ticks
    assert sum(opened.values()) <= (turns + 1) * RUNS + RUNS  # each run's lock once a turn, and the list once


async def test_a_key_among_five_hundred_runs_draws_what_is_in_sight(
    many: list[RunWriter], dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = dashboard()
    drawn: list[object] = []
    real = runs_table.lines
    monkeypatch.setattr("tui.runs.screen.lines", lambda *arguments: drawn.append(arguments) or real(*arguments))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None and len(app.snapshot.rows) == RUNS, "the runs")
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        for key in ("down", "end", "up", "pageup", "home"):
            drawn.clear()
            await pilot.press(key)
            assert 0 < len(drawn) < 4 * 36, key
        await pilot.press("slash", *"run-499", "enter")
        await until(pilot, lambda: screen.table.count == 1, "the filtered list")


def test_a_long_log_is_read_once_and_then_only_its_end(home: Path, read: list[int]) -> None:
    writer = RunWriter(home, "long", run_config("long", max_steps=10 * LONG)).live().started()
    step = events.Step(
        first_step=1, loss=[1.0], mode=["mono"], lr=[0.1], masked=[0.0], grad_norm=[1.0], seconds=[0.1],
        data_wait=[0.0], tokens=[10], attempt=1,
    )  # fmt: skip
    encoded = (
        events.encode(msgspec.structs.replace(step, seq=2 + index, t=START + index / 100, first_step=index))
        for index in range(1, LONG + 1)
    )
    with writer.folder.events.open("ab") as log:
        log.writelines(encoded)
    feed = Feed(home, lambda snapshot: None, lambda: START + 5000)
    feed.want([Wish(run=Watch(writer.folder))])
    snapshot = feed.step()
    assert snapshot is not None
    assert snapshot.details[0].row.step == LONG
    before = writer.folder.events.stat().st_size
    read.clear()
    writer.steps(LONG + 1, LONG + 50)
    snapshot = feed.step()
    writer.die()
    assert snapshot is not None
    assert snapshot.details[0].row.step == LONG + 50
    assert sum(read) <= writer.folder.events.stat().st_size - before + 4096  # and the owner of the lock


def test_four_live_runs_cost_what_they_wrote(home: Path, read: list[int]) -> None:
    writers = [running(home, f"live-{index}") for index in range(4)]
    feed = Feed(home, lambda snapshot: None, lambda: START + 5000)
    feed.want([Wish(run=Watch(writers[0].folder))])
    assert feed.step() is not None
    for turn in range(3):
        before = sum(writer.folder.events.stat().st_size for writer in writers)
        read.clear()
        for writer in writers:
            writer.steps(311 + 5 * turn, 315 + 5 * turn)
        snapshot = feed.step()
        assert snapshot is not None
        assert {row.step for row in snapshot.rows} == {315 + 5 * turn}
        after = sum(writer.folder.events.stat().st_size for writer in writers)
        assert sum(read) <= after - before + 4 * 4096
    for writer in writers:
        writer.die()
