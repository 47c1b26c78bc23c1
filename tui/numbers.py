"""Numbers, ages and durations as people read them. Everything is short, and nothing is ever below zero."""

from __future__ import annotations

import math
import time
from pathlib import Path

import msgspec

from engine.runs.text import visible

__all__ = [
    "age",
    "clock",
    "count",
    "duration",
    "exact",
    "gib",
    "learning_rate",
    "number",
    "option_text",
    "share",
    "short_path",
    "signed",
    "visible",
]

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
    east = time.localtime(unix).tm_gmtoff if minutes_east is None else minutes_east * 60
    seconds = int(unix + east) % 86400
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"


def number(value: float | None, digits: int = 3) -> str:
    """A loss or norm with ``digits`` significant digits; - where there is none."""
    if value is None:
        return "-"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size and size < 10**-digits:
        return f"{value:.1e}".replace("e-0", "e-")
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(size))) if size >= 1 else digits}f}"


def exact(value: float) -> str:
    """With six significant digits, as many as a float of the training has; whole numbers as they are."""
    if not math.isfinite(value):
        return number(value)
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    text = f"{value:.6g}"
    return text.replace("e-0", "e-").replace("e+0", "e")


def share(value: float | None, digits: int = 3) -> str:
    """A metric in 0..1 without its leading zero: .791; no sign for what rounds to zero."""
    if value is None or not math.isfinite(value):
        return "-"
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text[1:] if text.startswith("0.") else text


def signed(value: float, digits: int = 1) -> str:
    """With its sign, and no sign for what rounds to zero."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text


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


def gib(size: int) -> str:
    return f"{size / 2**30:.0f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def option_text(name: str, value: object) -> str:
    """An option of an encoder by its name: prefixes in quotes, because their spaces count."""
    if value is None:
        return "all dimensions" if name == "truncate_dim" else "no limit" if name.startswith("max_") else "none"
    if isinstance(value, str) and not name.endswith("_prefix"):
        return value
    return msgspec.json.encode(value).decode()
