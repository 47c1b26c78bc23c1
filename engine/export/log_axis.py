"""Histograms on a logarithmic axis: which stretch of it they take, and how much of them lies in each cell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from engine.events import EvaluationResult

_LEAST_EDGE = 0.5  # where a distance of 0 is drawn


def distance_bounds(result: EvaluationResult) -> tuple[float, float]:
    """The stretch of the ranks in which any distance lies, at least one decade; both ends positive."""
    return stretch([found.histogram for found in result.rank_distance.values()], result.histogram_edges)


def stretch(histograms: Iterable[Sequence[int]], edges: Sequence[float]) -> tuple[float, float]:
    """From the lower edge of the first bin with a count to the upper one of the last; at least one decade."""
    shown = [max(edge, _LEAST_EDGE) for edge in edges]
    used = [index for counts in histograms for index, amount in enumerate(counts) if amount and index + 1 < len(shown)]
    if not used:
        return 1.0, 1000.0
    low, high = shown[min(used)], shown[max(used) + 1]
    return low, max(high, low * 10)


def spread(counts: Sequence[int], edges: Sequence[float], low: float, high: float, cells: int) -> list[float]:
    """[cells] what of the counts lies in each of ``cells`` equal parts of the logarithmic axis low..high.

    ``counts[i]`` lies between ``edges[i]`` and ``edges[i + 1]``, and is spread evenly over the cells that it covers; so
    the result does not depend on how the bins fall on the cells.
    """
    weights = [0.0] * max(0, cells)
    for count, first, last in zip(counts, edges, edges[1:], strict=False):
        if count <= 0:
            continue
        start, end = log_position(first, low, high) * cells, log_position(last, low, high) * cells
        span = max(0.0, end - start)
        for x in range(max(0, math.floor(start)), min(cells - 1, math.floor(start + span)) + 1):
            covered = min(start + span, x + 1) - max(start, x)
            weights[x] += count * (covered / span if span > 0 else 1.0)
        if start >= cells > 0:  # all of it at the very end of the axis
            weights[-1] += count
    return weights


def log_position(value: float, low: float, high: float) -> float:
    """Where on the axis a value is: 0 at ``low`` and below, 1 at ``high`` and above."""
    value = max(value, low)
    return min(1.0, math.log(value / low) / math.log(high / low)) if high > low else 0.0
