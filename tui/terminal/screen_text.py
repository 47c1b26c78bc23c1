"""What stands on a screen, as plain text."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from tui.terminal import private_api
from tui.terminal.stand_ins import restored


def screen_lines(screen: Screen[Any]) -> list[str]:
    """Its lines without blanks at their ends; none where the installed Textual does not tell (``private_api``)."""
    if private_api.difference():
        return []
    strips = screen._compositor.render_strips()
    return [restored("".join(text for text, _, _ in strip)).rstrip() for strip in strips]
