"""One chart of the overview: its curves, the mix of batches below the losses, what its title reads out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from textual import events
from textual.message import Message

from engine.config import BatchConfig
from engine.mono_share import mono_share_at
from tui.draw.curve import Point
from tui.draw.frame import Y_LABELS
from tui.draw.lines import DASHES, Axes, Kind, Range, Series, line_chart, plot_width, range_in_sight
from tui.draw.ribbon import planned, ribbon, stretches
from tui.draw.text import Piece, Row, fit, row_width
from tui.follow.charts import Chart
from tui.follow.measures import LOSS
from tui.numbers import exact, number
from tui.widgets.panel import Panel

_ROOM_BELOW = 8  # lines from which on the ribbon has one
_LEGEND_FROM = 14  # lines from which on the names of other runs have one
_DRAGGED = 2  # cells from which on a pressed mouse has been moved on purpose
KINDS: tuple[Kind, ...] = ("step", "moment", "elapsed", "tokens")
KIND_NAMES: dict[Kind, str] = {
    "step": "steps", "moment": "time of day", "elapsed": "time since the start", "tokens": "tokens",
}  # fmt: skip


@dataclass(frozen=True)
class Schedule:
    """The planned share of monolingual batches, by update."""

    batch: BatchConfig
    max_steps: int

    def at(self, step: float) -> float:
        return mono_share_at(self.batch, self.max_steps, max(1, min(self.max_steps, round(step))))


@dataclass(frozen=True)
class OtherRun:
    """How the curves of a run look that lie over those of the open one."""

    name: str
    place: int  # among those that can lie there: it decides colour and dashes

    @property
    def key(self) -> str:
        return f"r{self.place + 2}"  # the first two colours are those of the open run's batches

    @property
    def dash(self) -> tuple[int, int]:
        return list(DASHES)[self.place % len(DASHES)]

    def over(self, one: Series, chart: str) -> Series:
        label = self.name if one.label == chart else f"{self.name} {one.label}"
        return replace(one, key=self.key, label=label, dash=self.dash, over=True)


@dataclass(frozen=True)
class Look:
    """How a chart is shown; ``first`` and ``last`` are places on the x axis, which all charts share."""

    first: float
    last: float
    log: bool
    smoothing: float
    crosshair: int | None = None  # step of the open run
    place: float | None = None  # of the crosshair
    schedule: Schedule | None = None  # of the share of monolingual batches, where it is not constant
    kind: Kind = "step"
    range: Range = "all"
    minutes_east: int | None = 0
    others: tuple[OtherRun, ...] = ()

    def step_of(self, one: Series) -> float | None:
        """The step of a curve that is under the crosshair: of another run the one at the same place."""
        if self.crosshair is None or self.place is None:
            return None
        return round(one.step(self.place)) if one.over else self.crosshair


class ChartPanel(Panel):
    """One chart; drawn again only when its curves or its look are others."""

    ALLOW_SELECT = False  # dragging chooses a part of the run

    class Pointed(Message):
        """A click at a place of the x axis."""

        def __init__(self, place: float) -> None:
            super().__init__()
            self.place = place

    class Dragged(Message):
        """The mouse was moved from one place to another while it was pressed."""

        def __init__(self, first: float, last: float) -> None:
            super().__init__()
            self.first, self.last = first, last

    class Wheeled(Message):
        """The wheel was turned at a place: towards it, or away; with shift sideways."""

        def __init__(self, place: float, closer: bool, sideways: bool) -> None:
            super().__init__()
            self.place, self.closer, self.sideways = place, closer, sideways

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shown: tuple[Chart, Look] | None = None
        self._pressed: int | None = None  # cell in which the mouse was pressed
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
        if self._shown is None or self._shown[1].crosshair is None or self._shown[1].place is None:
            return ""
        chart, look = self._shown
        values = "  ".join(f"{one.label}{self._value(one, look)}" for one in chart.series)
        place = "" if look.kind == "step" else f", {self._axes(chart, look).label(look.place or 0.0)}"
        return f"step {look.crosshair:,}{place}  {values}"

    def range_now(self) -> tuple[float, float] | None:
        """The ends of the value axis as it is drawn."""
        if self._shown is None or not self._shown[0].series:
            return None
        chart, look = self._shown
        return range_in_sight(self.size.width, chart.series, self._axes(chart, look), self.glyphs)

    def on_resize(self, event: events.Resize) -> None:
        if self._shown is not None:
            self.retitle(self._title_row(*self._shown))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        place = event.get_content_offset(self)
        if place is not None and self.place_at(place.x) is not None:
            self._pressed = place.x
            self.capture_mouse()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        pressed, self._pressed = self._pressed, None
        self.release_mouse()
        first = None if pressed is None else self.place_at(pressed)
        if pressed is None or first is None:
            return
        x = max(Y_LABELS, min(Y_LABELS + self.columns - 1, event.x - self.gutter.left))
        last = self.place_at(x)
        if last is not None and abs(x - pressed) >= _DRAGGED:
            self.post_message(self.Dragged(min(first, last), max(first, last)))
        else:
            self.post_message(self.Pointed(first))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._turn_wheel(event, closer=True)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._turn_wheel(event, closer=False)

    def place_at(self, x: int) -> float | None:
        """The place on the x axis in a cell of the panel; None beside the plot."""
        if self._shown is None or not 0 <= x - Y_LABELS < self.columns:
            return None
        look = self._shown[1]
        return look.first + (look.last - look.first) * (x - Y_LABELS) / max(1, self.columns - 1)

    def rows(self, width: int, height: int) -> list[Row]:
        if self._shown is None:
            return []
        chart, look = self._shown
        if not chart.ready:
            return [(("reading", "dim"),)]
        axes = self._axes(chart, look)
        above = [self._legend(look)] if self.leading and look.others and height >= _LEGEND_FROM else []
        below: list[Row] = []
        if chart.name == LOSS and chart.series and height >= _ROOM_BELOW:
            below = [self._mix(chart, axes, width)]
            if look.schedule is not None and height > _ROOM_BELOW:
                below.append(self._plan(look, look.schedule, chart, axes, width))
            below += self._lost(chart)
        lines = height - len(above) - len(below)
        return above + line_chart(width, lines, chart.series, axes, self.glyphs) + below

    def _turn_wheel(self, event: events.MouseScrollUp | events.MouseScrollDown, closer: bool) -> None:
        offset = event.get_content_offset(self)
        place = None if offset is None else self.place_at(offset.x)
        if place is not None:
            event.stop()
            self.post_message(self.Wheeled(place, closer, sideways=event.shift))

    def _axes(self, chart: Chart, look: Look) -> Axes:
        smoothed = chart.smoothed and look.smoothing > 0
        return Axes(
            look.first, look.last, look.log, smoothed, look.place, kind=look.kind, range=look.range,
            minutes_east=look.minutes_east,
        )  # fmt: skip

    def _legend(self, look: Look) -> Row:
        """Which line is whose: colours alone do not say it."""
        pieces: list[Piece] = [(" " * Y_LABELS, "")]
        for other in look.others:
            sample = self.glyphs.series[other.key] if self.glyphs.name == "ascii" else DASHES[other.dash] * 2
            pieces.append((f"{sample} {other.name}   ", f"series.{other.key}"))
        return tuple(pieces)

    def _mix(self, chart: Chart, axes: Axes, width: int) -> Row:
        """The batch modes under the losses they belong to; right of them the shares in sight."""
        series = [one for one in chart.series if not one.over]
        views, modes = [one.view for one in series], [one.key for one in series]
        room = plot_width(width, chart.series, axes)
        if not series:
            return ()
        counts = stretches(views, axes.first, axes.last, room, series[0].step)
        first, last = series[0].step(axes.first), series[0].step(axes.last)
        sums = [view.count_between(first, last + 1) for view in views]
        pieces: list[Piece] = [(fit("mix", Y_LABELS), "dim"), *ribbon(counts, modes, self.glyphs)]
        if len(modes) > 1 and sum(sums) > 0:
            pieces.append((f" {modes[0]} {100 * sums[0] / sum(sums):.1f} %", series[0].style))
        return tuple(pieces)

    def _plan(self, look: Look, schedule: Schedule, chart: Chart, axes: Axes, width: int) -> Row:
        """What was planned for the cells above; right of it the share at the crosshair, or the mean in sight."""
        room = plot_width(width, chart.series, axes)
        stretch = (axes.last - axes.first) / max(1, room - 1)
        shares = [schedule.at(chart.series[0].step(axes.first + stretch * cell)) for cell in range(room)]
        told = sum(shares) / max(1, len(shares)) if look.crosshair is None else schedule.at(look.crosshair)
        row = planned(shares, "mono", self.glyphs)
        return ((fit("plan", Y_LABELS), "dim"), *row, (f" mono {100 * told:.1f} %", "dim"))

    def _lost(self, chart: Chart) -> list[Row]:
        series = [one for one in chart.series if not one.over]
        lost = sorted(point for one in series for point in one.view.lost()[-1:])
        if not lost:
            return []
        step, value = lost[-1]
        total = sum(one.view.lost_count for one in series)
        text = f"{self.glyphs.non_finite} {total:,} steps without a finite loss, the last {number(value)} at {step:,}"
        return [((text, "error"),)]

    def _title_row(self, chart: Chart, look: Look) -> Row:
        """The name, then each curve: what it is under the crosshair, or at its end where the chart has no room to say.

        Where all of it does not fit, the numbers give way: without them it still says which line is which.
        """
        if self.leading and look.crosshair is None:
            return ((chart.name, ""), (_how(chart, look), "dim"))
        full: list[Piece] = [(chart.name, "")]
        short: list[Piece] = [(chart.name, "")]
        for one in chart.series:
            name = "" if one.label == chart.name else f" {one.label}"
            full.append((f"  {one.sample(self.glyphs)}{name}{self._value(one, look)}", one.style))
            short.append((f"  {one.sample(self.glyphs)}{name}", one.style))
        return tuple(full if row_width(full) <= self.title_room else short)

    def _value(self, one: Series, look: Look) -> str:
        step = look.step_of(one)
        if step is None:
            end = one.view.smooth_before(one.step(look.last) + 1)
            return "" if end is None else f" {number(end)}"
        point = one.view.nearest(step)
        if point is None:
            return " -"
        return f" {exact(point.value)}" + ("" if point.step == look.crosshair else f" @{point.step:,}")


def _how(chart: Chart, look: Look) -> str:
    """How the large chart is drawn: what a title says where no crosshair is read out."""
    text = f"   smoothed {beta_text(look.smoothing)} over raw" if chart.smoothed and look.smoothing else ""
    text += f"   y: {'log' if look.log else 'linear'}"
    if look.range == "robust":
        text += ", without outliers"
    elif look.range != "all":
        text += ", held"
    return text if look.kind == "step" else f"{text}   x: {KIND_NAMES[look.kind]}"


def beta_text(beta: float) -> str:
    """A factor of smoothing, with all of its digits: .995 is not .99."""
    return f"{beta:g}".removeprefix("0")


def readouts(chart: Chart, look: Look) -> list[tuple[Series, Point]]:
    """What each curve of a chart is under the crosshair, or closest to it."""
    found = [(one, one.view.nearest(step)) for one in chart.series if (step := look.step_of(one)) is not None]
    return [(one, point) for one, point in found if point is not None]


def mode_at(charts: tuple[Chart, ...], step: int) -> str:
    """The mode of the batch of ``step``; empty where none is known."""
    losses = next((chart for chart in charts if chart.name == LOSS), None)
    for one in losses.series if losses is not None else ():
        point = one.view.nearest(step)
        if point is not None and point.step == step:
            return one.key
    return ""
