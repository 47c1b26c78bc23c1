"""The charts of the overview: which, in what order, what part of the run they show, and one crosshair for all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from textual import events
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from engine.mono_share import schedule_text
from tui import keymap
from tui.draw.curve import Point
from tui.draw.lines import Kind, Range, Series, steady_end
from tui.draw.ruler import Ruler
from tui.follow.charts import Chart
from tui.follow.detail import RunDetail
from tui.follow.measures import LOSS
from tui.host import Host, host_of
from tui.run.chart_panel import KINDS, ChartPanel, Look, OtherRun, Schedule, readouts
from tui.terminal.kept_lines import kept
from tui.widgets.arrows import Arrows

MOST = 12  # charts at a time
_LEAST_LEADING, _LEAST_LINES, _LEAST_CELLS = 12, 9, 38  # of the large chart, and of the others


@dataclass
class ChartChoices:
    """How charts are shown, of all runs for as long as the dashboard is open."""

    hidden: frozenset[str] = frozenset()  # charts that are left out
    turned: frozenset[str] = frozenset()  # charts with the axis that is unusual there
    ranges: dict[str, Range] = field(default_factory=dict)  # of values, by chart; else all
    kind: Kind = "step"  # of the x axis


LEAST_SPAN = 10  # steps: no chart is magnified further


@dataclass
class Viewport:
    """``span`` None: the whole run. ``end`` None: the window follows the newest step. All in steps."""

    span: int | None = None
    end: int | None = None
    crosshair: int | None = None

    def window(self, newest: int) -> tuple[int, int]:
        """First and last step in sight; the first may be 0, which is before training."""
        if self.span is None:
            return 0, max(2, steady_end(newest))
        if self.end is not None:
            return self.end - self.span, self.end
        grain = max(1, self.span // 128)  # a window that follows moves in jumps of about a dot
        last = max(self.span, -(-newest // grain) * grain)
        return last - self.span, last

    @property
    def whole(self) -> bool:
        return self.span is None

    def show_all(self) -> None:
        self.span = self.end = None

    def zoom(self, closer: bool, newest: int, around: int | None = None) -> None:
        """Halves or doubles what is in sight, around a step, else the crosshair, else towards the end it follows."""
        first, last = self.window(newest)
        span = max(LEAST_SPAN, (last - first + 1) // 2) if closer else (last - first) * 2
        if span >= max(2, steady_end(newest)):
            self.show_all()
            return
        follows = self.end is None
        anchor = last if follows else (first + last) // 2
        around = self.crosshair if around is None else around
        if around is not None and first <= around <= last:
            anchor = around
        share = span / max(1, last - first)
        if 2 * anchor <= first + last:  # rounded so that the closer edge, and what lies on it, stays in sight
            start = anchor - math.ceil((anchor - first) * share)
        else:
            start = anchor + math.ceil((last - anchor) * share) - span
        self._place(start, span, newest, follows and anchor >= last)

    def show_part(self, first: int, last: int, newest: int) -> None:
        """These steps, as far as they are not too few."""
        self._place(first, max(LEAST_SPAN, last - first), newest, follows=False)

    def pan(self, by: int, newest: int) -> None:
        """Moves by quarters of what is in sight; at the newest step the window follows again."""
        if self.span is None:
            return
        first, _ = self.window(newest)
        self._place(first + by * max(1, self.span // 4), self.span, newest, follows=False)

    def move(self, by: int, newest: int, columns: int) -> None:
        """Moves the crosshair by columns of a chart ``columns`` wide, and the window after it; sets it at first."""
        first, last = self.window(newest)
        if self.crosshair is None:
            self.crosshair = min(newest, last)
            return
        step = max(1, round((last - first) / max(1, columns - 1)))
        self.set_crosshair(self.crosshair + by * step, newest)

    def set_crosshair(self, step: int, newest: int) -> None:
        """The crosshair to a step, and the window after it."""
        first, last = self.window(newest)
        self.crosshair = max(0, min(newest, step))
        if self.span is not None and not first <= self.crosshair <= last:
            start = self.crosshair if self.crosshair < first else self.crosshair - self.span
            self._place(start, self.span, newest, follows=False)

    def move_to_end(self, last: bool, newest: int) -> None:
        """The crosshair to the first or last step in sight."""
        window = self.window(newest)
        self.crosshair = max(0, min(newest, window[1] if last else window[0]))

    def _place(self, first: int, span: int, newest: int, follows: bool) -> None:
        first = max(0, first)
        self.span = span
        self.end = None if follows or first + span >= newest else first + span


@dataclass
class Board:
    """The charts of one run; ``leading`` is the large one."""

    choices: ChartChoices = field(default_factory=ChartChoices)
    leading: str = LOSS
    viewport: Viewport = field(default_factory=Viewport)

    def in_order(self, charts: Sequence[Chart]) -> list[Chart]:
        """The leading chart, those after it, and then those before it; never empty while there are charts."""
        shown = [chart for chart in charts if chart.name not in self.choices.hidden] or list(charts[:1])
        at = next((index for index, chart in enumerate(shown) if chart.name == self.leading), 0)
        return [*shown[at:], *shown[:at]]

    def lead(self, charts: Sequence[Chart], by: int) -> str:
        """Makes the next chart the leading one; its name."""
        ordered = self.in_order(charts)
        if ordered:
            self.leading = ordered[by % len(ordered)].name
        return self.leading

    def log_axis(self, chart: Chart) -> bool:
        return chart.log != (chart.name in self.choices.turned)

    def turn_axis(self, charts: Sequence[Chart]) -> None:
        """The leading chart's axis: linear if it is logarithmic, and the other way round."""
        ordered = self.in_order(charts)
        if ordered:
            self.choices.turned ^= {ordered[0].name}

    def next_kind(self) -> Kind:
        """What the x axis measures next."""
        self.choices.kind = KINDS[(KINDS.index(self.choices.kind) + 1) % len(KINDS)]
        return self.choices.kind

    def next_range(self, charts: Sequence[Chart], now: tuple[float, float] | None) -> Range:
        """Of the leading chart: all values, then without outliers, then those that are in sight ``now``, held."""
        name = next((chart.name for chart in self.in_order(charts)), self.leading)
        former = self.choices.ranges.get(name, "all")
        chosen: Range = "robust" if former == "all" else now if former == "robust" and now is not None else "all"
        self.choices.ranges[name] = chosen
        return chosen


