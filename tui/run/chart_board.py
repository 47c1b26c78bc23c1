"""The charts of the overview: panels on one steps axis, with one crosshair."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.widget import Widget

from engine.config import BatchConfig
from engine.mono_share import mono_share_at, schedule_text
from tui.draw.curve import Point
from tui.draw.frame import Y_LABELS
from tui.draw.lines import Axes, Series, line_chart, plot_width
from tui.draw.ribbon import planned, ribbon, stretches
from tui.draw.text import Piece, Row, fit, row_width
from tui.follow.charts import Chart
from tui.follow.detail import RunDetail
from tui.follow.measures import LOSS
from tui.numbers import exact, number, share
from tui.run.board import Board, arrange
from tui.terminal.kept_lines import kept
from tui.widgets.panel import Panel

MOST = 12  # charts at a time
_ROOM_BELOW = 8  # lines from which on the ribbon has one


@dataclass(frozen=True)
class Schedule:
    """The planned share of monolingual batches, by update."""

    batch: BatchConfig
    max_steps: int

    def at(self, step: float) -> float:
        return mono_share_at(self.batch, self.max_steps, max(1, min(self.max_steps, round(step))))


@dataclass(frozen=True)
class Look:
    """How a chart is shown: all on one axis of steps."""

    first: int
    last: int
    log: bool
    smoothing: float
    crosshair: int | None = None
    schedule: Schedule | None = None  # of the share of monolingual batches, where it is not constant


class ChartPanel(Panel):
    """One chart; drawn again only when its curves or its look are others."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shown: tuple[Chart, Look] | None = None
        self.leading = False  # the large one, which says how it is drawn

    @property
    def columns(self) -> int:
        """Cells of the plot: the steps of the crosshair."""
        if self._shown is None:
            return 1
        chart, look = self._shown
        return max(1, plot_width(self.size.width, chart.series, self._axes(chart, look)))

    def show(self, chart: Chart, look: Look) -> None:
        if (chart, look) == self._shown:
            return
        self._shown = (chart, look)
        self.retitle(self._title_row(chart, look))
        self.redraw()

    def readout(self) -> str:
        """The step of the crosshair and what the curves are there; empty without one."""
        if self._shown is None or self._shown[1].crosshair is None:
            return ""
        chart, look = self._shown
        values = "  ".join(f"{one.label}{self._value(one, look)}" for one in chart.series)
        return f"step {look.crosshair:,}  {values}"

    def on_resize(self, event: events.Resize) -> None:
        if self._shown is not None:
            self.retitle(self._title_row(*self._shown))

    def rows(self, width: int, height: int) -> list[Row]:
        if self._shown is None:
            return []
        chart, look = self._shown
        if not chart.ready:
            return [(("reading", "dim"),)]
        axes = self._axes(chart, look)
        below: list[Row] = []
        if chart.name == LOSS and chart.series and height >= _ROOM_BELOW:
            below = [self._mix(chart, axes, width)]
            if look.schedule is not None and height > _ROOM_BELOW:
                below.append(self._plan(look, look.schedule, chart, axes, width))
            below += self._lost(chart)
        return line_chart(width, height - len(below), chart.series, axes, self.glyphs) + below

    def _axes(self, chart: Chart, look: Look) -> Axes:
        smoothed = chart.smoothed and look.smoothing > 0
        return Axes(look.first, look.last, look.log, smoothed, look.crosshair)

    def _mix(self, chart: Chart, axes: Axes, width: int) -> Row:
        """The batch modes under the losses they belong to; right of them the shares in sight."""
        views, modes = [one.view for one in chart.series], [one.key for one in chart.series]
        room = plot_width(width, chart.series, axes)
        counts = stretches(views, axes.first, axes.last, room)
        sums = [view.count_between(axes.first, axes.last + 1) for view in views]
        runs: list[Piece] = [(fit("mix", Y_LABELS), "dim"), *ribbon(counts, modes, self.glyphs)]
        if len(modes) > 1 and sum(sums) > 0:
            runs.append((f" {modes[0]} {100 * sums[0] / sum(sums):.1f} %", chart.series[0].style))
        return tuple(runs)

    def _plan(self, look: Look, schedule: Schedule, chart: Chart, axes: Axes, width: int) -> Row:
        """What was planned for the cells above; right of it the share at the crosshair, or the mean in sight."""
        room = plot_width(width, chart.series, axes)
        stretch = (axes.last - axes.first) / max(1, room - 1)
        shares = [schedule.at(axes.first + stretch * cell) for cell in range(room)]
        told = sum(shares) / max(1, len(shares)) if look.crosshair is None else schedule.at(look.crosshair)
        row = planned(shares, "mono", self.glyphs)
        return ((fit("plan", Y_LABELS), "dim"), *row, (f" mono {100 * told:.1f} %", "dim"))

    def _lost(self, chart: Chart) -> list[Row]:
        lost = sorted(point for one in chart.series for point in one.view.lost()[-1:])
        if not lost:
            return []
        step, value = lost[-1]
        total = sum(one.view.lost_count for one in chart.series)
        text = f"{self.glyphs.non_finite} {total:,} steps without a finite loss, the last {number(value)} at {step:,}"
        return [((text, "error"),)]

    def _title_row(self, chart: Chart, look: Look) -> Row:
        """The name, then each curve: what it is under the crosshair, or at its end where the chart has no room to say.

        Where all of it does not fit, the numbers give way: without them it still says which line is which.
        """
        if self.leading and look.crosshair is None:
            smoothed = f"   smoothed {share(look.smoothing, 2)} over raw" if chart.smoothed and look.smoothing else ""
            return ((chart.name, ""), (f"{smoothed}   y: {'log' if look.log else 'linear'}", "dim"))
        full: list[Piece] = [(chart.name, "")]
        short: list[Piece] = [(chart.name, "")]
        for one in chart.series:
            name = "" if one.label == chart.name else f" {one.label}"
            full.append((f"  {one.sample(self.glyphs)}{name}{self._value(one, look)}", one.style))
            short.append((f"  {one.sample(self.glyphs)}{name}", one.style))
        return tuple(full if row_width(full) <= self.title_room else short)

    def _value(self, one: Series, look: Look) -> str:
        if look.crosshair is None:
            end = one.view.smooth_before(look.last + 1)
            return "" if end is None else f" {number(end)}"
        point = one.view.nearest(look.crosshair)
        if point is None:
            return " -"
        return f" {exact(point.value)}" + ("" if point.step == look.crosshair else f" @{point.step:,}")


