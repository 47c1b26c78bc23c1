"""The overview: is it learning, and how fast will it be done? Of an evaluation: what is measured so far?"""

from __future__ import annotations

from textual.message import Message

from tui.draw.text import Row
from tui.follow.detail import RunDetail
from tui.run.board import Board
from tui.run.chart_board import ChartBoard
from tui.run.measured import MeasuredPanel
from tui.run.overview_panels import EvaluationPanel, NowPanel
from tui.run.selection import Selection
from tui.run.tab import Tab
from tui.run.texts import note_rows
from tui.widgets.lists import Lines

_FRAME = 2  # lines of a panel's border
_NOTES = 60  # the newest, of which the log's tail is made


class OverviewTab(Tab):
    """Charts on one axis of steps; arrows move their crosshair and choose the large one."""

    DEFAULT_CSS = """
    OverviewTab #overview-log { height: 8; }
    OverviewTab > .side { width: 38; }
    OverviewTab.-single > .side { width: 1fr; }
    OverviewTab.-single #overview-log, OverviewTab.-single #now { height: 1fr; }
    """

    class InSight(Message):
        """Other charts can be seen."""

        def __init__(self, charts: frozenset[str]) -> None:
            super().__init__()
            self.charts = charts

    def __init__(self) -> None:
        self.charts, self.now, self.evaluations = ChartBoard(), NowPanel(), EvaluationPanel()
        self.measured = MeasuredPanel()
        self.notes = Lines(self._log, "log", follow=True, id="overview-log")
        super().__init__(
            ((self.charts, self.measured, self.notes), (self.now, self.evaluations)),
            (self.charts, self.now, self.evaluations, self.notes),
        )
        self._columns[1].add_class("side")
        self._narrow = False
        self._in_sight: frozenset[str] = frozenset()
        self.measured.display = False

    @property
    def board(self) -> Board:
        return self.charts.board

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        if detail.row.kind == "evaluation" and self.measured not in self.panels:
            self.panels = (self.measured, self.now, self.notes)  # there are no steps to draw
            self.charts.display = self.evaluations.display = False
            self.lay_out(self._narrow, self.chosen)
        self.redraw()
        self.notes.redraw()

    def redraw(self) -> None:
        """Draws the charts again, and what is told of the crosshair's step."""
        if self.detail is None:
            return
        if self.measured in self.panels:
            self.measured.show(self.detail)
            self.now.show(self.detail, None, ())
            return
        in_sight = self.charts.show(self.detail)
        if frozenset(in_sight) != self._in_sight:
            self._in_sight = frozenset(in_sight)
            self.post_message(self.InSight(self._in_sight))
        self.now.show(self.detail, self.board.viewport.crosshair, in_sight)
        self.evaluations.show(self.detail, self.board.viewport.crosshair)
        if not self.has_class("-single"):
            self.now.styles.height = len(self.now.figures(self.now.size.width)) + _FRAME

    def lay_out(self, narrow: bool, chosen: int) -> None:
        self._narrow = narrow
        super().lay_out(narrow, chosen)
        if narrow:
            self.now.styles.height = None
        self.redraw()

    def tick(self, now: float) -> None:
        self.now.redraw()

    def move(self, rows: int, columns: int) -> None:
        if self.detail is None:
            return
        if columns:
            self.board.viewport.move(columns, self.detail.row.step, self.charts.columns)
        if rows:
            self.board.lead(self.detail.charts, rows)
        self.redraw()

    def page(self, pages: int) -> None:
        self.notes.move_page(pages)

    def end(self, last: bool) -> None:
        if self.detail is not None:
            self.board.viewport.move_to_end(last, self.detail.row.step)
            self.redraw()

    def to_evaluation(self, by: int) -> None:
        """The crosshair to the evaluation before or after its step; without one, from the newest step."""
        if self.detail is None:
            return
        steps = sorted({point.step for point in self.detail.evaluations})
        viewport = self.board.viewport
        here = self.detail.row.step + 1 if viewport.crosshair is None else viewport.crosshair
        found = [step for step in steps if step < here] if by < 0 else [step for step in steps if step > here]
        if found:
            viewport.set_crosshair(found[-1] if by < 0 else found[0], self.detail.row.step)
            self.redraw()

    def zoom(self, closer: bool) -> None:
        if self.detail is not None:
            self.board.viewport.zoom(closer, self.detail.row.step)
            self.redraw()

    def pan(self, by: int) -> None:
        if self.detail is not None:
            self.board.viewport.pan(by, self.detail.row.step)
            self.redraw()

    def show_all(self) -> None:
        """The whole run, without a crosshair."""
        self.board.viewport.show_all()
        self.board.viewport.crosshair = None
        self.redraw()

    def turn_axis(self) -> None:
        if self.detail is not None:
            self.board.turn_axis(self.detail.charts)
            self.redraw()

    def remark(self) -> str:
        """What is read out of the large chart, or what part is in sight where it is not the whole run."""
        viewport = self.board.viewport
        if self.detail is None:
            return ""
        if viewport.crosshair is not None and self.has_class("-single"):
            return self.charts.panels[0].readout()
        if viewport.whole:
            return ""
        first, last = viewport.window(self.detail.row.step)
        return f"steps {first:,} to {last:,}   z closer, Z wider, 0 the whole run"

    def hint(self) -> str:
        if self.measured in self.panels:
            return "2 the heatmap, 3 the language bias, 4 the queries of a benchmark"
        if self.board.viewport.crosshair is not None:
            return "left and right move the crosshair of all charts, 0 takes it away"
        return "left and right read out a step, up and down change the large chart"

    def _log(self, width: int) -> list[Row]:
        if self.detail is None:
            return []
        return note_rows(self.detail.notes[-_NOTES:], width, self.host.minutes_east)
