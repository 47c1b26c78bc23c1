"""The working folder may be deleted under an open dashboard: a scratch purge, a worktree that is removed."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers.terminal import HYBRID_TUI, Terminal
from runs_factory import RunWriter, finished

from engine.config import sample_configs_folder
from engine.runs.registry import list_runs
from tui.app import Dashboard
from tui.dialogs.export import ExportScreen

pytestmark = pytest.mark.timeout(120)


def test_the_dashboard_goes_on_and_starts_nothing_there(home: Path, tmp_path: Path) -> None:
    finished(home, "cldr-hybrid-s0")
    folder = tmp_path / "gone"
    folder.mkdir()
    terminal = Terminal(["sh", "-c", f"cd {folder} && exec {HYBRID_TUI} --runs {home}"])
    terminal.until("cldr-hybrid-s0")
    folder.rmdir()
    terminal.press("enter")
    terminal.until("last event")
    terminal.press("6")
    terminal.until("[model]")
    terminal.press("q", "n")
    terminal.until("new run from")
    terminal.press("f5")
    terminal.until("the working folder has been removed")
    terminal.press("\x07")
    while "new run from" in terminal.text():
        terminal.read(0.1)
    terminal.press("q")
    assert terminal.wait() == 0
    assert len(list_runs(home)) == 1


def test_a_run_is_not_started_from_a_folder_that_is_gone(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    config = sample_configs_folder() / "cldr-hybrid.toml"
    script = f"cd {folder} && rmdir {folder} && exec {HYBRID_TUI} --runs {home} run {config}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "the working folder has been removed: go to one that exists" in line
    assert list(home.iterdir()) == []


async def test_a_tilde_of_nobody_is_a_file_name_in_the_export_dialog(
    gallery: list[RunWriter], dashboard: Callable[..., Dashboard], until: Callable[..., Awaitable[None]]
) -> None:
    app = dashboard()
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.snapshot is not None, "the runs")
        await pilot.press("x")
        screen = app.screen
        assert isinstance(screen, ExportScreen)
        await pilot.press("down", "down", "ctrl+u", "~", "b")
        await pilot.pause()
        assert app.screen is screen
        assert "is written in" in screen.message.text