def readouts(chart: Chart, step: int) -> list[tuple[Series, Point]]:
    """What each curve of a chart is at ``step``, or closest to it."""
    found = [(one, one.view.nearest(step)) for one in chart.series]
    return [(one, point) for one, point in found if point is not None]


class ChartBoard(Widget):
    """As many charts as fit: the chosen one large on top, those after it below."""

    DEFAULT_CSS = "ChartBoard { layout: grid; width: 1fr; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__(id="charts")
        kept(self)
        self.board = Board()
        self.panels = [ChartPanel(id=f"chart-{index}") for index in range(MOST)]
        self.panels[0].leading = True
        self._arranged: tuple[int, int, int, int] | None = None
        self._detail: RunDetail | None = None

    def compose(self) -> ComposeResult:
        yield from self.panels

    @property
    def columns(self) -> int:
        """Columns that the crosshair moves by."""
        return self.panels[0].columns

    def show(self, detail: RunDetail) -> tuple[str, ...]:
        """Draws what is new; the names of the charts in sight, the large one first."""
        self._detail = detail
        charts = self.board.in_order(detail.charts)
        width, height = self.size.width, self.size.height
        if not charts or not width or not height:
            return ()
        columns, lines = arrange(width, height, min(MOST, len(charts)) - 1)
        count = min(len(charts), 1 + columns * len(lines[1:]))
        self._arrange(width, columns, lines, count)
        first, last = self.board.viewport.window(detail.row.step)
        schedule = _schedule(detail)
        for chart, panel in zip(charts[:count], self.panels, strict=False):
            log = self.board.log_axis(chart)
            panel.show(chart, Look(first, last, log, detail.smoothing, self.board.viewport.crosshair, schedule))
        return tuple(chart.name for chart in charts[:count])

    def on_resize(self, event: events.Resize) -> None:
        if self._detail is not None:
            self.show(self._detail)

    def _arrange(self, width: int, columns: int, lines: list[int], count: int) -> None:
        key = (width, columns, sum(lines), count)
        if key == self._arranged:
            return
        self._arranged = key
        self.styles.grid_size_columns = max(1, columns)
        self.styles.grid_size_rows = len(lines)
        self.styles.grid_rows = " ".join(map(str, lines))
        self.panels[0].styles.column_span = max(1, columns)
        for index, panel in enumerate(self.panels):
            panel.display = index < count


def _schedule(detail: RunDetail) -> Schedule | None:
    config = None if detail.spec is None else detail.spec.config
    if config is None or config.kind != "training" or not schedule_text(config.batch):
        return None
    return Schedule(config.batch, config.optimizer.max_steps)


def mode_at(charts: tuple[Chart, ...], step: int) -> str:
    """The mode of the batch of ``step``; empty where none is known."""
    losses = next((chart for chart in charts if chart.name == LOSS), None)
    for one in losses.series if losses is not None else ():
        point = one.view.nearest(step)
        if point is not None and point.step == step:
            return one.key
    return ""
