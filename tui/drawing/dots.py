"""A grid of dots, several to a cell, from which braille, quadrant and ASCII charts are made."""

from __future__ import annotations

from tui.drawing.canvas import Canvas
from tui.drawing.glyphs import Glyphs


class Dots:
    """One layer of a chart: ``columns`` x ``rows`` dots, row 0 on top."""

    __slots__ = ("_cell_columns", "_cell_rows", "_glyphs", "_masks", "columns", "height", "rows", "width")

    def __init__(self, width: int, height: int, glyphs: Glyphs) -> None:
        self.width, self.height = width, height
        self._glyphs = glyphs
        self._cell_columns, self._cell_rows = glyphs.dots
        self.columns, self.rows = width * self._cell_columns, height * self._cell_rows
        self._masks = [0] * (width * height)

    def span(self, column: int, top: int, bottom: int) -> None:
        """Sets the dots top..bottom (both included, in any order) of one column; clipped."""
        if not 0 <= column < self.columns:
            return
        if top > bottom:
            top, bottom = bottom, top
        per_cell = self._cell_rows
        if top < 0:
            top = 0
        if bottom >= self.rows:
            bottom = self.rows - 1
        x, sub_column = divmod(column, self._cell_columns)
        shift = sub_column * per_cell
        masks, width = self._masks, self.width
        first_y, last_y = top // per_cell, bottom // per_cell
        for y in range(first_y, last_y + 1):
            first = top - y * per_cell if y == first_y else 0
            last = bottom - y * per_cell if y == last_y else per_cell - 1
            masks[y * width + x] |= ((2 << last) - (1 << first)) << shift

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
        cells = self._glyphs.cells
        for index, mask in enumerate(self._masks):
            if mask:
                canvas.cell(x + index % self.width, y + index // self.width, solid or cells[mask], style)
