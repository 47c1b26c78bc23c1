"""The tabs of the run screen, by name; here are overview and bias, the others have files of their own."""

from __future__ import annotations

from collections.abc import Callable

from tui.drawing.cells import Row
from tui.model.detail import RunDetail
from tui.model.selection import Selection
from tui.screens.heatmap_tab import HeatmapTab
from tui.screens.tab import Tab
from tui.screens.text_tabs import ConfigTab, LogTab
from tui.widgets.bias import AdvantagePanel, BiasTrend, DistancePanel
from tui.widgets.lists import Lines
from tui.widgets.overview import EvaluationPanel, LossPanel, NowPanel
from tui.widgets.texts import note_rows


class OverviewTab(Tab):
    """Is it learning, and how fast will it be done?"""

    DEFAULT_CSS = """
    OverviewTab #overview-log { height: 8; }
    OverviewTab #now { height: 12; }
    OverviewTab > .side { width: 38; }
    OverviewTab.-single > .side { width: 1fr; }
    OverviewTab.-single #overview-log, OverviewTab.-single #now { height: 1fr; }
    """

    def __init__(self) -> None:
        self.loss, self.now, self.evaluations = LossPanel(), NowPanel(), EvaluationPanel()
        self.notes = Lines(self._log, "log", follow=True, id="overview-log")
        super().__init__(
            ((self.loss, self.notes), (self.now, self.evaluations)),
            (self.loss, self.now, self.evaluations, self.notes),
        )
        self._columns[1].add_class("side")
        self.log_axis = True

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        self.loss.show(detail, self.log_axis)
        self.now.show(detail)
        self.evaluations.show(detail)
        self.notes.redraw()

    def tick(self, now: float) -> None:
        self.now.redraw()

    def move(self, rows: int, columns: int) -> None:
        self.notes.move(rows)

    def page(self, pages: int) -> None:
        self.notes.move_page(pages)

    def _log(self, width: int) -> list[Row]:
        if self.detail is None:
            return []
        return note_rows(self.detail.notes[-60:], width, self.dashboard.minutes_east)


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


TABS: dict[str, Callable[[], Tab]] = {
    "overview": OverviewTab,
    "heatmap": HeatmapTab,
    "bias": BiasTab,
    "log": LogTab,
    "config": ConfigTab,
}
