"""The heatmap tab of the run screen."""

from __future__ import annotations

from tui.model.detail import RunDetail
from tui.model.selection import Selection
from tui.screens.tab import Tab
from tui.widgets.heat import HeatPanel, HeatSummary


class HeatmapTab(Tab):
    """Which language pairs work, and what changed?"""

    DEFAULT_CSS = """
    HeatmapTab > .side { width: 40; }
    HeatmapTab.-single > .side { width: 1fr; }
    """

    def __init__(self) -> None:
        self.heat, self.summary = HeatPanel(), HeatSummary()
        super().__init__(((self.heat,), (self.summary,)), (self.heat, self.summary))
        self._columns[1].add_class("side")

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        points, point = selection.points(detail), selection.point(detail)
        self.heat.show(points, point)
        self.summary.show(points, point)

    def move(self, rows: int, columns: int) -> None:
        self.heat.move(rows, columns)

    def remark(self) -> str:
        return self.heat.at_cursor()
