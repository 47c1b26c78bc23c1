"""Panels whose content may be longer than they are: the head stays, the rest scrolls."""

from __future__ import annotations

from textual import events

from tui import keymap
from tui.draw.text import Row
from tui.widgets.lists import Moving
from tui.widgets.panel import Panel

_WHEEL = 3  # lines


class Scrolled(Moving, Panel, can_focus=True):
    """Subclasses give ``parts``; what is hidden is counted in the lower border."""

    BINDINGS = keymap.bindings("text")

    def __init__(self, title: str = "", *, id: str | None = None) -> None:
        super().__init__(title, id=id)
        self.top = 0
        self.count = 0  # lines of the body, as it was drawn last

    def parts(self, width: int, height: int) -> tuple[list[Row], list[Row]]:
        """The lines that stay on top, and those that scroll below them."""
        raise NotImplementedError

    def rows(self, width: int, height: int) -> list[Row]:
        head, body = self.parts(width, height)
        room = max(1, height - len(head))
        self.count = len(body)
        self.top = max(0, min(self.top, len(body) - room))
        self.tell_hidden(self.top, len(body) - room - self.top)
        return head + body[self.top : self.top + room]

    def move(self, by: int) -> None:
        self.top += by
        self.redraw()

    def move_page(self, pages: int) -> None:
        self.move(pages * max(1, self.size.height - 2))

    def move_to(self, index: int) -> None:
        self.top = index
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.move(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.move(-_WHEEL)
