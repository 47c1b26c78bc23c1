"""Tables by named columns: each as wide as what stands in it, and some that give way to the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tui.draw.text import Align, Piece, fit, fit_middle, width

GAP = 2  # cells between two columns


@dataclass(frozen=True)
class Column:
    """``least`` cells are what it needs to be shown at all, ``most`` what it can use."""

    name: str
    least: int
    most: int
    align: Align = "left"


def column(name: str, texts: Sequence[str], align: Align = "left") -> Column:
    """One that never gives way: as wide as the longest of its texts."""
    size = max(map(width, texts), default=0)
    return Column(name, size, size, align)


def widths(columns: Sequence[Column], cells: int, spare: Sequence[str] = (), gap: int = GAP) -> dict[str, int] | None:
    """Cells of each column in sight; None where they do not fit.

    Those of ``spare`` are left out, the first of them first, where the others would not fit. What room is left goes to
    the columns that can use it, from the left.
    """
    chosen = list(columns)
    left_out = list(spare)
    while _least(chosen, gap) > cells:
        if not left_out:
            return None
        name = left_out.pop(0)
        chosen = [each for each in chosen if each.name != name]
    room = cells - _least(chosen, gap)
    sizes: dict[str, int] = {}
    for each in chosen:
        more = min(room, each.most - each.least)
        sizes[each.name] = each.least + more
        room -= more
    return sizes


def places(sizes: Mapping[str, int], start: int = 0, gap: int = GAP) -> Iterator[tuple[str, int, int]]:
    """(name, first cell, the cell after its last) of every column in sight."""
    for name, size in sizes.items():
        yield name, start, start + size
        start += size + gap


def cell_text(text: str, size: int, align: Align, ellipsis: str) -> str:
    """Of names, which may be cut: in the middle, as runs of a sweep differ at their end. Numbers have their room."""
    return fit_middle(text, size, ellipsis) if width(text) > size else fit(text, size, align)


def in_columns(cells: Mapping[str, Sequence[Piece]], sizes: Mapping[str, int], gap: int = GAP) -> list[Piece]:
    """The cells of a row that are in sight, each already as wide as its column, with gaps between them."""
    row: list[Piece] = []
    for name in sizes:
        row += [*([(" " * gap, "")] if row else []), *cells[name]]
    return row


def _least(columns: Sequence[Column], gap: int) -> int:
    return sum(each.least for each in columns) + gap * max(0, len(columns) - 1)
