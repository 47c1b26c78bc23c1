"""The bias tab: does the answer's language decide its rank?"""

from __future__ import annotations

from tui.model.detail import RunDetail
from tui.model.selection import Selection
from tui.screens.tab import Tab
from tui.widgets.bias import AdvantagePanel, BiasTrend, DistancePanel


class BiasTab(Tab):
    """Does the answer's language decide its rank?"""

    DEFAULT_CSS = """
    BiasTab > .side { width: 48; }
    BiasTab.-single > .side { width: 1fr; }
    """

    def __init__(self) -> None:
        self.distance, self.advantage, self.trend = DistancePanel(), AdvantagePanel(), BiasTrend()
        super().__init__(((self.distance, self.trend), (self.advantage,)), (self.distance, self.advantage, self.trend))
        self._columns[1].add_class("side")

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        points, point = selection.points(detail), selection.point(detail)
        self.distance.show(points, point)
        self.advantage.show(point)
        self.trend.show(points)
