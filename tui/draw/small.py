"""Drawings of one line: sparkline, progress bar, dot and whisker."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui.draw.glyphs import Glyphs
from tui.draw.text import Piece, Row


def sparkline(values: Sequence[float], cells: int, glyphs: Glyphs) -> str:
    """At most ``cells`` characters from least to greatest; what is not finite leaves a gap. Short data stays short."""
    if cells <= 0 or not values:
        return ""
    if len(values) > cells:
        values = [_mean(values[_cut(i, len(values), cells) : _cut(i + 1, len(values), cells)]) for i in range(cells)]
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return " " * len(values)
    low, high = min(finite), max(finite)
    top = len(glyphs.spark) - 1
    span = high - low
    return "".join(
        " " if not math.isfinite(value) else glyphs.spark[round((value - low) / span * top) if span > 0 else top // 2]
        for value in values
    )


def progress_bar(done: float, total: float | None, cells: int, glyphs: Glyphs, style: str = "accent") -> Row:
    """``done`` of ``total`` as a line; an unknown total is an empty line."""
    share = min(1.0, max(0.0, done / total)) if total else 0.0
    full = math.floor(share * cells)
    return join([(glyphs.full * full, style), (glyphs.empty * (cells - full), "faint")])


def whisker(
    mean: float, interval: tuple[float, float] | None, low: float, high: float, cells: int, glyphs: Glyphs
) -> Row:
    """A mean with its interval on an axis low..high; a thin line marks zero where the axis has it."""
    left, line, right, dot = glyphs.whisker
    grid: list[Piece] = [(" ", "")] * cells
    if cells <= 0:
        return ()

    def column(value: float) -> int:
        share = (value - low) / (high - low) if high > low else 0.5
        return max(0, min(cells - 1, round(share * (cells - 1))))

    if low <= 0 <= high:
        grid[column(0.0)] = (glyphs.vertical, "faint")
    if interval is not None and all(map(math.isfinite, interval)):
        start, end = column(interval[0]), column(interval[1])
        for x in range(start, end + 1):
            grid[x] = (line, "dim")
        if end > start:
            grid[start], grid[end] = (left, "dim"), (right, "dim")
    if math.isfinite(mean):
        grid[column(mean)] = (dot, "accent")
    return join(grid)


def join(runs: Sequence[Piece]) -> Row:
    """Neighbouring runs of one style become one."""
    joined: list[Piece] = []
    for text, style in runs:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + text, style)
        elif text:
            joined.append((text, style))
    return tuple(joined)


def _cut(index: int, length: int, cells: int) -> int:
    return index * length // cells


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan
