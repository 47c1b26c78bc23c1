"""The line chart: raw envelope dim, smoothed line bright, labels at the line's end, non-finite points marked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from tui.draw.canvas import Canvas
from tui.draw.curve import Envelope, View, envelope
from tui.draw.dots import Dots
from tui.draw.frame import Y_LABELS, draw_x_axis, draw_y_axis
from tui.draw.glyphs import Glyphs
from tui.draw.layers import Layer, paint
from tui.draw.ruler import Ruler
from tui.draw.scale import Scale, bounds
from tui.draw.text import Row, width
from tui.draw.ticks import nice_ticks, tick_label
from tui.draw.time_ticks import elapsed_label, elapsed_ticks, moment_label, moment_ticks
from tui.numbers import number

SINGLE = "single"  # the key of a series that stands alone
_LABELLED = 40  # cells from which on lines are labelled at their ends
_LEAST_CELLS, _LEAST_LINES = 16, 3
_SPARSE = 3  # cells a point, from which on points are drawn as marks
_OUTLIERS = 0.02  # of the columns at either end: how many may lie outside of a robust range

# Dashed lines, as columns of dots that are drawn and left out, and what stands for them beside a label.
DASHES = {(8, 3): "╍", (4, 3): "┅", (2, 2): "┉", (6, 6): "╌", (3, 6): "┄", (1, 4): "┈"}

Kind = Literal["step", "moment", "elapsed", "tokens"]  # what an x axis measures
Range = Literal["all", "robust"] | tuple[float, float]  # of values: all, without outliers, or from and to


@dataclass(frozen=True)
class Series:
    """One curve of a chart; ``key`` is a batch mode, whose styles and glyphs it takes, or SINGLE."""

    key: str
    label: str
    view: View
    marked: bool = False  # every point is a measurement of its own: a mark where there is room
    ruler: Ruler | None = None  # of an x axis that is not one of steps
    dash: tuple[int, int] = (1, 0)  # columns of dots that are drawn, and left out after them
    over: bool = False  # of another run: its raw points are not drawn, so that they hide no curve of this one
    text: Callable[[float], str] = number  # how its value at the end is written

    @property
    def style(self) -> str:
        return "accent" if self.key == SINGLE else f"series.{self.key}"

    @property
    def raw_style(self) -> str:
        return "bar" if self.key == SINGLE else f"series.{self.key}.raw"

    def place(self, step: float) -> float:
        """Where a step lies on the x axis."""
        return step if self.ruler is None else self.ruler.at(step)

    def step(self, place: float) -> float:
        return place if self.ruler is None else self.ruler.step(place)

    def sample(self, glyphs: Glyphs) -> str:
        """What stands before the label, so that series differ without colour in ASCII, and dashed ones everywhere."""
        if self.dash in DASHES and glyphs.name != "ascii":
            return DASHES[self.dash]
        return glyphs.series.get(self.key, glyphs.full)


@dataclass(frozen=True)
class Axes:
    """What part of the data is shown, in the unit of the x axis."""

    first: float  # steps, unix seconds, seconds or tokens, by ``kind``
    last: float
    log: bool = False
    smoothed: bool = True  # False: the raw envelope itself is the line
    crosshair: float | None = None
    labelled: bool = True  # names at the ends of the lines, where there is room
    kind: Kind = "step"
    range: Range = "all"
    minutes_east: int | None = 0  # of the time zone; None: the local one

    def label(self, place: float) -> str:
        """A place on the x axis, exact enough to be found again."""
        if self.kind == "moment":
            return moment_label(place, self.minutes_east)
        if self.kind == "elapsed":
            return elapsed_label(place)
        return f"{place:,.0f}"


def steady_end(step: int) -> int:
    """``step`` rounded up by less than one part in 128.

    An axis that ends there moves in jumps of about a dot instead of at every step, so that most lines of a live chart
    stay as they are and need not be sent again.
    """
    grain = 1 << max(0, step.bit_length() - 8)
    return -(-step // grain) * grain


def plot_width(cells: int, series: Sequence[Series], axes: Axes) -> int:
    """Cells of the plot of a chart of ``cells`` cells, between the two kinds of labels."""
    labels = (
        max((width(_label(one, axes)) for one in series), default=0) + 3 if axes.labelled and cells >= _LABELLED else 0
    )
    return max(0, cells - Y_LABELS - labels)


def line_chart(cells: int, lines: int, series: Sequence[Series], axes: Axes, glyphs: Glyphs) -> list[Row]:
    """The chart as ``lines`` rows of ``cells`` cells, whatever the data."""
    canvas = Canvas(cells, lines)
    shown = [one for one in series if one.view.count or one.view.lost_count]
    room = plot_width(cells, shown, axes)
    if not shown or cells < _LEAST_CELLS or lines < _LEAST_LINES or not room:
        canvas.put(1, min(1, lines - 1), "no steps yet" if not shown else "too small", "dim")
        return canvas.rows()
    height = lines - 2
    envelopes = [_points(one, axes, room * glyphs.dots[0]) for one in shown]
    extremes = [value for points in envelopes for value in points.low + points.high]
    scale = Scale(*value_range(envelopes, axes), axes.log, height * glyphs.dots[1])
    if extremes:
        draw_y_axis(canvas, 0, height, scale, glyphs.dots[1], glyphs)
        _draw_series(canvas, room, height, shown, envelopes, axes, scale, glyphs)
        if axes.range != "all":
            _mark_outliers(canvas, height, envelopes, scale, glyphs)
    else:
        canvas.put(Y_LABELS, height // 2, "no point in this part", "dim")
    _draw_steps(canvas, height, room, axes, glyphs)
    _draw_marks(canvas, room, shown, axes, scale, glyphs)
    _draw_lost(canvas, room, shown, axes, glyphs)
    if room + Y_LABELS < cells:
        _draw_labels(canvas, Y_LABELS + room, height, shown, axes, scale, glyphs)
    _draw_crosshair(canvas, room, height, axes, glyphs)
    return canvas.rows()


def range_in_sight(cells: int, series: Sequence[Series], axes: Axes, glyphs: Glyphs) -> tuple[float, float]:
    """The ends of the value axis of ``line_chart`` with these arguments."""
    shown = [one for one in series if one.view.count]
    columns = max(1, plot_width(cells, shown, axes) * glyphs.dots[0])
    return value_range([_points(one, axes, columns) for one in shown], axes)


def value_range(envelopes: Sequence[Envelope], axes: Axes) -> tuple[float, float]:
    """The ends of the value axis; without outliers it still holds the end of every line."""
    if isinstance(axes.range, tuple):
        return axes.range
    low = sorted(value for points in envelopes for value in points.low)
    high = sorted(value for points in envelopes for value in points.high)
    if axes.range == "robust" and len(low) > 2:
        cut = max(1, round(_OUTLIERS * len(low)))
        return bounds([low[cut], high[-1 - cut], *_ends(envelopes)], axes.log)
    return bounds([*low, *high], axes.log)


def _ends(envelopes: Sequence[Envelope]) -> list[float]:
    """The end of every line: what a run is by now is no outlier."""
    return [points.smooth[-1] for points in envelopes if points.smooth]


def _mark_outliers(
    canvas: Canvas, plot_height: int, envelopes: Sequence[Envelope], scale: Scale, glyphs: Glyphs
) -> None:  # fmt: skip
    """An arrow at the edge of every column that reaches beyond it."""
    up, down = glyphs.scroll
    for points in envelopes:
        for column, low, high in zip(points.columns, points.low, points.high, strict=True):
            x = Y_LABELS + column // glyphs.dots[0]
            if high > scale.high:
                canvas.put(x, 0, up, "warning")
            if low < scale.low and (not scale.log or low > 0):
                canvas.put(x, plot_height - 1, down, "warning")


def _points(one: Series, axes: Axes, columns: int) -> Envelope:
    """The envelope; of marked points, far apart, also where the line between two of them enters and leaves."""
    first, last = one.step(axes.first), one.step(axes.last)
    edges = None
    if one.ruler is not None:
        width = (axes.last - axes.first) / columns
        edges = [one.ruler.step(axes.first + width * column) for column in range(1, columns)]
    points = envelope(one.view, first, last, columns, edges)
    if one.marked:
        for column, step in ((0, first), (columns - 1, last)):
            value = one.view.between(step, axes.log)
            if column not in points.columns and value is not None:
                place = bisect_left(points.columns, column)
                points.columns.insert(place, column)
                for values in (points.low, points.high, points.smooth):
                    values.insert(place, value)
    return points


def _draw_series(
    canvas: Canvas, plot_width: int, plot_height: int, shown: Sequence[Series], envelopes: Sequence[Envelope],
    axes: Axes, scale: Scale, glyphs: Glyphs,
) -> None:  # fmt: skip
    """The smoothed lines above all that is raw."""
    layers: list[Layer] = []
    for one, points in zip(shown, envelopes, strict=True):
        if one.over and axes.smoothed:
            continue
        raw = Dots(plot_width, plot_height, glyphs)
        _trace_raw(raw, points, scale, joined=not axes.smoothed)
        if one.dash[1] and not axes.smoothed:
            raw.dash(*one.dash)
        layers.append(Layer(raw, one.raw_style if axes.smoothed else one.style))
    if axes.smoothed:
        for one, points in zip(shown, envelopes, strict=True):
            line = Dots(plot_width, plot_height, glyphs)
            _trace_smooth(line, points, scale)
            if one.dash[1]:
                line.dash(*one.dash)
            layers.append(Layer(line, one.style, one.sample(glyphs) if glyphs.name == "ascii" else ""))
    paint(canvas, Y_LABELS, 0, layers, glyphs)


def _draw_marks(
    canvas: Canvas, plot_width: int, shown: Sequence[Series], axes: Axes, scale: Scale, glyphs: Glyphs
) -> None:
    for one in shown:
        first, last = one.view.index(one.step(axes.first)), one.view.index(one.step(axes.last) + 1)
        if not one.marked or (last - first) * _SPARSE > plot_width:
            continue
        mark = one.sample(glyphs) if glyphs.name == "ascii" else glyphs.whisker[3]
        for index in range(first, last):
            x = _cell(one.place(one.view.curve.steps[index]), axes, plot_width)
            if 0 <= x < plot_width:
                row = scale.row(one.view.curve.values[index])
                canvas.put(Y_LABELS + x, row // glyphs.dots[1], mark, one.style)


def _draw_lost(canvas: Canvas, plot_width: int, shown: Sequence[Series], axes: Axes, glyphs: Glyphs) -> None:
    """Points that are NaN or infinite: a mark on the top line, where no scale can put them."""
    span = (axes.last - axes.first) or 1.0
    for one in shown:
        least = one.step(axes.first)
        if not one.view.any_lost(least, one.step(axes.last) + 1):
            continue
        for x in range(plot_width):
            first, after = (one.step(axes.first + span * (x + half) / max(1, plot_width - 1)) for half in (-0.5, 0.5))
            if one.view.any_lost(max(first, least), after):
                canvas.put(Y_LABELS + x, 0, glyphs.non_finite, "error")


def _draw_crosshair(canvas: Canvas, plot_width: int, plot_height: int, axes: Axes, glyphs: Glyphs) -> None:
    """A column of another background; what stands in it stays. Below it, the step."""
    if axes.crosshair is None:
        return
    x = _cell(axes.crosshair, axes, plot_width)
    if not 0 <= x < plot_width:
        return
    for y in range(plot_height):
        canvas.cross(Y_LABELS + x, y, glyphs.vertical, "dim", "selected")
    start, _ = _label_cells(axes.crosshair, axes, plot_width, canvas.width)
    canvas.put(start, plot_height + 1, axes.label(axes.crosshair), "key")


def _cell(place: float, axes: Axes, plot_width: int) -> int:
    return round((place - axes.first) / ((axes.last - axes.first) or 1.0) * (plot_width - 1))


def _trace_raw(dots: Dots, points: Envelope, scale: Scale, joined: bool) -> None:
    """Neighbouring columns touch, so that a steep stretch stays one line; ``joined`` bridges empty columns too."""
    columns, tops, bottoms = points.columns, scale.rows(points.high), scale.rows(points.low)
    dots.spans(columns, tops, bottoms)
    for (column, top, bottom), (after, its_top, its_bottom) in pairwise(zip(columns, tops, bottoms, strict=True)):
        if after > column + 1:
            if joined:
                dots.line((column, after), ((top + bottom) // 2, (its_top + its_bottom) // 2))
        elif its_top > bottom:
            dots.span(after, bottom, its_top)
        elif its_bottom < top:
            dots.span(after, its_bottom, top)


def _trace_smooth(dots: Dots, points: Envelope, scale: Scale) -> None:
    if not points.columns:
        return
    rows = scale.rows(points.smooth)
    dots.spans(points.columns[:1], rows[:1], rows[:1])
    dots.line(points.columns, rows)


def _draw_steps(canvas: Canvas, y: int, plot_width: int, axes: Axes, glyphs: Glyphs) -> None:
    ticks = _ticks(axes, plot_width)
    taken = range(0)
    if axes.crosshair is not None and axes.first <= axes.crosshair <= axes.last:
        start, end = _label_cells(axes.crosshair, axes, plot_width, canvas.width)
        taken = range(start - 1, end + 1)

    def kept(tick: float, label: str) -> str:
        """Nothing where the place of the crosshair stands."""
        start, end = _label_cells(tick, axes, plot_width, canvas.width, label)
        return "" if start < taken.stop and end > taken.start else label

    labelled = [(tick, kept(tick, label)) for tick, label in ticks]
    draw_x_axis(canvas, y, plot_width, labelled, lambda place: _cell(place, axes, plot_width), glyphs)


def _ticks(axes: Axes, plot_width: int) -> list[tuple[float, str]]:
    """Where the x axis is labelled, and how."""
    if axes.kind == "moment":
        return moment_ticks(axes.first, axes.last, max(2, plot_width // 12), axes.minutes_east)
    if axes.kind == "elapsed":
        return elapsed_ticks(axes.first, axes.last, max(2, plot_width // 12))
    ticks = [tick for tick in nice_ticks(axes.first, axes.last, max(2, plot_width // 9)) if tick == round(tick)]
    return [(tick, tick_label(tick) if axes.kind == "tokens" else f"{tick:,.0f}") for tick in ticks]


def _label_cells(
    place: float, axes: Axes, plot_width: int, cells: int, label: str | None = None
) -> tuple[int, int]:  # fmt: skip
    """First cell of the label of a place below the axis, and the one after it."""
    size = len(axes.label(place) if label is None else label)
    start = max(0, min(Y_LABELS + _cell(place, axes, plot_width), cells - size))
    return start, start + size


def _label(one: Series, axes: Axes) -> str:
    value = _end(one, axes)
    return one.label if value is None else f"{one.label} {one.text(value)}"


def _end(one: Series, axes: Axes) -> float | None:
    """What the line is at its end, in sight."""
    return one.view.smooth_before(one.step(axes.last) + 1)


def _draw_labels(
    canvas: Canvas, x: int, plot_height: int, shown: Sequence[Series], axes: Axes, scale: Scale, glyphs: Glyphs
) -> None:
    taken: set[int] = set()
    for one in shown:
        value = _end(one, axes)
        wanted = 0 if value is None else scale.row(value) // glyphs.dots[1]
        free = [y for y in range(plot_height) if y not in taken]
        if not free:
            return
        y = min(free, key=lambda row: abs(row - wanted))
        taken.add(y)
        canvas.put(x, y, f" {one.sample(glyphs)} {_label(one, axes)}", one.style)
