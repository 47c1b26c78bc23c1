"""Text measured in terminal cells: a Chinese character takes two, a combining mark none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from rich.cells import cell_len, set_cell_size

Run = tuple[str, str]
Row = tuple[Run, ...]
Align = Literal["left", "right", "center"]


def width(text: str) -> int:
    """Cells that ``text`` takes; it must hold no control characters."""
    return cell_len(text)


def row_width(row: Iterable[Run]) -> int:
    return sum(cell_len(text) for text, _ in row)


def fit(text: str, cells: int, align: Align = "left", ellipsis: str = "…") -> str:
    """``text`` in exactly ``cells`` cells: padded, or cut with an ellipsis that stands where something is missing."""
    if cells <= 0:
        return ""
    missing = cells - cell_len(text)
    if missing < 0:
        mark = ellipsis if cell_len(ellipsis) <= cells else ""
        return set_cell_size(text, cells - cell_len(mark)) + mark
    if align == "right":
        return " " * missing + text
    if align == "center":
        left = missing // 2
        return " " * left + text + " " * (missing - left)
    return text + " " * missing


def fit_row(row: Iterable[Run], cells: int, ellipsis: str = "…") -> Row:
    """The same for a row of runs; padding takes no style."""
    runs = [run for run in row if run[0]]
    if cells <= 0:
        return ()
    missing = cells - row_width(runs)
    if missing >= 0:
        return (*runs, (" " * missing, "")) if missing else tuple(runs)
    fitted: list[Run] = []
    left = cells
    for text, style in runs:
        used = cell_len(text)
        if used >= left:
            fitted.append((fit(text if used > left else text + ellipsis, left, ellipsis=ellipsis), style))
            break
        fitted.append((text, style))
        left -= used
    return tuple(fitted)


def spread(left: Iterable[Run], right: Iterable[Run], cells: int, ellipsis: str = "…") -> Row:
    """``left`` and ``right`` at the two ends of ``cells`` cells; the left one gives way."""
    end = tuple(right)
    room = cells - row_width(end)
    if room < 0:
        return fit_row(end, cells, ellipsis)
    return (*fit_row(left, room, ellipsis), *end)


def wrap(text: str, cells: int) -> list[str]:
    """Lines of at most ``cells`` cells, broken at spaces where there are any; never empty."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            candidate = f"{line} {word}" if line else word
            if cell_len(candidate) <= cells:
                line = candidate
                continue
            if line:
                lines.append(line)
            while cell_len(word) > cells > 1:
                head = set_cell_size(word, cells).rstrip(" ")
                lines.append(head)
                word = word[len(head) :]
            line = word
        lines.append(line)
    return lines
