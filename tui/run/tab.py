"""What the tabs of the run screen have in common: panels in columns, or one panel at a time on a narrow screen."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from tui.follow.detail import RunDetail
from tui.host import Host, host_of
from tui.run.selection import Selection
from tui.terminal.kept_lines import kept


class Tab(Widget):
    """``columns`` of panels from left to right; the first panel is the one a narrow screen shows first."""

    DEFAULT_CSS = """
    Tab { layout: horizontal; height: 1fr; width: 1fr; }
    Tab > Vertical { width: 1fr; height: 1fr; }
    """

    def __init__(self, columns: Sequence[Sequence[Widget]], narrow_order: Sequence[Widget]) -> None:
        super().__init__()
        kept(self)
        self._columns = [kept(Vertical(*column)) for column in columns]
        self.panels = narrow_order
        self.chosen = 0  # of the panels: the one a narrow screen shows
        self.detail: RunDetail | None = None

    @property
    def host(self) -> Host:
        return host_of(self)

    def compose(self) -> ComposeResult:
        yield from self._columns

    def lay_out(self, narrow: bool, chosen: int) -> None:
        """Shows all panels, or the chosen one alone."""
        self.chosen = chosen % len(self.panels)
        self.set_class(narrow, "-single")
        for index, panel in enumerate(self.panels):
            panel.display = not narrow or index == self.chosen
        for column in self._columns:
            column.display = any(panel.display for panel in column.children)

    def show(self, detail: RunDetail, selection: Selection) -> None:
        """Takes what is new."""
        self.detail = detail

    def tick(self, now: float) -> None:
        """A second has passed."""

    def move(self, rows: int, columns: int) -> None:
        """Arrow keys."""

    def page(self, pages: int) -> None:
        """Page keys."""

    def end(self, last: bool) -> None:
        """Home and end."""

    def remark(self) -> str:
        """What the message line should say about the cursor."""
        return ""

    def hint(self) -> str:
        """What the message line says of keys when there is nothing else to say."""
        return ""
