"""A matrix of numbers whose colour repeats what the number says."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui.draw.canvas import Canvas
from tui.draw.glyphs import Glyphs
from tui.draw.text import Row, fit

RAMP_STEPS = 7


@dataclass(frozen=True)
class Matrix:
    """``values[row][column]``, NaN where there is none; ``margin`` is the mean of the others, per row.

    ``pool`` is the value against all columns together, per row; empty where there is no such thing.
    """

    names: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    margin: tuple[float, ...]
    pool: tuple[float, ...] = ()


Wanted = Callable[[int, int], bool]


def every(row: int, column: int) -> bool:
    return True


@dataclass(frozen=True)
class Shades:
    """How values become styles, ``<name>.0`` at ``low`` to ``<name>.6`` at ``high``, and how they are printed.

    ``wanted`` says of which cells (row, column) the colour speaks; the others are printed quietly.
    """

    name: str
    low: float
    high: float
    signed: bool = False
    scale: float = 100.0
    digits: int = 0
    wanted: Wanted = every

    def style(self, value: float) -> str:
        return f"{self.name}.{ramp_index(value, self.low, self.high)}"


@dataclass(frozen=True)
class Window:
    """Which part is shown when the cells do not fit, and which cell the cursor is on; its column may be the pool's."""

    row: int = 0
    column: int = 0
    cursor: tuple[int, int] | None = None


def ramp_index(value: float, low: float, high: float, steps: int = RAMP_STEPS) -> int:
    """0..steps - 1; a flat matrix is all in the middle."""
    if not high > low:
        return steps // 2
    return max(0, min(steps - 1, math.floor((value - low) / (high - low) * steps)))


def bounds(matrix: Matrix, wanted: Wanted = every) -> tuple[float, float]:
    """The range the ramp covers, in whole twentieths around the values of the ``wanted`` cells."""
    finite = [value for row, column, value in _finite(matrix) if wanted(row, column)]
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
_POOL = 7


def sequential(matrix: Matrix, wanted: Wanted = every) -> Shades:
    return Shades("ramp", *bounds(matrix, wanted), wanted=wanted)


def diverging(matrix: Matrix, wanted: Wanted = every) -> Shades:
    """For differences: the middle shade is around nothing, both ends are equally far from it."""
    reach = max((abs(value) for row, column, value in _finite(matrix) if wanted(row, column)), default=0.0)
    reach = max(0.05, math.ceil(reach * 20) / 20)
    return Shades("diverging", -reach, reach, signed=True, wanted=wanted)


def columns_in_sight(cells: int, matrix: Matrix) -> int:
    """How many candidate languages ``heatmap`` shows in ``cells``."""
    return max(0, (cells - _label_width(matrix)) // cell_width(cells, matrix, margin=cells >= _WITH_MARGIN))


def shows_pool(cells: int, matrix: Matrix) -> bool:
    """Whether there is room for the pool beside all columns."""
    size = cell_width(cells, matrix, margin=cells >= _WITH_MARGIN)
    return bool(matrix.pool) and _label_width(matrix) + size * len(matrix.names) + _MARGIN + _POOL <= cells


_WITH_MARGIN = 40  # cells from which means are worth their room


def heatmap(
    cells: int, lines: int, matrix: Matrix, shades: Shades, window: Window, glyphs: Glyphs,
    margin_title: str = "others",
) -> list[Row]:  # fmt: skip
    """Header and rows from ``window``; queries down, candidates across; own language bold."""
    canvas = Canvas(cells, lines)
    count = len(matrix.names)
    size = cell_width(cells, matrix, margin=cells >= _WITH_MARGIN)
    label = _label_width(matrix)
    visible = max(0, (cells - label) // size)
    columns = range(window.column, min(count, window.column + visible))
    for position, column in enumerate(columns):
        canvas.put(label + position * size, 0, fit(matrix.names[column], size, "right")[:size], "dim")
    end = label + size * count
    with_margin = end + _MARGIN <= cells and len(columns) == count
    with_pool = with_margin and shows_pool(cells, matrix)
    if with_margin:
        canvas.put(end + 1, 0, fit(margin_title, _MARGIN - 1, "right"), "dim")
    if with_pool:
        canvas.put(end + _MARGIN, 0, fit("pool", _POOL, "right"), "dim")
    for line, row in enumerate(range(window.row, min(count, window.row + lines - 1)), start=1):
        canvas.put(0, line, fit(matrix.names[row], label - 1, "right"), "dim")
        for position, column in enumerate(columns):
            value = matrix.values[row][column]
            style = _style(value, shades, row, column, at_cursor=window.cursor == (row, column))
            text = _center_right(number(value, shades, narrow=size < shades.digits + 4), size)
            canvas.put(label + position * size, line, text, style)
        if with_margin:
            canvas.put(end, line, f" {glyphs.vertical}", "faint")
            if math.isfinite(matrix.margin[row]):
                text = number(matrix.margin[row], shades, shades.digits + 1)
                canvas.put(end + 2, line, fit(text, _MARGIN - 2, "right"), "")
        if with_pool:
            text = fit(number(matrix.pool[row], shades, shades.digits + 1), _POOL, "right")
            canvas.put(end + _MARGIN, line, text, "cursor.cell" if window.cursor == (row, count) else "")
    return canvas.rows()


def legend(shades: Shades) -> Row:
    """The ramp with the values at its ends."""
    return (
        (f"{number(shades.low, shades)} ", "dim"),
        *((" " * 2, f"{shades.name}.{index}") for index in range(RAMP_STEPS)),
        (f" {number(shades.high, shades)}", "dim"),
    )


def number(value: float, shades: Shades, digits: int | None = None, narrow: bool = False) -> str:
    """As the heatmap prints it; ``narrow`` leaves the digits out."""
    if not math.isfinite(value):
        return "-"
    digits = 0 if narrow else shades.digits if digits is None else digits
    if not shades.signed:
        return f"{value * shades.scale:.{digits}f}"
    text = f"{value * shades.scale:+.{digits}f}"
    return text[1:] if float(text) == 0 else text  # what rounds to nothing has no sign


def _style(value: float, shades: Shades, row: int, column: int, at_cursor: bool) -> str:
    if at_cursor:
        return "cursor.cell"
    if not math.isfinite(value) or not shades.wanted(row, column):
        return "dim"
    return shades.style(value) + (".own" if row == column else "")


def _finite(matrix: Matrix) -> list[tuple[int, int, float]]:
    return [
        (row, column, value)
        for row, line in enumerate(matrix.values)
        for column, value in enumerate(line)
        if math.isfinite(value)
    ]


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
