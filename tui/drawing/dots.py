"""A grid of dots, several to a cell, from which braille, quadrant and ASCII charts are made."""

from __future__ import annotations

from collections.abc import Callable

from tui.drawing.canvas import Canvas
from tui.drawing.glyphs import Glyphs


class Dots:
    """One layer of a chart: ``columns`` x ``rows`` dots, row 0 on top."""

    __slots__ = ("_bits", "_cell_columns", "_cell_rows", "_glyphs", "columns", "height", "rows", "width")

    def __init__(self, width: int, height: int, glyphs: Glyphs) -> None:
        self.width, self.height = width, height
        self._glyphs = glyphs
        self._cell_columns, self._cell_rows = glyphs.dots
        self.columns, self.rows = width * self._cell_columns, height * self._cell_rows
        self._bits = [0] * self.columns  # one number a column, bit r for row r: a span of any height costs the same

    def span(self, column: int, top: int, bottom: int) -> None:
        """Sets the dots top..bottom (both included, in any order) of one column; clipped."""
        if not 0 <= column < self.columns:
            return
        if top > bottom:
            top, bottom = bottom, top
        if top < 0:
            top = 0
        if bottom >= self.rows:
            bottom = self.rows - 1
        if top <= bottom:
            self._bits[column] |= (2 << bottom) - (1 << top)

    def line(self, column: int, row: int, to_column: int, to_row: int) -> None:
        """Joins two dots, column by column, without gaps; the first dot is taken as drawn."""
        distance = to_column - column
        before = row
        for step in range(1, distance + 1):
            at = row + round((to_row - row) * step / distance)
            joined = before + (at > before) - (at < before)
            self.span(column + step, joined, at)
            before = at

    def paint(self, canvas: Canvas, x: int, y: int, style: str, solid: str = "") -> None:
        """Puts every cell that holds a dot on the canvas, hiding what was there: no cell mixes two series.

        ``solid``: this character stands for any dots, so that series differ without colour in ASCII.
        """
        cells = ("", *(solid or cell for cell in self._glyphs.cells[1:]))
        left, right = self._bits[:: self._cell_columns], self._bits[self._cell_columns - 1 :: self._cell_columns]
        masks_of = _single if self._cell_columns == 1 else _double
        for index, (bits, other) in enumerate(zip(left, right, strict=True)):
            if used := bits | other:
                first = _lowest(used) // self._cell_rows
                masks = _cell_masks(bits, other, first, self._cell_rows, masks_of)
                canvas.down(x + index, y + first, [cells[mask] for mask in masks], style)


_Masks = Callable[[int, int, int, range], list[int]]


def _single(bits: int, _: int, low: int, shifts: range) -> list[int]:
    return [bits >> shift & low for shift in shifts]


def _double(bits: int, other: int, low: int, shifts: range) -> list[int]:
    rows = low.bit_length()
    return [bits >> shift & low | (other >> shift & low) << rows for shift in shifts]


def _cell_masks(bits: int, other: int, first: int, per_cell: int, masks_of: _Masks) -> list[int]:
    """Bit masks of the cells from ``first`` to the last one that holds a dot, in a column of cells.

    ``bits`` and ``other``: of its two columns of dots, or twice of its only one. Where those are solid, as the envelope
    of a long curve is, so are the cells, and only those at the ends are looked into.
    """
    low, common = (1 << per_cell) - 1, bits & other
    end = (bits | other).bit_length()
    solid_from, solid_to = -(-_lowest(common) // per_cell), common.bit_length() // per_cell
    if solid_to <= solid_from or common & (common + (common & -common)):  # the latter: not one stretch of ones
        return masks_of(bits, other, low, range(first * per_cell, end, per_cell))
    above = masks_of(bits, other, low, range(first * per_cell, solid_from * per_cell, per_cell))
    below = masks_of(bits, other, low, range(solid_to * per_cell, end, per_cell))
    return above + masks_of(low, low, low, range(1)) * (solid_to - solid_from) + below


def _lowest(bits: int) -> int:
    """Place of the lowest one; -1 where there is none."""
    return (bits & -bits).bit_length() - 1
