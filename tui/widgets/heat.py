"""The heatmap tab: mAP per language pair with its numbers, and the summary beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.runs.state import EvaluationPoint
from tui.drawing.cells import Row, Run, fit, row_width
from tui.drawing.glyphs import Glyphs
from tui.drawing.heatmap import Matrix, Window, cell_width, diverging, heatmap, legend, sequential
from tui.drawing.small import sparkline
from tui.format import share, signed, visible
from tui.model.matrix import RECALLS, SETTINGS, change, to_matrix, trend, widest_gap, worst_pair
from tui.widgets.base import Panel

_LEAST_COLUMNS = 4  # with fewer in sight a matrix says nothing: pairs are listed instead


class HeatPanel(Panel):
    """Queries down, candidates across; arrows move over the cells."""

    def __init__(self) -> None:
        super().__init__("mAP x 100   rows ask, columns answer", id="heat")
        self.points: Sequence[EvaluationPoint] = ()
        self.point: EvaluationPoint | None = None
        self.matrix: Matrix | None = None
        self.cursor: tuple[int, int] | None = None
        self._window = Window()

    def show(self, points: Sequence[EvaluationPoint], point: EvaluationPoint | None) -> None:
        if point is not self.point:
            self.matrix = to_matrix(point.result) if point is not None else None
        self.points, self.point = points, point
        self.retitle(_title(point))
        self.redraw()

    def move(self, rows: int, columns: int) -> None:
        if self.matrix is None:
            return
        last = len(self.matrix.names) - 1
        row, column = self.cursor or (0, 0)
        if self.cursor is not None:
            row, column = max(0, min(last, row + rows)), max(0, min(last, column + columns))
        self.cursor = (row, column)
        self.redraw()

    def at_cursor(self) -> str:
        """The cell under the cursor in words; empty without one."""
        if self.matrix is None or self.cursor is None:
            return ""
        row, column = self.cursor
        if max(row, column) >= len(self.matrix.names):
            return ""
        value, first = self.matrix.values[row][column], self._first_value(row, column)
        since = "" if math.isnan(first) else f", {signed(100 * (value - first))} since step {self.points[0].step:,}"
        asked, answered = visible(self.matrix.names[row]), visible(self.matrix.names[column])
        return f"{asked} asks, {answered} answers: mAP {share(value)}{since}"

    def rows(self, width: int, height: int) -> list[Row]:
        if self.matrix is None or self.point is None:
            return [(("no evaluation yet", "dim"),)]
        matrix, names = self.matrix, self.matrix.names
        steps = step_line(self.points, self.point, width, self.glyphs)
        size = cell_width(width, matrix, margin=width >= 40)
        visible_columns = (width - 4) // size
        if visible_columns < min(_LEAST_COLUMNS, len(names)):
            return [steps, *self._pairs(width, height - 1)]
        spare = height - len(names) - 2
        lines = height - 1 - (1 if spare >= 1 else 0)
        self._window = self._follow(visible_columns, lines - 1)
        shades = sequential(matrix)
        rows = [steps, *heatmap(width, min(lines, len(names) + 1), matrix, shades, self._window, self.glyphs)]
        if spare >= 2:
            rows.insert(1, ())
        if spare >= 1:
            rows.append(((" " * 4, ""), *legend(shades)))
        return rows + self._change(width, height - len(rows))

    def _change(self, width: int, height: int) -> list[Row]:
        """The same cells as differences to the first evaluation, where there is room for all of them."""
        assert self.matrix is not None
        assert self.point is not None
        count = len(self.matrix.names)
        if len(self.points) < 2 or self.point is self.points[0] or height < count + 3:
            return []
        difference = change(self.points[0].result, self.point.result)
        shades = diverging(difference)
        window = Window(0, self._window.column, self.cursor)
        title = f"change since step {self.points[0].step:,}"
        rows: list[Row] = [(), ((title, "dim"),), *heatmap(width, count + 1, difference, shades, window, self.glyphs)]
        if height >= count + 4:
            rows.append(((" " * 4, ""), *legend(shades)))
        return rows

    def _follow(self, columns: int, rows: int) -> Window:
        """The window that shows the cursor and moves no more than it must."""
        row, column = self.cursor or (0, 0)
        top = min(max(self._window.row, row - rows + 1), row)
        left = min(max(self._window.column, column - columns + 1), column)
        return Window(max(0, top), max(0, left), self.cursor)

    def _pairs(self, width: int, height: int) -> list[Row]:
        assert self.matrix is not None
        names, arrow = self.matrix.names, self.glyphs.arrow
        pairs = sorted(
            (self.matrix.values[row][column], asked, answered)
            for row, asked in enumerate(names)
            for column, answered in enumerate(names)
            if math.isfinite(self.matrix.values[row][column])
        )
        return [((f"{a} {arrow} {b} ", ""), (f"{value * 100:.0f}", "bold")) for value, a, b in pairs[:height]]

    def _first_value(self, row: int, column: int) -> float:
        assert self.matrix is not None
        if len(self.points) < 2 or self.point is self.points[0]:
            return math.nan
        asked, answered = self.matrix.names[row], self.matrix.names[column]
        return self.points[0].result.matrix.get(asked, {}).get(answered, math.nan)


class HeatSummary(Panel):
    """The figures of the evaluation in sight, and what changed since the first."""

    def __init__(self) -> None:
        super().__init__("summary", id="heat-summary")
        self.points: Sequence[EvaluationPoint] = ()
        self.point: EvaluationPoint | None = None

    def show(self, points: Sequence[EvaluationPoint], point: EvaluationPoint | None) -> None:
        self.points, self.point = points, point
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        if self.point is None:
            return []
        result, glyphs = self.point.result, self.glyphs
        first = self.points[0] if self.points and self.points[0] is not self.point else None
        since = f"{glyphs.delta} since {first.step:,}" if first is not None else ""
        rows: list[Row] = [((fit("mAP", 12), "dim"), (fit("", 6), ""), (fit(since, 14, "right"), "dim"))]
        for label, metric in SETTINGS:
            rows.append(self._metric(label, metric, first))
        rows.append(())
        for label, metric in RECALLS:
            rows.append(self._metric(label, metric, first))
        rows += [(), *self._pairs()]
        if len(self.points) > 1:
            rows += [(), (("over training", "dim"),)]
            for label, metric in SETTINGS:
                line = sparkline(trend(self.points, metric), max(1, width - 12), glyphs)
                rows.append(((fit(label, 12), ""), (line, "bar")))
        rows += [(), ((f"{result.queries:,} queries, {result.candidates:,} candidates", "dim"),)]
        rows.append(
            (
                (
                    f"{result.ties:,} {'tie' if result.ties == 1 else 'ties'}, evaluated in {self.point.seconds:.1f} s",
                    "dim",
                ),
            )
        )
        return rows

    def _metric(self, label: str, metric: str, first: EvaluationPoint | None) -> Row:
        assert self.point is not None
        value = self.point.result.metrics.get(metric)
        runs: list[Run] = [
            (fit(label, 12), ""),
            (fit("-" if value is None else f"{100 * value:.1f}", 6, "right"), "bold"),
        ]
        before = first.result.metrics.get(metric) if first is not None else None
        if value is not None and before is not None:
            change = 100 * (value - before)
            runs.append(
                (fit(signed(change), 14, "right"), "good" if change > 0 else "warning" if change < 0 else "dim")
            )
        return tuple(runs)

    def _pairs(self) -> list[Row]:
        assert self.point is not None
        matrix, arrow = to_matrix(self.point.result), self.glyphs.arrow
        rows: list[Row] = []
        worst, gap = worst_pair(matrix), widest_gap(matrix)
        if worst is not None:
            pair = f"{visible(worst.asked)} {arrow} {visible(worst.answered)}"
            rows.append(((fit("worst pair", 12), ""), (f"{pair}  {100 * worst.value:.0f}", "")))
        if gap is not None:
            name, own, others = gap
            rows.append(
                ((fit("widest gap", 12), ""), (f"{visible(name)}: own {100 * own:.0f}, others {100 * others:.0f}", ""))
            )
        return rows


def step_line(points: Sequence[EvaluationPoint], point: EvaluationPoint, width: int, glyphs: Glyphs) -> Row:
    """All evaluated steps with the one in sight in brackets; as many around it as fit."""
    at = list(points).index(point)
    first = last = at
    while True:
        grown = False
        for candidate in ((first - 1, last), (first, last + 1)):
            inside = candidate[0] >= 0 and candidate[1] < len(points)
            if inside and row_width(_steps(points, at, *candidate, glyphs)) <= width:
                first, last = candidate
                grown = True
        if not grown:
            return _steps(points, at, first, last, glyphs)


def _steps(points: Sequence[EvaluationPoint], at: int, first: int, last: int, glyphs: Glyphs) -> Row:
    runs: list[Run] = [("step ", "dim")]
    if first > 0:
        runs.append((f"{glyphs.ellipsis} ", "dim"))
    for index in range(first, last + 1):
        text = f"{points[index].step:,}"
        runs.append((f"[{text}]", "title") if index == at else (f" {text} ", "dim"))
    if last + 1 < len(points):
        runs.append((f" {glyphs.ellipsis}", "dim"))
    return tuple(runs)


def _title(point: EvaluationPoint | None) -> str:
    title = "mAP x 100   rows ask, columns answer"
    return title if point is None else f"{visible(point.benchmark)}   {title}"
