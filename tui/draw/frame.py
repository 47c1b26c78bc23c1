"""The frame of a chart: axes, ticks and their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui.draw.canvas import Canvas
from tui.draw.glyphs import Glyphs
from tui.draw.scale import Scale
from tui.draw.text import width
from tui.draw.ticks import log_ticks, nice_ticks, tick_labels

Y_LABELS = 7  # cells left of a plot, the axis included


def draw_y_axis(canvas: Canvas, top: int, height: int, scale: Scale, per_cell: int, glyphs: Glyphs) -> None:
    """The axis beside lines top..top + height - 1; ``scale`` counts ``per_cell`` places to a line."""
    for y in range(top, top + height):
        canvas.put(Y_LABELS - 1, y, glyphs.axis_y, "axis")
    ticks: list[float] = []
    for count in range(max(1, height // 3), height + 1):  # one number alone does not make a scale
        ticks = (log_ticks if scale.log else nice_ticks)(scale.low, scale.high, count)
        if len(ticks) > 1:
            break
    for tick, label in zip(ticks, tick_labels(ticks, Y_LABELS - 1), strict=True):
        y = top + scale.row(tick) // per_cell
        canvas.put_right(Y_LABELS - 1, y, label, "axis.label")
        canvas.put(Y_LABELS - 1, y, glyphs.tick_y, "axis")


def draw_x_axis(
    canvas: Canvas, y: int, plot_width: int, ticks: Sequence[tuple[float, str]], column: Callable[[float], int],
    glyphs: Glyphs,
) -> None:  # fmt: skip
    """The axis on line ``y`` and the labels below it; a label that would touch the one before is left out."""
    canvas.put(Y_LABELS - 1, y, glyphs.corner + glyphs.axis_x * plot_width, "axis")
    free = Y_LABELS - 1
    for tick, text in ticks:
        x = Y_LABELS + column(tick)
        start = min(x, canvas.width - width(text))
        if start >= free:
            canvas.put(x, y, glyphs.tick_x, "axis")
            canvas.put(start, y + 1, text, "axis.label")
            free = start + width(text) + 1
