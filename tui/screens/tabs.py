"""The tabs of the run screen: panels in columns, or one panel at a time on a narrow screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from tui.drawing.cells import Row
from tui.format import short_path
from tui.model.detail import RunDetail
from tui.model.selection import Selection
from tui.widgets.base import Panel
from tui.widgets.bias import AdvantagePanel, BiasTrend, DistancePanel
from tui.widgets.heat import HeatPanel, HeatSummary
from tui.widgets.lists import Lines
from tui.widgets.overview import EvaluationPanel, LossPanel, NowPanel
from tui.widgets.texts import config_rows, log_rows, note_rows

if TYPE_CHECKING:
    from tui.app import Dashboard


class Tab(Widget):
    """``columns`` of panels from left to right; the first panel is the one a narrow screen shows first."""

    DEFAULT_CSS = """
    Tab { layout: horizontal; height: 1fr; width: 1fr; }
    Tab > Vertical { width: 1fr; height: 1fr; }
    """

    def __init__(self, columns: Sequence[Sequence[Panel]], narrow_order: Sequence[Panel]) -> None:
        super().__init__()
        self._columns = [Vertical(*column) for column in columns]
        self.panels = narrow_order
        self.detail: RunDetail | None = None

    @property
    def dashboard(self) -> Dashboard:
        return cast("Dashboard", self.app)

    def compose(self) -> ComposeResult:
        yield from self._columns

    def lay_out(self, narrow: bool, chosen: int) -> None:
        """Shows all panels, or the chosen one alone."""
        self.set_class(narrow, "-single")
        for index, panel in enumerate(self.panels):
            panel.display = not narrow or index == chosen % len(self.panels)
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


class TextTab(Tab):
    """One text that scrolls: log or config."""

    def __init__(self, text: Lines) -> None:
        self.text = text
        super().__init__(((text,),), (text,))

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        self.text.redraw()

    def move(self, rows: int, columns: int) -> None:
        self.text.move(rows)

    def page(self, pages: int) -> None:
        self.text.move_page(pages)

    def end(self, last: bool) -> None:
        self.text.move_to(self.text.count if last else 0)


class LogTab(TextTab):
    """What happened, and when? At its end it follows."""

    def __init__(self) -> None:
        super().__init__(Lines(self._lines, "log", follow=True, id="log"))

    def _lines(self, width: int) -> list[Row]:
        return log_rows(self.detail, width, self.dashboard.minutes_east) if self.detail is not None else []


class ConfigTab(TextTab):
    """What was asked for, and where did it run?"""

    def __init__(self) -> None:
        super().__init__(Lines(self._lines, "config", id="config"))
        self._made: tuple[RunDetail | None, int, list[Row]] = (None, 0, [])

    def _lines(self, width: int) -> list[Row]:
        if self.detail is None:
            return []
        former, made_for, rows = self._made
        if former is None or former.spec is not self.detail.spec or made_for != width:
            rows = config_rows(self.detail.spec, short_path(self.detail.row.folder.path), width)
            self._made = (self.detail, width, rows)
        return rows


TABS: dict[str, Callable[[], Tab]] = {
    "overview": OverviewTab,
    "heatmap": HeatmapTab,
    "bias": BiasTab,
    "log": LogTab,
    "config": ConfigTab,
}
