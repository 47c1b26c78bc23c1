"""The overview: is it learning, and how fast will it be done? Of an evaluation: what is measured so far?"""

from __future__ import annotations

from pathlib import Path

from textual.message import Message

from engine.runs.folder import RunFolder
from tui import keymap
from tui.dialogs.charts import ChartsScreen
from tui.draw.lines import Kind
from tui.draw.text import Row
from tui.follow.curves import SMOOTHINGS
from tui.follow.detail import RunDetail
from tui.follow.labels import labels
from tui.follow.rows import RunRow
from tui.numbers import day_number
from tui.run.chart_board import Board, ChartBoard, ChartChoices
from tui.run.chart_panel import KIND_NAMES, OtherRun, beta_text
from tui.run.measured import MeasuredPanel
from tui.run.other_runs import MOST_OTHERS, OtherRunsScreen
from tui.run.overview_panels import EvaluationPanel, NowPanel
from tui.run.selection import Selection
from tui.run.tab import Tab
from tui.run.text_rows import note_rows
from tui.widgets.lists import Lines

_FRAME = 2  # lines of a panel's border
_NOTES = 60  # the newest, of which the log's tail is made


class OverviewTab(Tab):
    """Charts on one x axis; arrows move their crosshair and choose the large one."""

    BINDINGS = keymap.bindings("overview")
    DEFAULT_CSS = """
    OverviewTab #overview-log { height: 8; }
    OverviewTab > .side { width: 38; }
    OverviewTab.-single > .side { width: 1fr; }
    OverviewTab.-single #overview-log, OverviewTab.-single #now { height: 1fr; }
    """
    name_in_keymap = "overview"
    footer_order = (
        "pause_resume", "stop", "evaluate", "zoom(1)", "charts", "step(-1)", "x_axis", "log_axis", "smooth(1)",
    )  # fmt: skip
    follows_steps = False

    class Wanting(Message):
        """Other curves are needed: of other charts, smoothed otherwise, on another axis, of other runs."""

        def __init__(
            self, smoothing: float | None, measures: frozenset[str], kind: Kind, over: tuple[RunFolder, ...]
        ) -> None:  # fmt: skip
            super().__init__()
            self.smoothing, self.measures, self.kind, self.over = smoothing, measures, kind, over

    def __init__(self) -> None:
        self.charts, self.now, self.evaluations = ChartBoard(), NowPanel(), EvaluationPanel()
        self.measured = MeasuredPanel()
        self.notes = Lines(self._log, "log", follow=True, id="overview-log")
        super().__init__(
            ((self.charts, self.measured, self.notes), (self.now, self.evaluations)),
            (self.charts, self.now, self.evaluations, self.notes),
        )
        self._columns[1].add_class("side")
        self.measured.display = False
        self.smoothing: float | None = None  # by the length of the run
        self.others: dict[Path, OtherRun] = {}  # whose curves lie over these, by folder
        self._over: tuple[RunFolder, ...] = ()
        self._in_sight: frozenset[str] = frozenset()
        self._last_wanted: object = None

    @property
    def board(self) -> Board:
        return self.charts.board

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        if detail.row.kind == "evaluation" and self.measured not in self.panels:
            self.panels = (self.measured, self.now, self.notes)  # there are no steps to draw
            self.charts.display = self.evaluations.display = False
            self.lay_out(self.narrow)
            self.focus_front()
        self.redraw()
        self.notes.redraw()

    def redraw(self) -> None:
        """Draws the charts again, and what is told of the crosshair's step."""
        if self.detail is None:
            return
        if self.measured in self.panels:
            self.measured.show(self.detail)
            self.now.show(self.detail, None, (), ())
            return
        in_sight = self.charts.show(self.detail, self.others)
        if in_sight:
            self._in_sight = frozenset(in_sight)
        self._want()
        self._show_beside(in_sight)

    def lay_out(self, narrow: bool) -> None:
        super().lay_out(narrow)
        if narrow:
            self.now.styles.height = None
        self.redraw()

    def tick(self, now: float) -> None:
        self.now.redraw()

    def on_chart_board_moved(self) -> None:
        self.redraw()
        self.post_message(self.Moved())

    def on_chart_board_paged(self, message: ChartBoard.Paged) -> None:
        self.notes.move_page(message.pages)

    def action_step(self, by: int) -> None:
        """The crosshair to the evaluation before or after its step; without one, from the newest step."""
        if self.detail is None:
            return
        steps = sorted({point.step for point in self.detail.evaluations})
        viewport = self.board.viewport
        at = self.detail.row.step + 1 if viewport.crosshair is None else viewport.crosshair
        beyond = [step for step in steps if step < at] if by < 0 else [step for step in steps if step > at]
        if beyond:
            viewport.set_crosshair(beyond[-1] if by < 0 else beyond[0], self.detail.row.step)
            self.charts.redraw()

    def action_zoom(self, by: int) -> None:
        if self.detail is not None:
            self.board.viewport.zoom(by > 0, self.detail.row.step)
            self.charts.redraw()

    def action_pan(self, by: int) -> None:
        if self.detail is not None:
            self.board.viewport.pan(by, self.detail.row.step)
            self.charts.redraw()

    def action_show_all(self) -> None:
        """The whole run, without a crosshair."""
        self.board.viewport.show_all()
        self.board.viewport.crosshair = None
        self.charts.redraw()

    def action_log_axis(self) -> None:
        if self.detail is not None:
            self.board.turn_axis(self.detail.charts)
            self.charts.redraw()

    def action_x_axis(self) -> None:
        kind = self.board.next_kind()
        self.say(f"charts over {KIND_NAMES[kind]}")
        self._want()
        self.charts.redraw()

    def action_y_range(self) -> None:
        if self.detail is None:
            return
        chosen = self.board.next_range(self.charts.charts, self.charts.panels[0].range_now())
        words = {"all": "all values", "robust": "values without outliers; arrows mark what lies outside"}
        self.say(words[chosen] if isinstance(chosen, str) else "the range of values is held as it is now")
        self.charts.redraw()

    def action_charts(self) -> None:
        if self.detail is not None:
            dialog = ChartsScreen(self.detail.charts, self.board.choices.hidden)
            self.app.push_screen(dialog, self._take_hidden)

    def action_smooth(self, by: int) -> None:
        if self.detail is None:
            return
        former = self.detail.smoothing if self.smoothing is None else self.smoothing
        self.smoothing = SMOOTHINGS[max(0, min(len(SMOOTHINGS) - 1, SMOOTHINGS.index(former) + by))]
        self.say(f"smoothed {beta_text(self.smoothing)}, s: by the length of the run" if self.smoothing else "raw")
        self._want()

    def action_usual_smoothing(self) -> None:
        self.smoothing = None
        self.say("smoothed by the length of the run")
        self._want()

    def action_others(self) -> None:
        """Chooses runs whose curves lie over these."""
        if self.detail is None or self.host.snapshot is None:
            return
        mine = self.detail.row.folder
        rows = [row for row in self.host.snapshot.rows if row.folder != mine and row.kind == "training"]
        if not rows:
            self.say("there is no other run that trains or has trained")
            return
        names = labels(self.host.snapshot.rows)
        chosen = [row for row in rows if row.folder.path in self.others]
        self.app.push_screen(OtherRunsScreen(rows, names, chosen), self._take_others)

    def remark(self) -> str:
        """What is read out of the large chart, or what part is in sight where it is not the whole run."""
        viewport = self.board.viewport
        if self.detail is None or self.measured in self.panels:
            return ""
        if viewport.crosshair is not None and self.narrow:
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
        return "left and right read out a step, up and down change the large chart, c lays other runs over these"

    def labels(self) -> dict[str, str]:
        labels = {"step(-1)": "evaluation"}
        if self.measured in self.panels:
            labels = dict.fromkeys(("zoom(1)", "charts", "step(-1)", "x_axis", "log_axis", "smooth(1)"), "")
        return labels

    def _show_beside(self, in_sight: tuple[str, ...]) -> None:
        assert self.detail is not None
        crosshair = self.board.viewport.crosshair
        read = () if self.charts.look is None or crosshair is None else self.charts.read_out()
        self.now.show(self.detail, crosshair, in_sight, read)
        points = self.selection.points(self.detail)
        self.evaluations.show(points, crosshair)
        if not self.narrow:
            self.now.styles.height = len(self.now.figures(self.now.size.width)) + _FRAME

    def _take_hidden(self, hidden: frozenset[str] | None) -> None:
        if hidden is not None:
            self.board.choices.hidden = hidden
            self.charts.redraw()

    def _take_others(self, rows: tuple[RunRow, ...] | None) -> None:
        """Each keeps its colour for as long as it lies there."""
        if rows is None or self.host.snapshot is None:
            return
        names = labels(self.host.snapshot.rows)
        former = {row.folder.path: self.others[row.folder.path].place for row in rows if row.folder.path in self.others}
        free = iter([place for place in range(MOST_OTHERS) if place not in former.values()])
        self.others = {
            row.folder.path: OtherRun(
                names.get(row.folder.path, row.name),
                former[row.folder.path] if row.folder.path in former else next(free),
            )
            for row in rows
        }  # fmt: skip
        self._over = tuple(row.folder for row in rows)
        self._want()
        self.charts.redraw()

    def _want(self) -> None:
        kind = self.host.kept(ChartChoices).kind
        wanted = (self.smoothing, self._in_sight, kind, self._over)
        if wanted != self._last_wanted:
            self._last_wanted = wanted
            self.post_message(self.Wanting(*wanted))

    def _log(self, width: int) -> list[Row]:
        if self.detail is None:
            return []
        east = self.host.minutes_east
        return note_rows(self.detail.notes[-_NOTES:], width, east, day_number(east, self.host.now()))
