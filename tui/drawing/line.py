"""The line chart: raw envelope dim, smoothed line bright, labels at the line's end, non-finite points marked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui.drawing.canvas import Canvas
from tui.drawing.cells import Row, width
from tui.drawing.curve import Column, View, envelope
from tui.drawing.dots import Dots
from tui.drawing.glyphs import Glyphs
from tui.drawing.ticks import log_ticks, nice_ticks, tick_label, value_label

_FLAT = 1e-12
_REACH = 1e300  # what lies beyond is drawn at the edge: differences of such numbers overflow
_Y_LABELS = 7  # cells left of the plot, the axis included


@dataclass(frozen=True)
class Series:
    """One curve of a chart; its styles are ``series.<key>`` and ``series.<key>.raw``."""

    key: str
    label: str
    view: View


@dataclass(frozen=True)
class Axes:
    """What part of the data is shown."""

    first: float  # steps
    last: float
    log: bool = False
    smoothed: bool = True  # False: the raw envelope itself is the line


def steady_end(step: int) -> int:
    """``step`` rounded up by less than one part in 128.

    An axis that ends there moves in jumps of about a dot instead of at every step, so that most lines of a live chart
    stay as they are and need not be sent again.
    """
    grain = 1 << max(0, step.bit_length() - 8)
    return -(-step // grain) * grain


class Scale:
    """Values to dot rows; row 0 is ``high``."""

    __slots__ = ("_factor", "_last", "_top", "high", "log", "low")

    def __init__(self, low: float, high: float, log: bool, rows: int) -> None:
        self.low, self.high, self.log = low, high, log
        self._top = math.log(high) if log else high
        reach = self._top - (math.log(low) if log else low)
        self._last = rows - 1
        self._factor = self._last / (reach or 1.0)

    def row(self, value: float) -> int:
        if self.log:
            if value <= 0:
                return self._last
            value = math.log(value)
        at = (self._top - value) * self._factor
        return 0 if at < 0 else self._last if at > self._last else round(at)


def line_chart(cells: int, lines: int, series: Sequence[Series], axes: Axes, glyphs: Glyphs) -> list[Row]:
    """The chart as ``lines`` rows of ``cells`` cells, whatever the data."""
    canvas = Canvas(cells, lines)
    shown = [one for one in series if one.view.count or one.view.lost_count]
    if not shown or cells < 16 or lines < 3:
        canvas.put(1, min(1, lines - 1), "no steps yet" if not shown else "too small", "dim")
        return canvas.rows()
    plot_height = lines - 2
    labels_width = _labels_width(shown) if cells >= 40 else 0
    plot_width = cells - _Y_LABELS - labels_width
    columns = plot_width * glyphs.dots[0]
    envelopes = [envelope(one.view, axes.first, axes.last, columns) for one in shown]
    scale = Scale(*_bounds(envelopes, axes.log), axes.log, plot_height * glyphs.dots[1])
    _draw_y_axis(canvas, plot_height, axes, scale, glyphs)
    _draw_x_axis(canvas, _Y_LABELS, plot_width, plot_height, axes, glyphs)
    _draw_series(canvas, plot_width, plot_height, shown, envelopes, axes, scale, glyphs)
    _draw_lost(canvas, plot_width, shown, axes, glyphs)
    if labels_width:
        _draw_labels(canvas, _Y_LABELS + plot_width, plot_height, shown, scale, glyphs)
    return canvas.rows()


def _draw_series(
    canvas: Canvas, plot_width: int, plot_height: int, shown: Sequence[Series],
    envelopes: Sequence[Sequence[Column | None]], axes: Axes, scale: Scale, glyphs: Glyphs,
) -> None:  # fmt: skip
    for one, points in zip(shown, envelopes, strict=True):
        raw = Dots(plot_width, plot_height, glyphs)
        _trace_raw(raw, points, scale.row, joined=not axes.smoothed)
        raw.paint(canvas, _Y_LABELS, 0, f"series.{one.key}.raw" if axes.smoothed else f"series.{one.key}")
    if not axes.smoothed:
        return
    for one, points in zip(shown, envelopes, strict=True):
        line = Dots(plot_width, plot_height, glyphs)
        _trace_smooth(line, points, scale.row)
        solid = glyphs.series[one.key] if glyphs.name == "ascii" else ""
        line.paint(canvas, _Y_LABELS, 0, f"series.{one.key}", solid)


def _draw_lost(canvas: Canvas, plot_width: int, shown: Sequence[Series], axes: Axes, glyphs: Glyphs) -> None:
    """Steps whose loss is NaN or infinite: a mark on the top line, where no scale can put them."""
    span = (axes.last - axes.first) or 1.0
    for one in shown:
        for step, _ in one.view.lost():
            x = round((step - axes.first) / span * (plot_width - 1))
            if 0 <= x < plot_width:
                canvas.put(_Y_LABELS + x, 0, glyphs.non_finite, "error")


def _trace_raw(dots: Dots, points: Sequence[Column | None], row: Callable[[float], int], joined: bool) -> None:
    """Neighbouring columns touch, so that a steep stretch stays one line; ``joined`` bridges empty columns too."""
    before: tuple[int, int, int] | None = None
    for index, point in enumerate(points):
        if point is None:
            continue
        top, bottom = row(point.high), row(point.low)
        if before is not None and before[0] == index - 1:
            dots.span(index, min(top, before[2]), max(bottom, before[1]))
        else:
            dots.span(index, top, bottom)
            if before is not None and joined:
                dots.line(before[0], (before[1] + before[2]) // 2, index, (top + bottom) // 2)
        before = (index, top, bottom)


def _trace_smooth(dots: Dots, points: Sequence[Column | None], row: Callable[[float], int]) -> None:
    before: tuple[int, int] | None = None
    for index, point in enumerate(points):
        if point is None:
            continue
        at = row(point.smooth)
        if before is None:
            dots.span(index, at, at)
        else:
            dots.line(*before, index, at)
        before = (index, at)


def _bounds(envelopes: Sequence[Sequence[Column | None]], log: bool) -> tuple[float, float]:
    points = [point for points in envelopes for point in points if point is not None]
    lows, highs = [point.low for point in points], [point.high for point in points]
    if log:
        lows, highs = [low for low in lows if low > 0], [high for high in highs if high > 0]
    if not lows or not highs:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = max(min(lows), -_REACH), min(max(highs), _REACH)
    if log:
        low, high = max(low, 1 / _REACH), max(high, 1 / _REACH)
    if high - low < _FLAT * max(abs(low), abs(high), 1e-300):
        return (low / 2, high * 2) if log else (low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2)
    return low, high


def _draw_y_axis(canvas: Canvas, plot_height: int, axes: Axes, scale: Scale, glyphs: Glyphs) -> None:
    for y in range(plot_height):
        canvas.put(_Y_LABELS - 1, y, glyphs.axis_y, "axis")
    for tick in (log_ticks if axes.log else nice_ticks)(scale.low, scale.high, max(1, plot_height // 3)):
        y = scale.row(tick) // glyphs.dots[1]
        canvas.put_right(_Y_LABELS - 1, y, tick_label(tick), "axis.label")
        canvas.put(_Y_LABELS - 1, y, glyphs.tick_y, "axis")


def _draw_x_axis(canvas: Canvas, left: int, plot_width: int, y: int, axes: Axes, glyphs: Glyphs) -> None:
    canvas.put(left - 1, y, glyphs.corner + glyphs.axis_x * plot_width, "axis")
    span = (axes.last - axes.first) or 1.0
    free = left - 1
    for tick in nice_ticks(axes.first, axes.last, max(2, plot_width // 9)):
        if tick != round(tick):
            continue
        text = f"{tick:,.0f}"
        x = left + round((tick - axes.first) / span * (plot_width - 1))
        start = min(x, canvas.width - len(text))
        if start >= free:
            canvas.put(x, y, glyphs.tick_x, "axis")
            canvas.put(start, y + 1, text, "axis.label")
            free = start + len(text) + 1


def _label(one: Series) -> str:
    value = one.view.last_smooth()
    return one.label if value is None else f"{one.label} {value_label(value)}"


def _labels_width(shown: Sequence[Series]) -> int:
    return max(width(_label(one)) for one in shown) + 3


def _draw_labels(
    canvas: Canvas, x: int, plot_height: int, shown: Sequence[Series], scale: Scale, glyphs: Glyphs
) -> None:
    taken: set[int] = set()
    for one in shown:
        value = one.view.last_smooth()
        wanted = 0 if value is None else scale.row(value) // glyphs.dots[1]
        free = [y for y in range(plot_height) if y not in taken]
        if not free:
            return
        y = min(free, key=lambda row: abs(row - wanted))
        taken.add(y)
        canvas.put(x, y, f" {glyphs.series[one.key]} {_label(one)}", f"series.{one.key}")
