"""A matrix of numbers whose colour repeats what the number says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tui.drawing.canvas import Canvas
from tui.drawing.cells import Row, fit
from tui.drawing.glyphs import Glyphs

RAMP_STEPS = 7


@dataclass(frozen=True)
class Matrix:
    """``values[row][column]`` in 0..1, NaN where there is none; ``margin`` is the mean of the others, per row."""

    names: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    margin: tuple[float, ...]


@dataclass(frozen=True)
class Shades:
    """How values become styles: ``<name>.0`` at ``low`` to ``<name>.6`` at ``high``."""

    name: str
    low: float
    high: float
    signed: bool = False

    def style(self, value: float) -> str:
        return f"{self.name}.{ramp_index(value, self.low, self.high)}"


@dataclass(frozen=True)
class Window:
    """Which part is shown when the cells do not fit, and which cell the cursor is on."""

    row: int = 0
    column: int = 0
    cursor: tuple[int, int] | None = None


def ramp_index(value: float, low: float, high: float, steps: int = RAMP_STEPS) -> int:
    """0..steps - 1; a flat matrix is all in the middle."""
    if not high > low:
        return steps // 2
    return max(0, min(steps - 1, math.floor((value - low) / (high - low) * steps)))


def bounds(matrix: Matrix) -> tuple[float, float]:
    """The range the ramp covers, in whole twentieths around the values."""
    finite = [value for row in matrix.values for value in row if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = math.floor(min(finite) * 20) / 20, math.ceil(max(finite) * 20) / 20
    return (low, high) if high > low else (low - 0.05, high)


def cell_width(cells: int, matrix: Matrix, margin: bool) -> int:
    """The widest of 5, 4, 3 and 2 cells a number that shows the whole matrix, else 2."""
    label = _label_width(matrix)
    extra = _MARGIN if margin else 0
    for size in (5, 4, 3):
        if label + size * len(matrix.names) + extra <= cells:
            return size
    return 2


_MARGIN = 9


def sequential(matrix: Matrix) -> Shades:
    return Shades("ramp", *bounds(matrix))


def diverging(matrix: Matrix) -> Shades:
    """For differences: the middle shade is around nothing, both ends are equally far from it."""
    reach = max((abs(value) for row in matrix.values for value in row if math.isfinite(value)), default=0.0)
    reach = max(0.05, math.ceil(reach * 20) / 20)
    return Shades("diverging", -reach, reach, signed=True)


def heatmap(
    cells: int, lines: int, matrix: Matrix, shades: Shades, window: Window, glyphs: Glyphs,
    margin_title: str = "others",
) -> list[Row]:  # fmt: skip
    """Header and rows from ``window``; queries down, candidates across; own language bold. Values are shown x 100."""
    canvas = Canvas(cells, lines)
    count = len(matrix.names)
    size = cell_width(cells, matrix, margin=cells >= 40)
    label = _label_width(matrix)
    visible = max(0, (cells - label) // size)
    columns = range(window.column, min(count, window.column + visible))
    for position, column in enumerate(columns):
        canvas.put(label + position * size, 0, fit(matrix.names[column], size, "right")[:size], "dim")
    with_margin = label + size * count + _MARGIN <= cells and len(columns) == count
    if with_margin:
        canvas.put(label + size * count + 1, 0, fit(margin_title, _MARGIN - 1, "right"), "dim")
    for line, row in enumerate(range(window.row, min(count, window.row + lines - 1)), start=1):
        canvas.put(0, line, fit(matrix.names[row], label - 1, "right"), "dim")
        for position, column in enumerate(columns):
            value = matrix.values[row][column]
            style = _style(value, shades, own=row == column, at_cursor=window.cursor == (row, column))
            canvas.put(label + position * size, line, _center_right(_number(value, shades, 0), size), style)
        if with_margin and math.isfinite(matrix.margin[row]):
            x = label + size * count
            canvas.put(x, line, f" {glyphs.vertical}", "faint")
            canvas.put(x + 2, line, fit(_number(matrix.margin[row], shades, 1), _MARGIN - 2, "right"), "")
    return canvas.rows()


def legend(shades: Shades) -> Row:
    """The ramp with the values at its ends."""
    return (
        (f"{_number(shades.low, shades, 0)} ", "dim"),
        *((" " * 2, f"{shades.name}.{index}") for index in range(RAMP_STEPS)),
        (f" {_number(shades.high, shades, 0)}", "dim"),
    )


def _number(value: float, shades: Shades, digits: int) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value * 100:{'+' if shades.signed else ''}.{digits}f}"


def _style(value: float, shades: Shades, own: bool, at_cursor: bool) -> str:
    if at_cursor:
        return "cursor.cell"
    if not math.isfinite(value):
        return "dim"
    return shades.style(value) + (".own" if own else "")


def _center_right(text: str, size: int) -> str:
    """Numbers end one cell before the cell's end where there is room, so that columns keep apart."""
    if size >= 4:
        return fit(text, size - 1, "right") + " "
    return fit(text, size, "right", ellipsis="")[:size]


def _label_width(matrix: Matrix) -> int:
    return max((len(name) for name in matrix.names), default=2) + 1


def own_and_others(names: Sequence[str], values: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Per query language: its own-language value and the mean of the others (NaN without others)."""
    result = []
    for index, row in enumerate(values):
        others = [value for column, value in enumerate(row) if column != index and math.isfinite(value)]
        result.append((row[index], sum(others) / len(others) if others else math.nan))
    return result
