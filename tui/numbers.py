"""Every number that a person reads, on screens and in plain lines.

Rules: significant digits as promised, zeros at the end included. Nothing is rounded over a limit that means something:
99.9 % is not 100 %, .9996 is not 1, a p of .0499 is not .050, an effect that is there is not zero. What does not fit is
told in fewer digits or marked, never cut. Ages and durations are never below zero.
"""

from __future__ import annotations

import math
import time
from pathlib import Path

import msgspec

from engine.runs.text import visible

__all__ = [
    "LEVEL",
    "NO_ROOM",
    "age",
    "clock",
    "count",
    "day_number",
    "duration",
    "effect",
    "exact",
    "large",
    "learning_rate",
    "margin",
    "memory",
    "metric_change",
    "metric_interval",
    "metric_value",
    "number",
    "option_text",
    "p_value",
    "percent",
    "seconds_east",
    "share",
    "short_path",
    "signed",
    "size",
    "visible",
    "within",
]

NO_ROOM = "#"  # stands where not even the shortest form of a number fits
LEVEL = 0.05  # of significance: no p-value is rounded to it or over it
_MOST_DIGITS = 8
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def age(seconds: float) -> str:
    """How long ago, at the precision that a glance needs: 4 s, 12 m, 3 h, 2 d; whole ones that have passed."""
    seconds = max(0.0, seconds)
    if seconds < 1.5 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds // _MINUTE:.0f} m"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR:.0f} h"
    return f"{seconds // _DAY:.0f} d"


def duration(seconds: float) -> str:
    """How long: 8 s, 4 m 10 s, 2 h 14 m, 3 d 4 h."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} m"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def clock(minutes_east: int | None, unix: float) -> str:
    """The time of day, HH:MM:SS, in a zone that many minutes east of UTC; None is the local zone, as it was then."""
    seconds = int(unix + seconds_east(minutes_east, unix)) % 86400
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"


def day_number(minutes_east: int | None, unix: float) -> int:
    """Days since 1970 in that zone."""
    return int((unix + seconds_east(minutes_east, unix)) // _DAY)


def seconds_east(minutes_east: int | None, unix: float) -> float:
    """How far the clocks of that zone were ahead of UTC."""
    return float(time.localtime(unix).tm_gmtoff if minutes_east is None else minutes_east * 60)


def number(value: float | None, digits: int = 3) -> str:
    """A loss or norm with ``digits`` significant digits; - where there is none: 0.622, 1.49, 4,321, 2.00e-5."""
    if value is None:
        return "-"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return f"{0:.{digits}f}"
    power = int(f"{value:.{digits - 1}e}".partition("e")[2])  # after rounding: 9.999 is 10.0
    if power >= 3:
        return f"{value:,.0f}"
    if power < -3:
        return f"{value:.{digits - 1}e}".replace("e-0", "e-")
    return f"{value:.{max(0, digits - 1 - power)}f}"


def exact(value: float) -> str:
    """With six significant digits, as many as a float of the training has; whole numbers as they are."""
    if not math.isfinite(value):
        return number(value)
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    text = f"{value:.6g}"
    return text.replace("e-0", "e-").replace("e+0", "e")


def share(value: float | None, digits: int = 3) -> str:
    """A metric in 0..1 without its leading zero: .791. Only 1 is 1.000, only 0 is .000: else >.999 or <.001."""
    if value is None or not math.isfinite(value):
        return "-"
    text = f"{abs(value):.{digits}f}"
    step = f"{10.0**-digits:.{digits}f}"[1:]
    if float(text) == 1 and abs(value) < 1:
        return f"{'<-' if value < 0 else '>'}{f'{1 - 10.0**-digits:.{digits}f}'[1:]}"
    if float(text) == 0 and value:
        return f">-{step}" if value < 0 else f"<{step}"
    return ("-" if value < 0 else "") + (text[1:] if text.startswith("0.") else text)


def percent(part: float, whole: float) -> str:
    """How much is done, in whole percent that are complete: 100 % means all of it, 0 % nothing of it."""
    if not whole > 0 or not math.isfinite(part):
        return "-"
    if 0 < part < 0.01 * whole:
        return "<1 %"
    return f"{math.floor(100 * min(part, whole) / whole + 1e-9) if part < whole else 100} %"


def signed(value: float, digits: int = 1) -> str:
    """With its sign, and no sign for what rounds to zero: for colours and cells, where nearly nothing is nothing."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text


