"""Drawings of one line: sparkline, progress bar, dot and whisker, distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui.drawing.cells import Row, Run
from tui.drawing.glyphs import Glyphs

_HALF = 0.5 + 1e-9  # rounds halves up, also where a sum of shares falls just short of one


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
    grid: list[Run] = [(" ", "")] * cells
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


def distribution(
    counts: Sequence[int], edges: Sequence[float], low: float, high: float, cells: int, lines: int, glyphs: Glyphs
) -> list[str]:
    """A histogram as ``lines`` rows of bars on a log axis low..high (both positive), relative to its own peak.

    ``counts[i]`` lies between ``edges[i]`` and ``edges[i + 1]``; a count is spread evenly over the cells it covers,
    so that the picture does not depend on how the bins fall on the cells. The top line is never quite full: rows
    of different distributions keep apart.
    """
    weights = [0.0] * max(0, cells)
    for count, first, last in zip(counts, edges, edges[1:], strict=False):
        if count <= 0:
            continue
        start, end = _log_position(first, low, high) * cells, _log_position(last, low, high) * cells
        if end <= start:
            end = start
        span = end - start
        for x in range(max(0, math.floor(start)), min(cells - 1, math.floor(end)) + 1):
            covered = min(end, x + 1) - max(start, x)
            weights[x] += count * (covered / span if span > 0 else 1.0)
    peak = max(weights)
    full = len(glyphs.bars) - 1
    scale = (lines * full - 1) / peak if peak > 0 else 0.0
    eighths = [max(1, math.floor(weight * scale + _HALF)) if weight > 0 else 0 for weight in weights]
    return [
        "".join(glyphs.bars[max(0, min(full, height - line * full))] for height in eighths)
        for line in reversed(range(lines))
    ]


def log_column(value: float, low: float, high: float, cells: int) -> int:
    """The cell of ``value`` on the axis of ``distribution``."""
    return max(0, min(cells - 1, math.floor(_log_position(value, low, high) * cells)))


def join(runs: Sequence[Run]) -> Row:
    """Neighbouring runs of one style become one."""
    joined: list[Run] = []
    for text, style in runs:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + text, style)
        elif text:
            joined.append((text, style))
    return tuple(joined)


def _log_position(value: float, low: float, high: float) -> float:
    value = max(value, low)
    return min(1.0, math.log(value / low) / math.log(high / low)) if high > low else 0.0


def _cut(index: int, length: int, cells: int) -> int:
    return index * length // cells


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan
