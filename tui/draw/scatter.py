"""The scatter chart: one mark a point, its name beside it where there is room, and a path through chosen points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tui.draw.canvas import Canvas
from tui.draw.dots import Dots
from tui.draw.frame import Y_LABELS, draw_x_axis, draw_y_axis
from tui.draw.glyphs import Glyphs
from tui.draw.layers import Layer, paint
from tui.draw.scale import Scale, bounds
from tui.draw.text import Row, fit, width
from tui.draw.ticks import log_ticks, nice_ticks, tick_labels

_PAD = 0.04  # free share of an axis beyond its outermost points
_LABEL = 8  # cells at most of a label below the horizontal axis
_LEAST_CELLS, _LEAST_LINES = 20, 6


@dataclass(frozen=True)
class Mark:
    """One point; ``glyph`` empty: the charset's own dot. ``label`` and ``glyph`` hold no control characters."""

    x: float
    y: float
    label: str = ""
    style: str = "accent"
    glyph: str = ""


@dataclass(frozen=True)
class Plane:
    """What the axes say and how they run: low values left and at the bottom."""

    x_title: str
    y_title: str
    log_x: bool = False
    log_y: bool = False


def scatter(
    cells: int, lines: int, marks: Sequence[Mark], plane: Plane, glyphs: Glyphs,
    path: Sequence[tuple[float, float]] = (),
) -> list[Row]:  # fmt: skip
    """The chart as ``lines`` rows of ``cells`` cells, whatever the data.

    The axes reach over ``marks``. ``path`` is joined from left to right by straight lines (a Pareto front, say). Where
    marks meet in one cell it shows how many they are; what is not finite, or not positive on a log axis, has no place
    and is counted in the corner.
    """
    canvas = Canvas(cells, lines)
    placed = [mark for mark in marks if _has_place(mark.x, plane.log_x) and _has_place(mark.y, plane.log_y)]
    if not placed or cells < _LEAST_CELLS or lines < _LEAST_LINES:
        canvas.put(1, min(1, lines - 1), "nothing to show" if not placed else "too small", "dim")
        return canvas.rows()
    plot_width, plot_height = cells - Y_LABELS, lines - 4
    x_bounds = bounds((mark.x for mark in placed), plane.log_x, _PAD)
    y_bounds = bounds((mark.y for mark in placed), plane.log_y, _PAD)
    xs, ys = Scale(*x_bounds, plane.log_x, plot_width), Scale(*y_bounds, plane.log_y, plot_height)
    canvas.put(0, 0, fit(plane.y_title, cells, ellipsis=glyphs.ellipsis), "axis.label")
    draw_y_axis(canvas, 1, plot_height, ys, 1, glyphs)
    ticks = (log_ticks if plane.log_x else nice_ticks)(*x_bounds, max(2, plot_width // 10))
    labelled = list(zip(ticks, tick_labels(ticks, _LABEL), strict=True))
    draw_x_axis(canvas, 1 + plot_height, plot_width, labelled, xs.column, glyphs)
    canvas.put_right(cells, lines - 1, fit(plane.x_title, cells, "right", glyphs.ellipsis), "axis.label")
    _draw_path(canvas, plot_width, plot_height, path, x_bounds, y_bounds, plane, glyphs)
    _draw_marks(canvas, placed, xs, ys, glyphs)
    if missing := len(marks) - len(placed):
        canvas.put(0, lines - 1, f"{glyphs.non_finite} {missing} without a place", "error")
    return canvas.rows()


def _has_place(value: float, log: bool) -> bool:
    return math.isfinite(value) and (value > 0 or not log)


def _draw_path(
    canvas: Canvas, plot_width: int, plot_height: int, path: Sequence[tuple[float, float]],
    x_bounds: tuple[float, float], y_bounds: tuple[float, float], plane: Plane, glyphs: Glyphs,
) -> None:  # fmt: skip
    dots = Dots(plot_width, plot_height, glyphs)
    xs, ys = Scale(*x_bounds, plane.log_x, dots.columns), Scale(*y_bounds, plane.log_y, dots.rows)
    before: tuple[int, int] | None = None
    for x, y in sorted(point for point in path if all(map(math.isfinite, point))):
        at = xs.column(x), ys.row(y)
        if before is not None and at[0] > before[0]:
            dots.line((before[0], at[0]), (before[1], at[1]))
        elif before is not None:
            dots.span(at[0], before[1], at[1])
        before = at
    paint(canvas, Y_LABELS, 1, [Layer(dots, "dim")], glyphs)


def _draw_marks(canvas: Canvas, marks: Sequence[Mark], xs: Scale, ys: Scale, glyphs: Glyphs) -> None:
    """Marks first, then labels into the cells that are left: right of the mark, left, below, above."""
    at: dict[tuple[int, int], list[Mark]] = {}
    for mark in marks:
        at.setdefault((Y_LABELS + xs.column(mark.x), 1 + ys.row(mark.y)), []).append(mark)
    taken = set(at)
    for (x, y), here in at.items():
        many = str(len(here)) if len(here) < 10 else "+"
        canvas.put(x, y, many if len(here) > 1 else here[0].glyph or glyphs.whisker[3], here[0].style)
    for (x, y), here in at.items():
        text = ", ".join(mark.label for mark in here if mark.label)
        size = width(text)
        if not text:
            continue
        for start, line in ((x + 2, y), (x - 1 - size, y), (x - size // 2, y + 1), (x - size // 2, y - 1)):
            cells = {(start + offset, line) for offset in range(-1, size + 1)} - {(x, y)}
            inside = start >= Y_LABELS and start + size <= canvas.width and 1 <= line < canvas.height - 3
            if inside and not cells & taken:
                canvas.put(start, line, text, here[0].style)
                taken |= cells
                break
