"""A matrix of numbers whose colour repeats what the number says."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui.draw.canvas import Canvas
from tui.draw.glyphs import Glyphs
from tui.draw.text import Row, fit
from tui.numbers import signed, within

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


def cell_width(cells: int, matrix: Matrix, shades: Shades) -> int:
    """Cells of a number: the widest of 5, 4 and 3 with which the whole matrix is in sight, else what its numbers need.

    The means beside the matrix come second: they are left out before a number loses a cell.
    """
    label, count = _label_width(matrix), len(matrix.names)
    least = _least_width(matrix, shades)
    for extra in (_MARGIN, 0) if cells >= _WITH_MARGIN else (0,):
        for size in (5, 4, 3):
            if size >= least and label + size * count + extra <= cells:
                return size
    return least


def _least_width(matrix: Matrix, shades: Shades) -> int:
    """Cells of the longest number without decimals."""
    values = [value for _, _, value in _finite(matrix)]
    return max([2, *(len(cell_number(value, shades, 0)) for value in ({min(values), max(values)} if values else ()))])


_MARGIN = 9
_POOL = 7


def sequential(matrix: Matrix, wanted: Wanted = every) -> Shades:
    return Shades("ramp", *bounds(matrix, wanted), wanted=wanted)


def diverging(matrix: Matrix, wanted: Wanted = every) -> Shades:
    """For differences: the middle shade is around nothing, both ends are equally far from it."""
    reach = max((abs(value) for row, column, value in _finite(matrix) if wanted(row, column)), default=0.0)
    reach = max(0.05, math.ceil(reach * 20) / 20)
    return Shades("diverging", -reach, reach, signed=True, wanted=wanted)


def columns_in_sight(cells: int, matrix: Matrix, shades: Shades) -> int:
    """How many candidate languages ``heatmap`` shows in ``cells``."""
    return max(0, (cells - _label_width(matrix)) // cell_width(cells, matrix, shades))


def shows_pool(cells: int, matrix: Matrix, shades: Shades) -> bool:
    """Whether there is room for the pool beside all columns."""
    size = cell_width(cells, matrix, shades)
    return bool(matrix.pool) and _label_width(matrix) + size * len(matrix.names) + _MARGIN + _POOL <= cells


def cell_at(cells: int, matrix: Matrix, shades: Shades, window: Window, x: int, line: int) -> tuple[int, int] | None:
    """Row and column of what stands there in a ``heatmap``, as ``Window.cursor`` counts them; None: no cell."""
    label, size, count = _label_width(matrix), cell_width(cells, matrix, shades), len(matrix.names)
    row, place = window.row + line - 1, (x - label) // size
    if line < 1 or row >= count or x < label:
        return None
    end = label + size * count + _MARGIN
    if end <= x < end + _POOL and shows_pool(cells, matrix, shades):
        return row, count
    column = window.column + place
    return (row, column) if place < columns_in_sight(cells, matrix, shades) and column < count else None


_WITH_MARGIN = 40  # cells from which means are worth their room


def heatmap(
    cells: int, lines: int, matrix: Matrix, shades: Shades, window: Window, glyphs: Glyphs,
    margin_title: str = "others",
) -> list[Row]:  # fmt: skip
    """Header and rows from ``window``; queries down, candidates across; own language bold."""
    canvas = Canvas(cells, lines)
    count = len(matrix.names)
    size = cell_width(cells, matrix, shades)
    label = _label_width(matrix)
    visible = max(0, (cells - label) // size)
    columns = range(window.column, min(count, window.column + visible))
    for position, column in enumerate(columns):
        canvas.put(label + position * size, 0, fit(matrix.names[column], size, "right")[:size], "dim")
    end = label + size * count
    with_margin = end + _MARGIN <= cells and len(columns) == count
    with_pool = with_margin and shows_pool(cells, matrix, shades)
    if with_margin:
        canvas.put(end + 1, 0, fit(margin_title, _MARGIN - 1, "right"), "dim")
    if with_pool:
        canvas.put(end + _MARGIN, 0, fit("pool", _POOL, "right"), "dim")
    for line, row in enumerate(range(window.row, min(count, window.row + lines - 1)), start=1):
        canvas.put(0, line, fit(matrix.names[row], label - 1, "right"), "dim")
        for position, column in enumerate(columns):
            value = matrix.values[row][column]
            style = _style(value, shades, row, column, at_cursor=window.cursor == (row, column))
            canvas.put(label + position * size, line, _in_cell(value, shades, size), style)
        if with_margin:
            canvas.put(end, line, f" {glyphs.vertical}", "faint")
            if math.isfinite(matrix.margin[row]):
                text = cell_number(matrix.margin[row], shades, shades.digits + 1)
                canvas.put(end + 2, line, fit(text, _MARGIN - 2, "right"), "")
        if with_pool:
            text = fit(cell_number(matrix.pool[row], shades, shades.digits + 1), _POOL, "right")
            canvas.put(end + _MARGIN, line, text, "cursor.cell" if window.cursor == (row, count) else "")
    return canvas.rows()


def legend(shades: Shades) -> Row:
    """The ramp with the values at its ends."""
    return (
        (f"{cell_number(shades.low, shades, shades.digits)} ", "dim"),
        *((" " * 2, f"{shades.name}.{index}") for index in range(RAMP_STEPS)),
        (f" {cell_number(shades.high, shades, shades.digits)}", "dim"),
    )


def cell_number(value: float, shades: Shades, digits: int) -> str:
    """A number of the matrix with so many decimals; what rounds to nothing has no sign."""
    if not math.isfinite(value):
        return "-"
    scaled = value * shades.scale
    return signed(scaled, digits) if shades.signed else f"{scaled:.{digits}f}"


def _in_cell(value: float, shades: Shades, size: int) -> str:
    """Right in its cell; it ends one cell before the cell's end where there is room, so that columns keep apart."""
    digits = (shades.digits, 0) if size >= shades.digits + 4 else (0,)
    forms = [cell_number(value, shades, each) for each in digits]
    room = size - 1 if size >= 4 and len(forms[-1]) < size else size
    return fit(fit(within(room, *forms), room, "right"), size)


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


def _label_width(matrix: Matrix) -> int:
    return max((len(name) for name in matrix.names), default=2) + 1


def own_and_others(names: Sequence[str], values: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Per query language: its own-language value and the mean of the others (NaN without others)."""
    result = []
    for index, row in enumerate(values):
        others = [value for column, value in enumerate(row) if column != index and math.isfinite(value)]
        result.append((row[index], sum(others) / len(others) if others else math.nan))
    return result
