"""Where an axis is labelled, and how."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """At most ``count`` + 1 multiples of 1, 2 or 5 times a power of ten inside low..high."""
    if not high > low or count < 1:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def log_ticks(low: float, high: float, count: int) -> list[float]:
    """At most about ``count`` of 1, 2, 5 times powers of ten inside low..high (both positive)."""
    if not 0 < low < high:
        return [low]
    bottom, top = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [
            factor * 10.0**power
            for power in range(bottom, top + 1)
            for factor in factors
            if low * (1 - 1e-9) <= factor * 10.0**power <= high * (1 + 1e-9)
        ]
        if 2 <= len(ticks) <= count + 1:
            return ticks
        if len(ticks) < 2:
            break
    if len(ticks) > count + 1:
        return ticks[:: -(-len(ticks) // max(1, count))]
    return nice_ticks(low, high, count)


def tick_labels(ticks: Sequence[float], cells: int) -> list[str]:
    """Labels of at most ``cells`` cells that tell the ticks of one axis apart; empty where nothing that short does."""
    labels = [tick_label(tick) for tick in ticks]
    if len(set(labels)) < len(labels):
        decimals = max(0, -math.floor(math.log10(min(b - a for a, b in itertools.pairwise(ticks)))))
        longer = [f"{tick:,.{decimals}f}" for tick in ticks]
        if max(map(len, longer)) <= cells:
            return longer
    return ["" if len(label) > cells or label in labels[:index] else label for index, label in enumerate(labels)]


def tick_label(value: float) -> str:
    """Short and exact enough to tell ticks apart: 1,500  0.5  2e-05  12k."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:.3g}M" if size < 1e9 else f"{value:.0e}".replace("e+", "e").replace("e0", "e")
    if size >= 1e4:
        return f"{value / 1e3:.3g}k"
    if size >= 1e3:
        return f"{value:,.0f}"
    if size >= 1:
        return f"{value:.3g}"
    if size >= 1e-3:
        return f"{value:.2g}"
    return f"{value:.1e}".replace(".0e", "e").replace("e-0", "e-")
