"""What stands on a dashboard's screen, as text."""

from __future__ import annotations

from typing import Any

from rich.segment import Segment
from textual.app import App


def drawn_lines(app: App[Any], *, behind: bool = False) -> list[list[Segment]]:
    """The rows of the screen in front; with ``behind``, also what shows through or beside a dialog."""
    if not behind:
        return [list(strip) for strip in app.screen._compositor.render_strips()]
    update: Any = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    return [[segment for strip in line for segment in strip] for line in update.strips]


def text_of(app: App[Any]) -> str:
    """What stands on the screen in front, row by row."""
    return "\n".join("".join(segment.text for segment in line) for line in drawn_lines(app))


def lines_of(app: App[Any]) -> list[str]:
    """The same as rows, without blanks at their ends."""
    return [line.rstrip() for line in text_of(app).split("\n")]
