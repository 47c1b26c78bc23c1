"""Control sequences that the dashboard sends on purpose, wrapped so that they get through tmux and GNU screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from engine.runs.text import visible

BELL = "\x07"

_SCREEN_CHARACTERS = 180  # of one string: screen takes 768 bytes at most, and a character may have four
_NOTIFICATION_CHARACTERS = 200
_TITLE = "hybrid-tui"
_KNOW_777 = ("rxvt", "foot")  # beginnings of TERM; all others that notify at all know OSC 9


def passed_through(sequence: str, environment: Mapping[str, str]) -> str:
    """``sequence`` for the terminal around tmux or screen; it must end with BEL, not with ST.

    tmux hands it on with ``allow-passthrough on``. Screen always does, but in strings of limited length.
    """
    if environment.get("TMUX"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environment.get("STY"):
        starts = range(0, len(sequence), _SCREEN_CHARACTERS)
        return "".join(f"\x1bP{sequence[start : start + _SCREEN_CHARACTERS]}\x1b\\" for start in starts)
    return sequence


def signals(text: str, how: Literal["off", "bell", "osc"], environment: Mapping[str, str]) -> str:
    """What to send so that a person who looks elsewhere learns of ``text``."""
    return {"off": "", "bell": BELL, "osc": BELL + notification(text, environment)}[how]


def notification(text: str, environment: Mapping[str, str]) -> str:
    """What makes a terminal show ``text`` on the desktop; one that does not know how ignores it.

    OSC 9 for iTerm2, kitty, WezTerm, Ghostty and most others, OSC 777 for urxvt and foot. Not both: some know both, and
    would show it twice.
    """
    text = visible(text).replace(";", ",")
    if len(text) > _NOTIFICATION_CHARACTERS:
        text = text[: _NOTIFICATION_CHARACTERS - 3] + "..."
    if environment.get("TERM", "").startswith(_KNOW_777):
        return passed_through(f"\x1b]777;notify;{_TITLE};{text}{BELL}", environment)
    # With the title in front it never begins with a number, which ConEmu and Windows Terminal take for a command.
    return passed_through(f"\x1b]9;{_TITLE}: {text}{BELL}", environment)
