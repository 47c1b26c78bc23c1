"""Distributions on a logarithmic axis, as bars: how much lies where, or how much lies up to there."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from engine.export.log_axis import log_position, spread
from tui.draw.glyphs import Glyphs

_HALF = 0.5 + 1e-9  # rounds halves up, also where a sum of shares falls just short of one


def distribution(
    counts: Sequence[int], edges: Sequence[float], low: float, high: float, cells: int, lines: int, glyphs: Glyphs
) -> list[str]:
    """A histogram as ``lines`` rows of bars on a log axis low..high (both positive), relative to its own peak.

    ``counts[i]`` lies between ``edges[i]`` and ``edges[i + 1]``; a count is spread evenly over the cells it covers,
    so that the picture does not depend on how the bins fall on the cells. The top line is never quite full: rows
    of different distributions keep apart.
    """
    weights = spread(counts, edges, low, high, cells)
    peak = max(weights, default=0.0)
    return _bars([weight / peak if peak > 0 else 0.0 for weight in weights], lines, glyphs)


def cumulative(
    counts: Sequence[int], edges: Sequence[float], low: float, high: float, cells: int, lines: int, glyphs: Glyphs
) -> list[str]:
    """The same counts as shares of all that lie up to the end of each cell: full is all, for every distribution."""
    weights = spread(counts, edges, low, high, cells)
    total = sum(weights)
    shares = itertools.accumulate(weights)
    return _bars([share / total if total > 0 else 0.0 for share in shares], lines, glyphs)


def log_column(value: float, low: float, high: float, cells: int) -> int:
    """The cell of ``value`` on the axis of ``distribution``."""
    return max(0, min(cells - 1, math.floor(log_position(value, low, high) * cells)))


def _bars(shares: Sequence[float], lines: int, glyphs: Glyphs) -> list[str]:
    """Rows of bars, from the top; 1 is one eighth below the top, and whatever is more than nothing shows."""
    full = len(glyphs.bars) - 1
    levels = [max(1, math.floor(share * (lines * full - 1) + _HALF)) if share > 0 else 0 for share in shares]
    return [
        "".join(glyphs.bars[max(0, min(full, level - line * full))] for level in levels)
        for line in reversed(range(lines))
    ]
