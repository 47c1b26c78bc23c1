"""A grid of dots, several to a cell, from which braille, quadrant and ASCII charts are made."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise

from tui.draw.glyphs import Glyphs


class Dots:
    """One layer of a chart: ``columns`` x ``rows`` dots, row 0 on top.

    A column of dots is one number, in which every byte is a cell, the top one first. So a span of any height costs the
    same, and a column of cells is read out as its bytes, each the mask by which ``Glyphs.cells`` is ordered.
    """

    __slots__ = ("_above", "_bits", "_glyphs", "columns", "height", "rows", "width")

    def __init__(self, width: int, height: int, glyphs: Glyphs) -> None:
        self.width, self.height = width, height
        self._glyphs = glyphs
        self.columns, self.rows = width * glyphs.dots[0], height * glyphs.dots[1]
        self._bits = [0] * self.columns
        self._above = _dots_above(height, glyphs.dots[1])

    def span(self, column: int, top: int, bottom: int) -> None:
        """Sets the dots top..bottom (both included, in any order) of one column; clipped."""
        top, bottom = max(0, min(top, bottom)), min(self.rows - 1, max(top, bottom))
        if 0 <= column < self.columns and top <= bottom:
            self.spans([column], [top], [bottom])

    def spans(self, columns: Sequence[int], tops: Sequence[int], bottoms: Sequence[int]) -> None:
        """Sets the dots top..bottom (both included) of each column, all inside the grid."""
        bits, above = self._bits, self._above
        for column, top, bottom in zip(columns, tops, bottoms, strict=True):
            bits[column] |= above[bottom + 1] ^ above[top]

    def line(self, columns: Sequence[int], rows: Sequence[int]) -> None:
        """Joins dots from left to right, column by column, without gaps; the first dot is taken as drawn.

        ``columns`` ascend; all dots are inside the grid.
        """
        bits, above = self._bits, self._above
        for column, (before, row) in enumerate(pairwise(_row_of_every_column(columns, rows)), columns[0] + 1):
            if row > before:
                bits[column] |= above[row + 1] ^ above[before + 1]
            elif row < before:
                bits[column] |= above[before] ^ above[row]
            else:
                bits[column] |= above[row + 1] ^ above[row]

    def dash(self, drawn: int, left_out: int) -> None:
        """Takes the dots out of ``left_out`` columns after every ``drawn`` ones: a line becomes a dashed one."""
        period = drawn + left_out
        for column in range(self.columns):
            if column % period >= drawn:
                self._bits[column] = 0

    def masks(self) -> bytes:
        """The mask of every cell, column by column."""
        across, down = self._glyphs.dots
        columns = self._bits
        if across == 2:
            columns = [left | right << down for left, right in zip(columns[::2], columns[1::2], strict=True)]
        return b"".join([column.to_bytes(self.height, "big") for column in columns])


@lru_cache(64)
def _dots_above(height: int, per_cell: int) -> tuple[int, ...]:
    """For every row the dots of a column that are above it; one more entry at the end, for all of them."""
    dots = (1 << 8 * (height - 1 - line) + row for line in range(height) for row in range(per_cell))
    return tuple(accumulate(dots, initial=0))


def _row_of_every_column(columns: Sequence[int], rows: Sequence[int]) -> Sequence[int]:
    """Where straight lines between the dots are, in each column from the first to the last."""
    if columns[-1] - columns[0] == len(columns) - 1:
        return rows
    every = [rows[0]]
    for (column, row), (to_column, to_row) in pairwise(zip(columns, rows, strict=True)):
        distance = to_column - column
        every += [row + round((to_row - row) * step / distance) for step in range(1, distance + 1)]
    return every
