"""Where an axis of time is labelled, and how: moments of the day, or time that has passed."""

from __future__ import annotations

import math
import time

from tui.numbers import seconds_east

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_STEPS = (
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE,
    _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 5 * _DAY, 10 * _DAY, 30 * _DAY,
)  # fmt: skip


def moment_ticks(low: float, high: float, count: int, minutes_east: int | None) -> list[tuple[float, str]]:
    """(unix seconds, label): times of the day, and the date where a new one begins."""
    step = _step(high - low, count)
    shift = seconds_east(minutes_east, high)
    ticks = [tick - shift for tick in _multiples(low + shift, high + shift, step)]
    labels: list[tuple[float, str]] = []
    day = ""
    for tick in ticks:
        local = time.gmtime(tick + shift)
        date = time.strftime("%d %b", local)
        clock = time.strftime("%H:%M:%S" if step < _MINUTE else "%H:%M", local)
        labels.append((tick, date if step >= _DAY else f"{date} {clock}" if date != day else clock))
        day = date
    return labels


def elapsed_ticks(low: float, high: float, count: int) -> list[tuple[float, str]]:
    """(seconds, label)."""
    step = _step(high - low, count)
    return [(tick, _elapsed(tick, step)) for tick in _multiples(low, high, step)]


def moment_label(unix: float, minutes_east: int | None) -> str:
    """Date and time of the day, to the second."""
    return time.strftime("%d %b %H:%M:%S", time.gmtime(unix + seconds_east(minutes_east, unix)))


def elapsed_label(seconds: float) -> str:
    """To the second: 42 s, 3:07, 2:03:07, 1 d 2:03:07."""
    whole = max(0, round(seconds))
    days, rest = divmod(whole, int(_DAY))
    hours, minutes, left = rest // 3600, rest % 3600 // 60, rest % 60
    if days:
        return f"{days} d {hours}:{minutes:02}:{left:02}"
    if hours:
        return f"{hours}:{minutes:02}:{left:02}"
    return f"{minutes}:{left:02}" if minutes else f"{left} s"


def _elapsed(seconds: float, step: float) -> str:
    unit, name = (_DAY, "d") if step >= _DAY else (_HOUR, "h") if step >= _HOUR else (_MINUTE, "m")
    if step < _MINUTE:
        return elapsed_label(seconds)
    return f"{seconds / unit:g} {name}"


def _step(reach: float, count: int) -> float:
    """The least of the usual steps that needs no more than ``count`` labels."""
    least = reach / max(1, count)
    return next((step for step in _STEPS if step >= least), math.ceil(least / _DAY) * _DAY)


def _multiples(low: float, high: float, step: float) -> list[float]:
    return [index * step for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
