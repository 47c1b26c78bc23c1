"""The line chart: raw envelope dim, smoothed line bright, labels at the line's end, non-finite points marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui.drawing.canvas import Canvas
from tui.drawing.cells import Row, width
from tui.drawing.curve import Column, View, envelope
from tui.drawing.dots import Dots
from tui.drawing.frame import Y_LABELS, draw_x_axis, draw_y_axis
from tui.drawing.glyphs import Glyphs
from tui.drawing.scale import Scale, bounds
from tui.drawing.ticks import nice_ticks, value_label


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


def line_chart(cells: int, lines: int, series: Sequence[Series], axes: Axes, glyphs: Glyphs) -> list[Row]:
    """The chart as ``lines`` rows of ``cells`` cells, whatever the data."""
    canvas = Canvas(cells, lines)
    shown = [one for one in series if one.view.count or one.view.lost_count]
    if not shown or cells < 16 or lines < 3:
        canvas.put(1, min(1, lines - 1), "no steps yet" if not shown else "too small", "dim")
        return canvas.rows()
    plot_height = lines - 2
    labels_width = _labels_width(shown) if cells >= 40 else 0
    plot_width = cells - Y_LABELS - labels_width
    columns = plot_width * glyphs.dots[0]
    envelopes = [envelope(one.view, axes.first, axes.last, columns) for one in shown]
    scale = Scale(*bounds(_extremes(envelopes), axes.log), axes.log, plot_height * glyphs.dots[1])
    draw_y_axis(canvas, 0, plot_height, scale, glyphs.dots[1], glyphs)
    _draw_steps(canvas, plot_height, plot_width, axes, glyphs)
    _draw_series(canvas, plot_width, plot_height, shown, envelopes, axes, scale, glyphs)
    _draw_lost(canvas, plot_width, shown, axes, glyphs)
    if labels_width:
        _draw_labels(canvas, Y_LABELS + plot_width, plot_height, shown, scale, glyphs)
    return canvas.rows()


def _draw_series(
    canvas: Canvas, plot_width: int, plot_height: int, shown: Sequence[Series],
    envelopes: Sequence[Sequence[Column | None]], axes: Axes, scale: Scale, glyphs: Glyphs,
) -> None:  # fmt: skip
    for one, points in zip(shown, envelopes, strict=True):
        raw = Dots(plot_width, plot_height, glyphs)
        _trace_raw(raw, points, scale.row, joined=not axes.smoothed)
        raw.paint(canvas, Y_LABELS, 0, f"series.{one.key}.raw" if axes.smoothed else f"series.{one.key}")
    if not axes.smoothed:
        return
    for one, points in zip(shown, envelopes, strict=True):
        line = Dots(plot_width, plot_height, glyphs)
        _trace_smooth(line, points, scale.row)
        solid = glyphs.series[one.key] if glyphs.name == "ascii" else ""
        line.paint(canvas, Y_LABELS, 0, f"series.{one.key}", solid)


def _draw_lost(canvas: Canvas, plot_width: int, shown: Sequence[Series], axes: Axes, glyphs: Glyphs) -> None:
    """Steps whose loss is NaN or infinite: a mark on the top line, where no scale can put them."""
    span = (axes.last - axes.first) or 1.0
    for one in shown:
        for step, _ in one.view.lost():
            x = round((step - axes.first) / span * (plot_width - 1))
            if 0 <= x < plot_width:
                canvas.put(Y_LABELS + x, 0, glyphs.non_finite, "error")


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


def _extremes(envelopes: Sequence[Sequence[Column | None]]) -> list[float]:
    points = [point for points in envelopes for point in points if point is not None]
    return [point.low for point in points] + [point.high for point in points]


def _draw_steps(canvas: Canvas, y: int, plot_width: int, axes: Axes, glyphs: Glyphs) -> None:
    span = (axes.last - axes.first) or 1.0
    ticks = nice_ticks(axes.first, axes.last, max(2, plot_width // 9))
    labelled = [(tick, f"{tick:,.0f}") for tick in ticks if tick == round(tick)]

    def column(step: float) -> int:
        return round((step - axes.first) / span * (plot_width - 1))

    draw_x_axis(canvas, y, plot_width, labelled, column, glyphs)


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
