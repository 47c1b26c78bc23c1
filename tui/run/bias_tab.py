"""The bias tab: does the answer's language decide its rank?"""

from __future__ import annotations

from textual.widget import Widget

from tui.follow.detail import RunDetail
from tui.run.bias_more import MeasuresPanel, SharePanel, TrendPanel
from tui.run.bias_panels import AdvantagePanel, DistancePanel
from tui.run.selection import Selection
from tui.run.tab import Tab
from tui.widgets.scrolled import Scrolled


class BiasTab(Tab):
    """Dispersion and direction above, who fills the top of the lists and the way there below."""

    DEFAULT_CSS = """
    BiasTab > .side { width: 48; }
    BiasTab #advantage { height: 50%; }
    BiasTab #bias-trend { height: 9; }
    BiasTab .-chosen { border-title-color: $accent; border-title-style: bold; }
    BiasTab.-single > .side { width: 1fr; }
    BiasTab.-single #advantage, BiasTab.-single #bias-trend { height: 1fr; }
    """

    def __init__(self) -> None:
        self.distance, self.advantage, self.shares = DistancePanel(), AdvantagePanel(), SharePanel()
        self.trend, self.measures = TrendPanel(), MeasuresPanel()
        super().__init__(
            ((self.distance, self.shares), (self.advantage, self.trend, self.measures)),
            (self.distance, self.advantage, self.shares, self.trend, self.measures),
        )
        self._columns[1].add_class("side")
        self._scrolled: Widget = self.distance
        self._narrow = False

    def lay_out(self, narrow: bool, chosen: int) -> None:
        self._narrow = narrow
        if not narrow and self.panels[chosen % len(self.panels)] is self.trend:
            chosen += 1  # nothing in it scrolls
        super().lay_out(narrow, chosen)
        self._scrolled = self.panels[chosen % len(self.panels)]
        for panel in self.panels:
            panel.set_class(panel is self._scrolled and not narrow, "-chosen")

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        points, point = selection.points(detail), selection.point(detail)
        if detail.row.kind == "evaluation" and self.trend in self.panels:
            self.panels = tuple(panel for panel in self.panels if panel is not self.trend)
            self.trend.display = False  # there is no way there
            self.lay_out(self._narrow, self.chosen)
        self.distance.show(points if self.trend in self.panels else (), point)
        self.advantage.show(point)
        self.shares.show(point)
        self.trend.show(points)
        self.measures.show(point)

    def turn(self) -> None:
        """Distributions as histograms or cumulative."""
        self.distance.turn()

    def move(self, rows: int, columns: int) -> None:
        if isinstance(self._scrolled, Scrolled):
            self._scrolled.move(rows, columns)

    def page(self, pages: int) -> None:
        if isinstance(self._scrolled, Scrolled):
            self._scrolled.page(pages)

    def end(self, last: bool) -> None:
        if isinstance(self._scrolled, Scrolled):
            self._scrolled.end(last)

    def hint(self) -> str:
        return "up and down scroll the panel with the bright title, o chooses another"
