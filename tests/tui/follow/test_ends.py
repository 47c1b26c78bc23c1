"""A run that ends while the dashboard is open is told of, once."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers.terminal import HYBRID_TUI, Terminal
from msgspec.structs import replace
from runs_factory import RunWriter, finished

from engine import events
from tui.app import Dashboard
from tui.follow.ends import ends, told
from tui.follow.rows import LIVE_STATES, RunRow

ENDED = ("finished", "failed", "crashed", "paused", "stopped")


@pytest.fixture
async def row(running: RunWriter, dashboard: Callable[..., Dashboard], until: Callable[..., Awaitable[None]]) -> RunRow:
    app = dashboard()
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.snapshot is not None and app.snapshot.rows, "the run")
        assert app.snapshot is not None
        return app.snapshot.rows[0]


@pytest.mark.parametrize("state", ENDED)
def test_every_way_to_end_is_an_end(row: RunRow, state: str) -> None:
    end = replace(row, state=state)
    for live in LIVE_STATES:
        assert ends([replace(row, state=live)], [end]) == [end]
    again = replace(end, attempt=row.attempt + 1)
    assert ends([end], [again]) == [again]


def test_nothing_else_is_an_end(row: RunRow) -> None:
    end = replace(row, state="finished")
    assert ends([end], [end]) == []
    assert ends([], [end]) == []
    assert ends([row], [row]) == []
    assert ends([row], []) == []
    assert ends([end], [replace(row, attempt=row.attempt + 1)]) == []


def test_the_line_names_each_run_and_what_went_wrong(row: RunRow) -> None:
    failed = replace(row, state="failed", reason="CUDA out of memory", step=1200)
    assert told([replace(row, state="finished")]) == (f"{row.name} finished", "accent")
    assert told([replace(row, state="paused"), failed]) == (
        f"{row.name} is paused at step {row.step}; {row.name} failed at step 1,200: CUDA out of memory", "error",
    )  # fmt: skip


@pytest.mark.parametrize(("notify", "bells", "notifications"), [("off", 0, 0), ("bell", 1, 0), ("osc", 2, 1)])
def test_a_terminal_is_told_once_and_not_of_runs_that_had_ended_before(
    home: Path, running: RunWriter, notify: str, bells: int, notifications: int
) -> None:
    finished(home, "long-ago")
    settings = home.parent / "settings.toml"
    settings.write_text(f'notify = "{notify}"\n')
    command = ["env", "--unset=TMUX", "--unset=STY", HYBRID_TUI, "--runs", str(home), "--settings", str(settings)]
    terminal = Terminal(command)
    terminal.until("1 stalled", 20)
    running.add(events.RunFinished(step=310, seconds=34.2))
    running.die()
    terminal.until("cldr-hybrid-s0 finished", 20)
    for _ in range(20):
        terminal.read(0.2)
    terminal.press("q")
    terminal.wait()
    written = re.sub(rb"\x1b\]22;[a-z]*\x07", b"", bytes(terminal.written))  # Textual's own: the pointer's shape
    assert written.count(b"\x07") == bells
    sent = re.findall(rb"\x1b\]9;([^\x07]*)\x07", written)
    assert len(sent) == notifications
    assert all(text.startswith(b"hybrid-tui: ") and text.endswith(b" finished") for text in sent)


def test_a_killed_worker_is_told_of(home: Path, running: RunWriter) -> None:
    terminal = Terminal([HYBRID_TUI, "--runs", str(home)])
    terminal.until("1 stalled", 20)
    running.die()
    terminal.until("crashed at step", 20)
    assert b"\x1b]9;hybrid-tui: " in terminal.written
    terminal.process.terminate()
    terminal.wait()
