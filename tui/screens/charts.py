"""Which charts the overview shows: by a few letters of their names, enter shows or hides one."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult

from tui import keymap
from tui.drawing.cells import Row, fit
from tui.model.charts import Chart
from tui.model.edit import LineEdit
from tui.screens.dialog import Dialog
from tui.screens.palette import Query
from tui.widgets.lists import Items

_CELLS = 56
_CURSOR_KEYS = frozenset({"home", "end", "left", "right"})


class ChartsScreen(Dialog[frozenset[str]]):
    """Dismissed with the names of the charts that are hidden from now on."""

    BINDINGS = keymap.bindings("charts")
    name_in_keymap = "charts"

    def __init__(self, charts: Sequence[Chart], hidden: frozenset[str]) -> None:
        super().__init__("charts, by a few letters of their names")
        self.names = [chart.name for chart in charts]
        self.found = self.names
        self.hidden = hidden
        self.edit = LineEdit()
        self.query_line = Query(self.edit)
        self.list = Items(self._item)

    def body(self) -> ComposeResult:
        yield self.query_line
        yield self.list

    def wanted(self) -> tuple[int, int]:
        return _CELLS, len(self.names) + 2

    def on_mount(self) -> None:
        super().on_mount()
        self.list.show(len(self.found))

    def on_key(self, event: events.Key) -> None:
        if event.key in _CURSOR_KEYS or not self.edit.key(event.key, event.character):
            return
        event.stop()
        event.prevent_default()
        words = self.edit.text.lower().split()
        self.found = [name for name in self.names if all(word in name.lower() for word in words)]
        self.query_line.redraw()
        self.list.cursor.index = 0
        self.list.show(len(self.found))

    def action_show_or_hide(self) -> None:
        if self.found:
            self.hidden ^= {self.found[self.list.cursor.index]}
            self.list.redraw()

    def action_only(self) -> None:
        """Shows what is listed and hides the others; all of it listed: everything is shown."""
        self.hidden = frozenset(self.names) - frozenset(self.found)
        self.list.redraw()

    def action_close(self) -> None:
        self.dismiss(self.hidden)

    def action_move_up(self) -> None:
        self.list.move(-1)

    def action_move_down(self) -> None:
        self.list.move(1)

    def action_page_up(self) -> None:
        self.list.move_page(-1)

    def action_page_down(self) -> None:
        self.list.move_page(1)

    def action_first(self) -> None:
        self.list.move_to(0)

    def action_last(self) -> None:
        self.list.move_to(len(self.found))

    def _item(self, index: int, width: int) -> list[Row]:
        name = self.found[index]
        glyphs = self.list.glyphs
        shown = name not in self.hidden
        mark = (f" {glyphs.good} " if shown else "   ", "good")
        return [(mark, (fit(name, max(1, width - 3), ellipsis=glyphs.ellipsis), "bold" if shown else "dim"))]
