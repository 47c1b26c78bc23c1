"""The panel beside the form: what the field with the cursor means, and what a start would do."""

from __future__ import annotations

from textual import events

from tui import keymap
from tui.draw.text import Row, wrap
from tui.launch.fields import Checked
from tui.launch.plan import plan_rows
from tui.numbers import visible
from tui.widgets.lists import Moving
from tui.widgets.panel import Panel

_MEANING = 4  # lines of a field's meaning


class Before(Moving, Panel):
    """It can have the focus where it stands in the place of the form: then the arrow keys scroll it."""

    BINDINGS = keymap.bindings("text")

    def __init__(self) -> None:
        super().__init__("before you start", id="before")
        self.meaning = ""
        self.checked = Checked(None)
        self.refused = ""  # why the last start came to nothing
        self.hint = ""  # what to do about what is wrong
        self._top = 0

    @property
    def count(self) -> int:  # type: ignore[override]
        """Lines in all."""
        return len(self._lines(self.size.width, self.size.height))

    def show(self, meaning: str) -> None:
        self.meaning = meaning
        self.redraw()

    def move(self, by: int) -> None:
        """Scrolls by that many lines, where not all are in sight."""
        self.move_to(self._top + by)

    def move_page(self, pages: int) -> None:
        self.move(pages * max(1, self.size.height - 2))

    def move_to(self, index: int) -> None:
        self._top = index
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.move(-1)

    def rows(self, width: int, height: int) -> list[Row]:
        lines = self._lines(width, height)
        self._top = max(0, min(self._top, len(lines) - height))
        self.tell_hidden(self._top, len(lines) - height - self._top)
        return lines[self._top : self._top + height]

    def _lines(self, width: int, height: int) -> list[Row]:
        meaning: list[Row] = [((line, ""),) for line in wrap(visible(self.meaning), width)]
        figures = self._figures(width)
        spare = height - len(meaning) - 1 - len(figures)
        gap = 1 + max(0, min(_MEANING - len(meaning), spare))  # where there is room the figures keep their place
        return meaning + [()] * gap + figures

    def _figures(self, width: int) -> list[Row]:
        checked = self.checked
        if checked.reason:
            rows = _wrapped(f"{checked.field}: {checked.reason}" if checked.field else checked.reason, width, "error")
            return [*rows, (), *_wrapped(self.hint, width, "")] if self.hint else rows
        if self.refused:
            return [*_wrapped(f"not started: {self.refused}", width, "error"), (), *plan_rows(checked, width)]
        return plan_rows(checked, width)


def _wrapped(text: str, width: int, style: str) -> list[Row]:
    return [((line, style),) for line in wrap(visible(text), width)]
