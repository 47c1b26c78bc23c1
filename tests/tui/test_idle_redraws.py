"""What a live run changes is drawn as if everything were drawn anew, and no more often than it changes."""

from __future__ import annotations

import pytest
from helpers.opening import Make, Until, open_first
from helpers.sizes import NARROW, WIDE
from runs_factory import RunWriter
from textual._styles_cache import StylesCache
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tui.app import NewSnapshot
from tui.terminal.kept_lines import Kept
from tui.widgets.panel import Panel


def lines(strips: list[Strip]) -> list[list[tuple[str, object]]]:
    """Styled text, however it is cut into segments."""
    return [[(segment.text, segment.style) for segment in strip.simplify()] for strip in strips]


def assert_all_lines_are_true(screen: Screen[None]) -> int:
    """Against Textual's own store, which has kept nothing; how many widgets were looked at."""
    kept: list[Widget] = [
        widget for widget in screen.walk_children(with_self=True)
        if isinstance(widget._styles_cache, Kept) and widget.outer_size and widget.is_on_screen
    ]  # fmt: skip
    for widget in kept:
        crop = widget.outer_size.region
        shown = lines(widget.render_lines(crop))
        assert shown == lines(StylesCache().render_widget(widget, crop)), widget
    return len(kept)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_lines_that_are_kept_are_those_that_would_be_drawn(
    running: RunWriter, dashboard: Make, until: Until, size: tuple[int, int]
) -> None:
    """Through new steps, other titles, a crosshair, another tab and a resize."""
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        screen = await open_first(pilot, app, until)
        assert assert_all_lines_are_true(screen) > 5
        running.steps(311, 320)
        app.feed.hurry()
        await until(pilot, lambda: screen.detail is not None and screen.detail.row.step == 320, "the new steps")
        assert_all_lines_are_true(screen)
        for key in ("left", "up", "2", "1", "0"):
            await pilot.press(key)
            await pilot.pause()
            assert_all_lines_are_true(screen)
        screen.query(Panel).first().retitle("another title")
        await pilot.pause()
        assert_all_lines_are_true(screen)
        await pilot.resize_terminal(90, 30)
        await pilot.pause()
        assert_all_lines_are_true(screen)


async def test_a_second_is_not_told_twice(
    running: RunWriter, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """News bring the ages with them: the tick after them draws nothing, the next one does."""
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        app.feed.stop()
        told: list[float] = []
        monkeypatch.setattr(screen, "tick", told.append)
        assert app.snapshot is not None
        app.on_new_snapshot(NewSnapshot(app.snapshot))
        assert len(told) == 1
        app.tick()
        assert len(told) == 1
        app.tick()
        assert len(told) == 2
