"""A difference with its interval on an axis that shows where nothing, and where the margin, lies."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tui.draw.glyphs import Glyphs
from tui.draw.small import join
from tui.draw.text import Piece, Row


@dataclass(frozen=True)
class DifferenceAxis:
    """``low``..``high`` holds zero; ``margin`` is marked at -margin, None where a measure has none."""

    low: float
    high: float
    margin: float | None = None

    def column(self, value: float, cells: int) -> int:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return max(0, min(cells - 1, round(share * (cells - 1))))


def difference_axis(values: list[float], margin: float | None) -> DifferenceAxis:
    """An axis over all ``values``, zero and the margin, a little wider than they are."""
    inside = [0.0, *(value for value in values if math.isfinite(value))]
    if margin is not None:
        inside += [-1.5 * margin, 0.5 * margin]
    low, high = min(inside), max(inside)
    pad = 0.05 * (high - low) or 1.0
    return DifferenceAxis(low - pad, high + pad, margin)


def difference_row(
    difference: float, interval: tuple[float, float] | None, axis: DifferenceAxis, cells: int, glyphs: Glyphs,
    style: str = "accent",
) -> Row:  # fmt: skip
    """Exactly ``cells`` cells: ``──┊─┼──├─●─┤──``; the interval never hides zero or the margin."""
    if cells <= 0:
        return ()
    left, line, right, dot = glyphs.whisker
    grid: list[Piece] = [(glyphs.axis_x, "faint")] * cells
    if interval is not None and all(map(math.isfinite, interval)):
        start, end = axis.column(interval[0], cells), axis.column(interval[1], cells)
        for x in range(start, end + 1):
            grid[x] = (line, style)
        if end > start:
            grid[start], grid[end] = (left, style), (right, style)
    if axis.margin is not None:
        grid[axis.column(-axis.margin, cells)] = (margin_mark(glyphs), "warning")
    grid[axis.column(0.0, cells)] = (zero_mark(glyphs), "text")
    if math.isfinite(difference):
        grid[axis.column(difference, cells)] = (dot, f"{style} bold")
    return join(grid)


def zero_mark(glyphs: Glyphs) -> str:
    return "+" if glyphs.name == "ascii" else "┼"


def margin_mark(glyphs: Glyphs) -> str:
    return ":" if glyphs.name == "ascii" else "┊"
