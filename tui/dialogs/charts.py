"""Which charts the overview shows: by a few letters of their names, enter shows or hides one."""

from __future__ import annotations

from collections.abc import Sequence

from tui import keymap
from tui.dialogs.list_dialog import SearchDialog
from tui.draw.text import Row, fit
from tui.follow.charts import Chart

_CELLS = 56


class ChartsScreen(SearchDialog[frozenset[str]]):
    """Dismissed with the names of the charts that are hidden from now on."""

    BINDINGS = keymap.bindings("charts")
    name_in_keymap = "charts"

    def __init__(self, charts: Sequence[Chart], hidden: frozenset[str]) -> None:
        super().__init__("charts, by a few letters of their names")
        self.names = [chart.name for chart in charts]
        self.found = self.names
        self.hidden = hidden

    @property
    def count(self) -> int:
        return len(self.found)

    def wanted(self) -> tuple[int, int]:
        return _CELLS, len(self.names) + 2

    def search(self, words: Sequence[str]) -> None:
        self.found = [name for name in self.names if all(word in name.lower() for word in words)]

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

    def _item(self, index: int, width: int) -> list[Row]:
        name = self.found[index]
        glyphs = self.list.glyphs
        shown = name not in self.hidden
        mark = (f"{glyphs.good} " if shown else "  ", "good")
        at = (self.cursor_mark(index), "key")
        return [(at, mark, (fit(name, max(1, width - 4), ellipsis=glyphs.ellipsis), "bold" if shown else "dim"))]
