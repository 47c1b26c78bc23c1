"""Text of right-to-left scripts, closed in itself.

A terminal that reorders such text (VTE, Konsole, mlterm) takes a line for one paragraph. A number or a border beside
Arabic would change places with it. Between FSI and PDI, which have no width, the text is a paragraph of its own.
"""

from __future__ import annotations

import re

OPEN, CLOSE = "\u2068", "\u2069"

_SCRIPTS = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_PART = r"[^\s│|\x00-\x1f]"  # of one text: neither a border nor a sequence, and no more than one space together
_TEXT = rf"{_PART}*[{_SCRIPTS}]{_PART}*(?: {_PART}+)*"  # compiled when the first such text is shown
_LETTER = re.compile(f"[{_SCRIPTS}]")


def has_right_to_left(text: str) -> bool:
    return not text.isascii() and _LETTER.search(text) is not None


def right_to_left_parts(text: str) -> list[tuple[int, int]]:
    """Where right-to-left texts begin and end: from the first word of such a script to the next gap or border."""
    return [match.span() for match in re.finditer(_TEXT, text)] if has_right_to_left(text) else []


def isolated(text: str) -> str:
    """``text`` with each of these parts between FSI and PDI."""
    if not has_right_to_left(text):
        return text
    return re.sub(_TEXT, lambda match: f"{OPEN}{match[0]}{CLOSE}", text)
