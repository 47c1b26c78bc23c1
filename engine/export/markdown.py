"""Markdown as GitHub reads it: tables, and text of others that stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from engine.runs.text import visible

# What would begin a code span, emphasis, HTML, an entity or the address of a link. Underscores within a word do not.
_MARKUP = re.compile(r"[\\`*<]|(?<!\w)_|_(?!\w)|&(?=[#\w])|(?<=\])\(")


def plain_text(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _MARKUP.sub(r"\\\g<0>", visible(text))


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool]) -> str:
    """A table without a line end after its last row.

    Args:
        header, rows: cells that are Markdown already; bars in them are escaped here.
        right: a flag a column, whether it is set flush right, as numbers are.
    """
    marks = ["---:" if is_right else "---" for is_right in right]
    return "\n".join([_line(header), f"| {' | '.join(marks)} |", *map(_line, rows)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(visible(cell).replace('|', chr(92) + '|') for cell in cells)} |"
