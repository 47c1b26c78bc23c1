"""Panels whose content may be longer than they are: the head stays, the rest scrolls."""

from __future__ import annotations

from textual import events

from tui.draw.text import Row
from tui.widgets.panel import Panel

_WHEEL = 3  # lines


class Scrolled(Panel):
    """Subclasses give ``parts``; what is hidden is counted in the lower border."""

    def __init__(self, title: str = "", *, id: str | None = None) -> None:
        super().__init__(title, id=id)
        self.top = 0

    def parts(self, width: int, height: int) -> tuple[list[Row], list[Row]]:
        """The lines that stay on top, and those that scroll below them."""
        raise NotImplementedError

    def rows(self, width: int, height: int) -> list[Row]:
        head, body = self.parts(width, height)
        room = max(1, height - len(head))
        self.top = max(0, min(self.top, len(body) - room))
        self.tell_hidden(self.top, len(body) - room - self.top)
        return head + body[self.top : self.top + room]

    def move(self, rows: int, columns: int) -> None:
        """Arrow keys; only what scrolls sideways takes notice of ``columns``."""
        self.top += rows
        self.redraw()

    def page(self, pages: int) -> None:
        self.move(pages * max(1, self.size.height - 2), 0)

    def end(self, last: bool) -> None:
        self.top = 0
        self.move(len(self.parts(self.size.width, self.size.height)[1]) if last else 0, 0)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.move(_WHEEL, 0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.move(-_WHEEL, 0)
