"""Which charts the overview shows: by a few letters of their names, enter shows or hides one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tui import keymap
from tui.dialogs.choose import Chooser
from tui.draw.text import Row, fit
from tui.follow.charts import Chart

_CELLS = 56


class ChartsScreen(Chooser[frozenset[str]]):
    """Dismissed with the names of the charts that are hidden from now on."""

    BINDINGS = keymap.bindings("charts")
    name_in_keymap = "charts"
    cells: ClassVar[int] = _CELLS

    def __init__(self, charts: Sequence[Chart], hidden: frozenset[str]) -> None:
        super().__init__("charts", "a few letters of their names")
        self.names = [chart.name for chart in charts]
        self.hidden = hidden

    @property
    def count(self) -> int:
        return len(self.names)

    def text(self, index: int) -> str:
        return self.names[index]

    def item(self, index: int, width: int) -> Row:
        name, glyphs = self.names[index], self.host.glyphs
        shown = name not in self.hidden
        mark = (f"{glyphs.good} " if shown else "  ", "good")
        return mark, (fit(name, max(1, width - 2), ellipsis=glyphs.ellipsis), "bold" if shown else "dim")

    def chosen(self, index: int) -> None:
        self.hidden ^= {self.names[index]}
        self.redraw_items()

    def action_show_or_hide(self) -> None:
        self.action_choose()

    def action_only(self) -> None:
        """Shows what is listed and hides the others; all of it listed: everything is shown."""
        listed = {self.names[index] for index in self.listed}
        self.hidden = frozenset(self.names) - listed
        self.redraw_items()

    def action_close(self) -> None:
        self.dismiss(self.hidden)
