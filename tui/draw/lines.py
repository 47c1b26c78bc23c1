"""The line chart: raw envelope dim, smoothed line bright, labels at the line's end, non-finite points marked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tui.draw.canvas import Canvas
from tui.draw.curve import Envelope, View, envelope
from tui.draw.dots import Dots
from tui.draw.frame import Y_LABELS, draw_x_axis, draw_y_axis
from tui.draw.glyphs import Glyphs
from tui.draw.layers import Layer, paint
from tui.draw.scale import Scale, bounds
from tui.draw.text import Row, width
from tui.draw.ticks import nice_ticks, value_label

SINGLE = "single"  # the key of a series that stands alone
_LABELLED = 40  # cells from which on lines are labelled at their ends
_LEAST_CELLS, _LEAST_LINES = 16, 3
_SPARSE = 3  # cells a point, from which on points are drawn as marks


@dataclass(frozen=True)
class Series:
    """One curve of a chart; ``key`` is a batch mode, whose styles and glyphs it takes, or SINGLE."""

    key: str
    label: str
    view: View
    marked: bool = False  # every point is a measurement of its own: a mark where there is room

    @property
    def style(self) -> str:
        return "accent" if self.key == SINGLE else f"series.{self.key}"

    @property
    def raw_style(self) -> str:
        return "bar" if self.key == SINGLE else f"series.{self.key}.raw"

    def sample(self, glyphs: Glyphs) -> str:
        """What stands before the label, so that series differ without colour in ASCII."""
        return glyphs.series.get(self.key, glyphs.full)


@dataclass(frozen=True)
class Axes:
    """What part of the data is shown."""

    first: float  # steps
    last: float
    log: bool = False
    smoothed: bool = True  # False: the raw envelope itself is the line
    crosshair: float | None = None  # step
    labelled: bool = True  # names at the ends of the lines, where there is room


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
    scale = Scale(*bounds(extremes, axes.log), axes.log, height * glyphs.dots[1])
    if extremes:
        draw_y_axis(canvas, 0, height, scale, glyphs.dots[1], glyphs)
        _draw_series(canvas, room, height, shown, envelopes, axes, scale, glyphs)
    else:
        canvas.put(Y_LABELS, height // 2, "no point in this part", "dim")
    _draw_steps(canvas, height, room, axes, glyphs)
    _draw_marks(canvas, room, shown, axes, scale, glyphs)
    _draw_lost(canvas, room, shown, axes, glyphs)
    if room + Y_LABELS < cells:
        _draw_labels(canvas, Y_LABELS + room, height, shown, axes, scale, glyphs)
    _draw_crosshair(canvas, room, height, axes, glyphs)
    return canvas.rows()


def _points(one: Series, axes: Axes, columns: int) -> Envelope:
    """The envelope; of marked points, far apart, also where the line between two of them enters and leaves."""
    points = envelope(one.view, axes.first, axes.last, columns)
    if one.marked:
        for column, step in ((0, axes.first), (columns - 1, axes.last)):
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
        raw = Dots(plot_width, plot_height, glyphs)
        _trace_raw(raw, points, scale, joined=not axes.smoothed)
        layers.append(Layer(raw, one.raw_style if axes.smoothed else one.style))
    if axes.smoothed:
        for one, points in zip(shown, envelopes, strict=True):
            line = Dots(plot_width, plot_height, glyphs)
            _trace_smooth(line, points, scale)
            layers.append(Layer(line, one.style, one.sample(glyphs) if glyphs.name == "ascii" else ""))
    paint(canvas, Y_LABELS, 0, layers, glyphs)


def _draw_marks(
    canvas: Canvas, plot_width: int, shown: Sequence[Series], axes: Axes, scale: Scale, glyphs: Glyphs
) -> None:
    for one in shown:
        first, last = one.view.index(axes.first), one.view.index(axes.last + 1)
        if not one.marked or (last - first) * _SPARSE > plot_width:
            continue
        mark = one.sample(glyphs) if glyphs.name == "ascii" else glyphs.whisker[3]
        for index in range(first, last):
            x = _cell(one.view.curve.steps[index], axes, plot_width)
            if 0 <= x < plot_width:
                row = scale.row(one.view.curve.values[index])
                canvas.put(Y_LABELS + x, row // glyphs.dots[1], mark, one.style)


def _draw_lost(canvas: Canvas, plot_width: int, shown: Sequence[Series], axes: Axes, glyphs: Glyphs) -> None:
    """Points that are NaN or infinite: a mark on the top line, where no scale can put them."""
    span = (axes.last - axes.first) or 1.0
    for one in shown:
        if not one.view.any_lost(axes.first, axes.last + 1):
            continue
        for x in range(plot_width):
            first, after = (axes.first + span * (x + half) / max(1, plot_width - 1) for half in (-0.5, 0.5))
            if one.view.any_lost(max(first, axes.first), after):
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
    canvas.put(start, plot_height + 1, f"{axes.crosshair:,.0f}", "key")


def _cell(step: float, axes: Axes, plot_width: int) -> int:
    return round((step - axes.first) / ((axes.last - axes.first) or 1.0) * (plot_width - 1))


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
    ticks = nice_ticks(axes.first, axes.last, max(2, plot_width // 9))
    taken = range(0)
    if axes.crosshair is not None and axes.first <= axes.crosshair <= axes.last:
        start, end = _label_cells(axes.crosshair, axes, plot_width, canvas.width)
        taken = range(start - 1, end + 1)

    def label(tick: float) -> str:
        """Nothing where the step of the crosshair stands."""
        start, end = _label_cells(tick, axes, plot_width, canvas.width)
        return "" if start < taken.stop and end > taken.start else f"{tick:,.0f}"

    labelled = [(tick, label(tick)) for tick in ticks if tick == round(tick)]
    draw_x_axis(canvas, y, plot_width, labelled, lambda step: _cell(step, axes, plot_width), glyphs)


def _label_cells(step: float, axes: Axes, plot_width: int, cells: int) -> tuple[int, int]:
    """First cell of a step's label below the axis, and the one after it."""
    size = len(f"{step:,.0f}")
    start = max(0, min(Y_LABELS + _cell(step, axes, plot_width), cells - size))
    return start, start + size


def _label(one: Series, axes: Axes) -> str:
    value = _end(one, axes)
    return one.label if value is None else f"{one.label} {value_label(value)}"


def _end(one: Series, axes: Axes) -> float | None:
    """What the line is at its end, in sight."""
    return one.view.smooth_before(axes.last + 1)


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
