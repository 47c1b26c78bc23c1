"""Text measured in terminal cells, character by character: a Chinese one takes two, a combining mark none.

That is how tmux, xterm and VTE measure. Vowel signs of Indic scripts that stand beside their letter (Unicode's spacing
marks) take a cell there; rich, and with it Textual, counts them with the letter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from rich.cells import get_character_cell_size

Piece = tuple[str, str]
Row = tuple[Piece, ...]
Align = Literal["left", "right", "center"]


@lru_cache(8192)
def character_width(character: str) -> int:
    """0, 1 or 2."""
    return 1 if is_spacing_mark(character) else max(0, get_character_cell_size(character))


def is_spacing_mark(character: str) -> bool:
    """A combining character with a cell of its own, where terminals measure character by character."""
    return unicodedata.category(character) == "Mc"


@lru_cache(8192)
def width(text: str) -> int:
    """Cells that ``text`` takes; it must hold no control characters."""
    return len(text) if text.isascii() else sum(map(character_width, text))


def row_width(row: Iterable[Piece]) -> int:
    return sum(width(text) for text, _ in row)


def cut(text: str, cells: int) -> str:
    """As much of ``text`` as fits into ``cells``, padded to them; letters keep their marks."""
    if text.isascii():
        return text[:cells].ljust(cells)
    kept, used, size = 0, 0, 0  # characters and cells of whole letters so far, cells of the present one
    for index, character in enumerate(text):
        own = character_width(character)
        if index and own and not is_spacing_mark(character):
            kept, used, size = index, used + size, 0
        size += own
        if used + size > cells:
            return text[:kept] + " " * (cells - used)
    return text + " " * (cells - used - size)


def fit(text: str, cells: int, align: Align = "left", ellipsis: str = "…") -> str:
    """``text`` in exactly ``cells`` cells: padded, or cut with an ellipsis that stands where something is missing."""
    if cells <= 0:
        return ""
    missing = cells - width(text)
    if missing < 0:
        mark = ellipsis if width(ellipsis) <= cells else ""
        return cut(text, cells - width(mark)) + mark
    if align == "right":
        return " " * missing + text
    if align == "center":
        left = missing // 2
        return " " * left + text + " " * (missing - left)
    return text + " " * missing


def fit_row(row: Iterable[Piece], cells: int, ellipsis: str = "…") -> Row:
    """The same for a row of runs; padding takes no style."""
    runs = [run for run in row if run[0]]
    if cells <= 0:
        return ()
    missing = cells - row_width(runs)
    if missing >= 0:
        return (*runs, (" " * missing, "")) if missing else tuple(runs)
    fitted: list[Piece] = []
    left = cells
    for text, style in runs:
        used = width(text)
        if used >= left:
            fitted.append((fit(text if used > left else text + ellipsis, left, ellipsis=ellipsis), style))
            break
        fitted.append((text, style))
        left -= used
    return tuple(fitted)


def spread(left: Iterable[Piece], right: Iterable[Piece], cells: int, ellipsis: str = "…") -> Row:
    """``left`` and ``right`` at the two ends of ``cells`` cells, a blank between them; the left one gives way."""
    end = tuple(right)
    used = row_width(end)
    if used > cells:
        return fit_row(end, cells, ellipsis)
    if not used:
        return fit_row(left, cells, ellipsis)
    gap = min(1, cells - used)
    return (*fit_row((*fit_row(left, cells - used - gap, ellipsis), (" " * gap, "")), cells - used), *end)


def wrap(text: str, cells: int) -> list[str]:
    """Lines of at most ``cells`` cells, broken at spaces where there are any; never empty."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            candidate = f"{line} {word}" if line else word
            if width(candidate) <= cells:
                line = candidate
                continue
            if line:
                lines.append(line)
            while width(word) > cells > 1:
                head = cut(word, cells).rstrip(" ") or word[0]
                lines.append(head)
                word = word[len(head) :]
            line = word
        lines.append(line)
    return lines


def fit_middle(text: str, cells: int, ellipsis: str) -> str:
    """``text`` in exactly ``cells`` cells; what is too long loses its middle: runs of a sweep differ at their end."""
    if width(text) <= cells or cells < 8:
        return fit(text, cells, ellipsis=ellipsis)
    head_cells = (cells - width(ellipsis)) // 3
    start = fit(text, head_cells, ellipsis="")
    end = text
    while width(start) + width(ellipsis) + width(end) > cells:
        end = end[1:]
    return fit(start + ellipsis + end, cells)
