"""Copying from a terminal that may be three machines away: OSC 52, and a file for terminals that do not know it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

from engine.files import write_file
from engine.paths import state_folder
from tui.numbers import visible
from tui.terminal.sequences import BELL, passed_through

_MOST = 74_994  # bytes of base64 that terminals are known to take; more is cut or ignored, so it is not sent


def clean(text: str) -> str:
    """Lines of text without anything that could drive the terminal it is pasted into."""
    return "\n".join(visible(line).rstrip() for line in text.split("\n"))


def osc52(text: str, environment: Mapping[str, str]) -> str:
    """What to write so that the terminal's own clipboard holds ``text``; empty where it is too long for that.

    tmux takes it itself with ``set-clipboard on``, and hands the wrapped one through with ``allow-passthrough on``:
    it gets both. GNU screen only hands through.
    """
    data = base64.b64encode(text.encode()).decode()
    if len(data) > _MOST:
        return ""
    sequence = f"\x1b]52;c;{data}{BELL}"
    through = passed_through(sequence, environment)
    return sequence + through if environment.get("TMUX") else through


def copy_path() -> Path:
    return state_folder() / "copied.txt"


def write_copy(text: str) -> Path:
    """Puts ``text`` into the user's own file and returns its path.

    Raises:
        OSError: it cannot be written.
    """
    path = copy_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(path, text.encode() + b"\n", 0o600)
    return path
