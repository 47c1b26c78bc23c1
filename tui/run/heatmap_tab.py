"""The heatmap tab of the run screen."""

from __future__ import annotations

from dataclasses import replace

from tui.follow.detail import RunDetail
from tui.run.contrast import Against
from tui.run.heatmap_panels import HeatPanel, HeatSummary
from tui.run.selection import Cell, Selection
from tui.run.tab import Tab


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
        against = selection.against(detail)
        asked = against is not None
        if against is None and selection.contrast is None and points and points[0] is not point:
            against = Against(f"step {points[0].step:,}", points[0], None)
        has_steps = detail.row.kind == "training"
        self.heat.show(
            replace(self.heat.state, points=points, has_steps=has_steps, point=point, against=against, asked=asked)
        )
        self._summarise()

    def move(self, rows: int, columns: int) -> None:
        self.heat.move(rows, columns)
        self._summarise()

    def cell(self) -> Cell | None:
        return self.heat.cell()

    def next_measure(self) -> str:
        name = self.heat.next_measure()
        self._summarise()
        return name

    def next_view(self) -> str:
        name = self.heat.next_view()
        self._summarise()
        return name

    def remark(self) -> str:
        return self.heat.at_cursor()

    def _summarise(self) -> None:
        self.summary.show(self.heat.state, self.heat.cell())