def arrange(width: int, height: int, others: int) -> tuple[int, list[int]]:
    """(columns, lines of each row) for one large chart and as many of the others as fit below it."""
    most_columns = max(1, width // _LEAST_CELLS)
    most_rows = max(0, (height - _LEAST_LEADING) // _LEAST_LINES)
    if not others or not most_rows:
        return 1, [height]
    columns = next(
        (columns for columns in range(1, most_columns + 1) if -(-others // columns) <= most_rows), most_columns
    )
    rows = min(most_rows, -(-others // columns))
    small = max(_LEAST_LINES, height // (rows + 2))
    return columns, [height - rows * small, *[small] * rows]


class ChartBoard(Arrows, Widget, can_focus=True):
    """As many charts as fit: the chosen one large on top, those after it below. Arrows move crosshair and choice."""

    BINDINGS = keymap.bindings("board")
    DEFAULT_CSS = "ChartBoard { layout: grid; width: 1fr; height: 1fr; }"

    class Moved(Message):
        """The crosshair, the part in sight or the large chart is another."""

    class Paged(Message):
        """A page key, which is not for charts."""

        def __init__(self, pages: int) -> None:
            super().__init__()
            self.pages = pages

    def __init__(self) -> None:
        super().__init__(id="charts")
        kept(self)
        self.board = Board()
        self.panels = [ChartPanel(id=f"chart-{index}") for index in range(MOST)]
        self.panels[0].leading = True
        self._arranged: tuple[int, int, int, int] | None = None
        self._detail: RunDetail | None = None
        self._others: Mapping[Path, OtherRun] = {}
        self.look: Look | None = None  # of the large chart
        self.charts: tuple[Chart, ...] = ()  # with the curves of other runs

    @property
    def host(self) -> Host:
        return host_of(self)

    def compose(self) -> ComposeResult:
        yield from self.panels

    def on_mount(self) -> None:
        self.board.choices = self.host.kept(ChartChoices)

    @property
    def columns(self) -> int:
        """Columns that the crosshair moves by."""
        return self.panels[0].columns

    def show(self, detail: RunDetail, others: Mapping[Path, OtherRun] | None = None) -> tuple[str, ...]:
        """Draws what is new; the names of the charts in sight, the large one first.

        ``others`` says of the runs that lie over this one, by folder, how they look; None: as before.
        """
        self._detail = detail
        self._others = self._others if others is None else others
        self.charts = tuple(self._with_others(chart) for chart in detail.charts)
        charts = self.board.in_order(self.charts)
        width, height = self.size.width, self.size.height
        if not charts or not width or not height:
            return ()
        columns, lines = arrange(width, height, min(MOST, len(charts)) - 1)
        count = min(len(charts), 1 + columns * len(lines[1:]))
        self._arrange(width, columns, lines, count)
        look = self._look(detail)
        for chart, panel in zip(charts[:count], self.panels, strict=False):
            values = self.board.choices.ranges.get(chart.name, "all")
            shown = replace(look, log=self.board.log_axis(chart), range=values)
            panel.show(chart, shown)
            self.look = shown if panel is self.panels[0] else self.look
        return tuple(chart.name for chart in charts[:count])

    def read_out(self) -> list[tuple[str, Series, Point]]:
        """What every curve of every chart is under the crosshair, or closest to it."""
        if self.look is None:
            return []
        return [(chart.name, one, point) for chart in self.charts for one, point in readouts(chart, self.look)]

    def redraw(self) -> None:
        """Draws again after what is chosen has changed, and says so."""
        if self._detail is not None:
            self.show(self._detail)
        self.post_message(self.Moved())

    def on_resize(self, event: events.Resize) -> None:
        if self._detail is not None:
            self.show(self._detail)

    def on_chart_panel_pointed(self, message: ChartPanel.Pointed) -> None:
        if self._detail is not None:
            self.board.viewport.set_crosshair(round(self._step(message.place)), self._detail.row.step)
            self.redraw()

    def on_chart_panel_dragged(self, message: ChartPanel.Dragged) -> None:
        if self._detail is not None:
            first, last = (round(self._step(place)) for place in (message.first, message.last))
            self.board.viewport.show_part(first, last, self._detail.row.step)
            self.redraw()

    def on_chart_panel_wheeled(self, message: ChartPanel.Wheeled) -> None:
        if self._detail is None:
            return
        if message.sideways:
            self.board.viewport.pan(-1 if message.closer else 1, self._detail.row.step)
        else:
            self.board.viewport.zoom(message.closer, self._detail.row.step, round(self._step(message.place)))
        self.redraw()

    def action_page_up(self) -> None:
        self.post_message(self.Paged(-1))

    def action_page_down(self) -> None:
        self.post_message(self.Paged(1))

    def action_first(self) -> None:
        self._to_end(last=False)

    def action_last(self) -> None:
        self._to_end(last=True)

    def _to_end(self, last: bool) -> None:
        if self._detail is not None:
            self.board.viewport.move_to_end(last, self._detail.row.step)
            self.redraw()

    def _move(self, rows: int, columns: int) -> None:
        if self._detail is None:
            return
        if columns:
            self.board.viewport.move(columns, self._detail.row.step, self.columns)
        if rows:
            self.board.lead(self._detail.charts, rows)
        self.redraw()

    def _look(self, detail: RunDetail) -> Look:
        viewport = self.board.viewport
        first, last = viewport.window(detail.row.step)
        kind: Kind = "step" if detail.ruler is None else detail.kind
        start, end = _place(detail.ruler, first), _place(detail.ruler, last)
        crosshair = viewport.crosshair
        others = [(self._others[each.row.folder.path], each) for each in detail.over
                  if each.row.folder.path in self._others and (each.ruler is not None or kind == "step")]  # fmt: skip
        if viewport.whole:
            starts = [_place(each.ruler, 0) for _, each in others]
            ends = [_place(each.ruler, steady_end(each.row.step)) for _, each in others]
            start, end = min([start, *starts]), max([end, *ends])
        return Look(
            start, end, False, detail.smoothing, crosshair,
            None if crosshair is None else _place(detail.ruler, crosshair), _schedule(detail), kind,
            minutes_east=self.host.minutes_east, others=tuple(look for look, _ in others),
        )  # fmt: skip

    def _step(self, place: float) -> float:
        """The step of the open run at a place of the x axis."""
        ruler = None if self._detail is None else self._detail.ruler
        return place if ruler is None else ruler.step(place)

    def _with_others(self, chart: Chart) -> Chart:
        if self._detail is None or not self._detail.over:
            return chart
        series: list[Series] = []
        for each in self._detail.over:
            other = self._others.get(each.row.folder.path)
            theirs = next((found for found in each.charts if found.name == chart.name), None)
            if other is not None and theirs is not None:
                series += [other.over(one, chart.name) for one in theirs.series]
        return replace(chart, series=(*chart.series, *series))

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


def _place(ruler: Ruler | None, step: float) -> float:
    return step if ruler is None else ruler.at(step)


def _schedule(detail: RunDetail) -> Schedule | None:
    config = None if detail.spec is None else detail.spec.config
    if config is None or config.kind != "training" or not schedule_text(config.batch):
        return None
    return Schedule(config.batch, config.optimizer.max_steps)
