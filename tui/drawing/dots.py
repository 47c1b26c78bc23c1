"""A grid of dots, several to a cell, from which braille, quadrant and ASCII charts are made."""

from __future__ import annotations

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
        per_cell, columns = self._cell_rows, self._cell_columns
        cells = ("", *(solid or cell for cell in self._glyphs.cells[1:]))
        for index in range(self.width):
            first, masks = _cell_masks(self._bits[index * columns : (index + 1) * columns], per_cell)
            if masks:
                canvas.down(x + index, y + first, [cells[mask] for mask in masks], style)


def _cell_masks(bits: list[int], per_cell: int) -> tuple[int, list[int]]:
    """(first cell with a dot, bit masks of the cells from there to the last one) of a column of cells.

    ``bits``: of its one or two columns of dots. Where those are solid, as the envelope of a long curve is, so are the
    cells, and only those at the ends are looked into.
    """
    used, common = bits[0] | bits[-1], bits[0] & bits[-1]
    if not used:
        return 0, []
    low = (1 << per_cell) - 1

    def look(start: int, end: int) -> list[int]:
        shifts = range(start * per_cell, end * per_cell, per_cell)
        masks = [bits[0] >> shift & low for shift in shifts]
        if len(bits) == 1:
            return masks
        return [mask | (bits[1] >> shift & low) << per_cell for mask, shift in zip(masks, shifts, strict=True)]

    first, after = _lowest(used) // per_cell, -(-used.bit_length() // per_cell)
    solid_from, solid_to = -(-_lowest(common) // per_cell), common.bit_length() // per_cell
    if solid_to <= solid_from or common & (common + (common & -common)):  # the latter: not one stretch of ones
        return first, look(first, after)
    solid = [(1 << per_cell * len(bits)) - 1] * (solid_to - solid_from)
    return first, look(first, solid_from) + solid + look(solid_to, after)


def _lowest(bits: int) -> int:
    """Place of the lowest one; -1 where there is none."""
    return (bits & -bits).bit_length() - 1