def effect(value: float, digits: int = 3) -> str:
    """A difference or an end of an interval: signed, with more digits where ``digits`` would make it zero.

    .0004 is +.0004; only 0 is .000. Whether an interval holds zero can be read off its ends.
    """
    if not math.isfinite(value):
        return number(value)
    while value and digits < _MOST_DIGITS and float(f"{value:.{digits}f}") == 0:
        digits += 1
    return signed(value, digits).replace("0.", ".", 1) if abs(value) < 1 else f"{value:+,.{digits}f}"


def margin(value: float) -> str:
    """How much worse is still as good: .010, .0004."""
    return effect(value).removeprefix("+")


def p_value(value: float | None) -> str:
    """.31, .0004, <.0001, and as many digits more as keep it on its side of .05: .0499. - where there is none."""
    if value is None:
        return "-"
    if value < 0.0001:
        return "<.0001"
    if value >= 0.995:
        return "1.0" if value >= 1 else ">.99"
    digits = 2 if value >= 0.1 else 3 if value >= 0.01 else 4
    while digits < _MOST_DIGITS and _side(float(f"{value:.{digits}f}")) != _side(value):
        digits += 1
    return f"{value:.{digits}f}"[1:]


def _side(value: float) -> int:
    """Of the level of significance: below, on it or above."""
    return (value > LEVEL) - (value < LEVEL)


def within(cells: int, *forms: str) -> str:
    """The first of the forms of one number, from the longest to the shortest, that fits; else a mark, never a part."""
    return next((form for form in forms if len(form) <= cells), NO_ROOM[:cells])


def large(value: float | None) -> str:
    """A large number in three digits: 624 M, 12.3 k, 9,999."""
    if value is None or not math.isfinite(value):
        return "-"
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * unit and abs(value) >= 1e4:
            return f"{_short(value / unit)} {name}"
    return count(value)


def size(value: float) -> str:
    """Bytes as people buy them, in three digits: 14.2 GiB, 310 MiB."""
    for power, name in ((4, "TiB"), (3, "GiB"), (2, "MiB")):
        if value >= 0.9995 * 1024**power:
            return f"{_short(value / 1024**power)} {name}"
    return f"{value / 1024:,.0f} KiB"


def memory(used: float, total: float) -> str:
    """Bytes in use, in whole GiB that are full: 80/80 GiB means that nothing is left."""
    filled = math.floor(used / 2**30) if used < total else round(total / 2**30)
    return f"{filled:,}/{total / 2**30:,.0f} GiB"


def _short(value: float) -> str:
    """Three significant digits without zeros at the end: 14.2, 3.3, 61."""
    text = number(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def metric_value(metric: str, value: float | None) -> str:
    """A value as precise as its measure deserves: .792, 1,282, 2.41; - where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    if metric == "rank_distance":
        return f"{value:,.0f}"
    return f"{value:.2f}" if metric == "own_language_advantage" else share(value)


def metric_change(metric: str, value: float) -> str:
    """The same for a difference: +.031, -123, -0.80."""
    if metric == "rank_distance":
        return effect(value, 0)
    return f"{value:+.2f}" if metric == "own_language_advantage" and abs(value) >= 0.005 else effect(value)


def metric_interval(metric: str, ends: tuple[float, float]) -> str:
    """The same for both ends of one: [+.004, +.031]."""
    return f"[{', '.join(metric_change(metric, end) for end in ends)}]"


def count(value: float | None) -> str:
    """A whole number with separators."""
    return "-" if value is None or not math.isfinite(value) else f"{value:,.0f}"


def learning_rate(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    return "0" if value == 0 else f"{value:.2e}".replace("e-0", "e-").replace("e+00", "")


def short_path(path: Path) -> str:
    """As a person would write it: from here, or from home."""
    for folder, prefix in ((Path.cwd, "."), (Path.home, "~")):
        try:
            rest = path.relative_to(folder())
        except (
            ValueError,
            OSError,
            RuntimeError,
        ):  # it lies elsewhere, or that folder is gone or not known
            continue
        return prefix if rest == Path() else f"{prefix}/{rest}"
    return str(path)


def option_text(name: str, value: object) -> str:
    """An option of an encoder by its name: prefixes in quotes, because their spaces count."""
    if value is None:
        return "all dimensions" if name == "truncate_dim" else "no limit" if name.startswith("max_") else "none"
    if isinstance(value, str) and not name.endswith("_prefix"):
        return value
    return msgspec.json.encode(value).decode()
