"""What tests of the dashboard have in common."""

from __future__ import annotations

from tui.app import Dashboard


def text_of(app: Dashboard) -> str:
    """What stands on the screen in front, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def lines_of(app: Dashboard) -> list[str]:
    """The same as lines, without blanks at their ends."""
    return [line.rstrip() for line in text_of(app).split("\n")]
