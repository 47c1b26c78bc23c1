"""What the terminal can do, as far as its environment tells. Needs no Textual: ``doctor`` reports the same."""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Colours = Literal["256", "16"]

_STARTED_WITH = Path("/proc/self/environ")
_WITHOUT_CURSOR = ("dumb", "unknown")
_BARE = ("", "linux", "ansi", "cons25", "vt52", "vt100", "vt102", "vt220")  # no braille, and 16 colours at most


def environment_at_start() -> dict[str, str]:
    """The environment as this process got it.

    Under the locale C, Python writes ``LC_CTYPE=C.UTF-8`` into its own environment, whatever the terminal speaks.
    """
    environment = dict(os.environ)
    try:
        started = _STARTED_WITH.read_bytes()
    except OSError:  # no /proc: what Python has made of it
        return environment
    if not any(entry.startswith(b"LC_CTYPE=") for entry in started.split(b"\0")):
        environment.pop("LC_CTYPE", None)
    return environment


def locale_name(environment: Mapping[str, str]) -> str:
    """The locale of characters; empty where none is set, which means C."""
    return next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := environment.get(name))), "")


def speaks_utf8(environment: Mapping[str, str]) -> bool:
    """Whether the terminal reads UTF-8, by the names of the locale: tmux and most programs go by them too.

    Python's own encodings do not tell. They are UTF-8 under the locale C.
    """
    if environment.get("TEXTUAL_DRIVER"):  # a browser
        return True
    name, dot, encoding = locale_name(environment).partition("@")[0].partition(".")
    if name in ("", "C", "POSIX") and not dot:
        return False
    if not dot and name.upper() != "UTF-8":  # as macOS sends it
        encoding = locale.getencoding()
    return (encoding or name).replace("-", "").lower() == "utf8"


def has_braille(environment: Mapping[str, str]) -> bool:
    """Whether charts can be drawn with more than ASCII."""
    return speaks_utf8(environment) and not is_bare(environment)


def has_cursor(environment: Mapping[str, str]) -> bool:
    """False for a terminal that prints line after line and nothing else."""
    return environment.get("TERM", "") not in _WITHOUT_CURSOR


def is_bare(environment: Mapping[str, str]) -> bool:
    """A console with a font of its own, which has neither braille nor blocks."""
    return environment.get("TERM", "") in (*_BARE, *_WITHOUT_CURSOR)


def inside_screen(environment: Mapping[str, str]) -> bool:
    """Inside GNU screen, which takes a 24-bit colour for "dim" and a colour of eight."""
    return bool(environment.get("STY")) or environment.get("TERM", "").startswith("screen")


def most_colours(environment: Mapping[str, str]) -> Colours | None:
    """How many colours to use where COLORTERM promises 24 bits; None where it does not, and TERM says all.

    COLORTERM is inherited by whatever runs inside: GNU screen, a console, another machine. All colours of the palettes
    are among the 256 that its terminals have, so nothing is lost.
    """
    if environment.get("COLORTERM", "").strip().lower() not in ("truecolor", "24bit"):
        return None
    return "16" if is_bare(environment) else "256"
