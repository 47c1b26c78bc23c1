"""Jump mode goes where its letters stand; copying reaches clipboard and file, and carries nothing that drives."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from helpers.opening import Make, Until
from helpers.screens import text_of
from helpers.sizes import NARROW, WIDE
from helpers.terminal import HYBRID_TUI
from helpers.tmux import Tmux, needs_tmux
from hypothesis import given
from hypothesis import strategies as st
from runs_factory import RunWriter

from tui.app import Dashboard
from tui.clipboard import clean, copy_path, osc52
from tui.dialogs.choose import ChooseScreen
from tui.dialogs.help import HelpScreen
from tui.dialogs.jump import JumpScreen, Letter, letters
from tui.launch.screen import LaunchScreen
from tui.run.screen import RunScreen
from tui.runs.screen import RunsScreen


async def jump_to(pilot: Any, app: Dashboard, y: int, x: int = -1, key: str = "j") -> None:
    """Presses the letter that stands on a line (and cell)."""
    await pilot.press(key)
    screen = app.screen
    assert isinstance(screen, JumpScreen)
    found = [letter for letter in screen.query(Letter) if letter.region.y == y and (x < 0 or letter.region.x == x)]
    assert found, [(letter.letter, letter.region) for letter in screen.query(Letter)]
    await pilot.press(*found[0].letter)
    await pilot.pause()


async def test_letters_stand_on_rows_tabs_and_fields_and_typing_one_goes_there(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None, "the runs")
        runs = app.screen
        assert isinstance(runs, RunsScreen)
        await jump_to(pilot, app, runs.table.content_region.y + 2)
        assert runs.table.cursor.index > 0
        await jump_to(pilot, app, runs.table.content_region.y)
        assert runs.table.cursor.index == 0
        await pilot.press("enter")
        run = app.screen
        assert isinstance(run, RunScreen)
        await until(pilot, lambda: run.detail is not None, "the run")
        third = 1 + sum(len(run.tabs.label(index)) for index in range(2))
        await jump_to(pilot, app, run.tabs.content_region.y, third)
        await until(pilot, lambda: run.active == "bias", "the third tab")
        await pilot.press("q", "n")
        launch = app.screen
        assert isinstance(launch, LaunchScreen)
        await until(pilot, lambda: launch.checked.config is not None, "the form")
        await jump_to(pilot, app, launch.form.lines[2].region.y, launch.form.lines[2].region.x, key="f8")
        assert launch.form.index == 2


async def test_text_that_the_mouse_is_drawn_over_is_marked_and_copied(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    path = copy_path()
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.snapshot is not None, "the runs")
        runs = app.screen
        assert isinstance(runs, RunsScreen)
        await pilot.pause()
        top = runs.table.content_region.offset
        lines = text_of(app).split("\n")
        await pilot.mouse_down(offset=(top.x + 3, top.y + 2))
        await pilot.hover(offset=(top.x + 20, top.y + 2))
        await pilot.mouse_up(offset=(top.x + 20, top.y + 2))
        await until(pilot, lambda: path.is_file() and path.read_text().strip(), "the copy")
        assert path.read_text().strip() == lines[top.y + 2][top.x + 3 : top.x + 21].strip()
        assert runs.table.text_selection is not None
        await pilot.click(offset=(top.x + 3, top.y + 4))
        assert runs.table.text_selection is None, "a click elsewhere ends it"


async def test_a_click_on_the_footer_presses_the_key_that_was_hit(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.snapshot is not None, "the runs")
        runs = app.screen
        assert isinstance(runs, RunsScreen)
        line = text_of(app).split("\n")[runs.footer.region.y]
        await pilot.click(offset=(line.index("space mark") + 2, runs.footer.region.y))
        await until(pilot, lambda: len(runs.marked) == 1, "the mark")
        line = text_of(app).split("\n")[runs.footer.region.y]
        await pilot.click(offset=(line.index("? help"), runs.footer.region.y))
        await until(pilot, lambda: isinstance(app.screen, HelpScreen), "help")
        await pilot.press("q")
        await pilot.press("enter")
        run = app.screen
        assert isinstance(run, RunScreen)
        await until(pilot, lambda: run.detail is not None, "the run")
        line = text_of(app).split("\n")[run.footer.region.y]
        smoothing = run.detail.smoothing  # type: ignore[union-attr]
        await pilot.click(offset=(line.index("+ -") + 2, run.footer.region.y))
        await until(pilot, lambda: run.detail is not None and run.detail.smoothing < smoothing, "less smoothing")


async def test_a_picture_of_the_screen_is_written_and_its_path_told(
    gallery: list[RunWriter], dashboard: Make, until: Until, tmp_path: Path
) -> None:
    app = dashboard()
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.snapshot is not None, "the runs")
        await pilot.press("f12")
        await until(pilot, lambda: ".svg" in app.screen.message.text, "the path")  # type: ignore[attr-defined]
        path = Path(app.screen.message.text.strip().rpartition(" ")[2])  # type: ignore[attr-defined]
        assert "cldr-mono-s0" in path.read_text().replace("&#160;", " ")


async def test_whatever_is_no_letter_of_a_place_leaves_jump_mode(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, lambda: app.snapshot is not None, "the runs")
        for key in ("escape", "ctrl+g", "9", "f5", "down"):
            await pilot.press("j")
            assert isinstance(app.screen, JumpScreen)
            await pilot.press(key)
            assert isinstance(app.screen, RunsScreen)


async def test_the_palette_finds_every_run_by_its_name_or_id(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None, "the runs")
        await pilot.press("colon", *"xquad e5", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run")
        run = app.screen
        assert isinstance(run, RunScreen)
        assert run.folder.id == "20260922-xquad-r-e5"


@given(st.integers(0, 600))
def test_no_name_of_a_place_is_the_beginning_of_another(count: int) -> None:
    names = letters(count)
    assert len(set(names)) == count
    assert len({len(name) for name in names}) <= 1


@given(st.text())
def test_what_is_copied_carries_no_control_character_but_line_breaks(text: str) -> None:
    copied = clean(text)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", copied)
    assert copied.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    ("environment", "wrapped"),
    [
        ({}, "{}"),
        ({"TMUX": "/tmp/tmux"}, "{}\x1bPtmux;\x1b{}\x1b\\"),
        ({"STY": "1.pts"}, "\x1bP{}\x1b\\"),
    ],
)
def test_the_clipboard_is_reached_through_tmux_and_screen(environment: dict[str, str], wrapped: str) -> None:
    plain = f"\x1b]52;c;{base64.b64encode('θ: 0.5'.encode()).decode()}\x07"
    assert osc52("θ: 0.5", environment) == wrapped.format(plain, plain)


def test_more_than_terminals_take_is_not_sent() -> None:
    assert osc52("x" * 50_000, {})
    assert osc52("x" * 60_000, {}) == ""


async def test_the_file_holds_what_was_copied_and_its_path_is_told(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    path = copy_path()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None, "the runs")
        runs = app.screen
        assert isinstance(runs, RunsScreen)
        row = runs.current()
        assert row is not None
        for index, expected in enumerate((row.folder.id, str(row.folder.path))):
            await pilot.press("Y", *["down"] * index, "enter")
            await until(pilot, lambda text=expected: path.is_file() and path.read_text() == f"{text}\n", expected)
            await until(pilot, lambda: "state/hybrid-tui/copied.txt" in runs.message.text, "the path")
        await pilot.press("Y", "end")
        assert isinstance(app.screen, ChooseScreen)
        await pilot.press("enter")
        await until(pilot, lambda: "cldr-mono-s0" in path.read_text(), "the table")
        copied = path.read_text().split("\n")
    assert "name" in copied[0]
    assert sum("finished" in line for line in copied) == 2
    assert path.stat().st_mode & 0o777 == 0o600


@needs_tmux
def test_a_copied_id_lands_in_tmux_and_in_the_terminal_around_it(
    home: Path, gallery: list[RunWriter], tmp_path: Path
) -> None:
    session = Tmux(tmp_path, [HYBRID_TUI, "--runs", str(home)])
    try:
        session.run("set-option", "-g", "set-clipboard", "on")
        session.run("set-option", "-g", "allow-passthrough", "on")
        outer = session.attach()
        outer.until("cldr-mono-s0")
        outer.press("Y", "enter")
        outer.until("copied 20260922-")
        session.until(lambda _: session.run("show-buffer").startswith("20260922-"), "tmux's buffer")
        copied = session.run("show-buffer")
        sequence = b"\x1b]52;c;" + base64.b64encode(copied.encode())
        assert sequence in outer.written
        outer.hang_up()
    finally:
        session.kill()
