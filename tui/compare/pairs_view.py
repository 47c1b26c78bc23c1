"""One condition against the baseline, language by language, or as a matrix where a pair of languages is a cell."""

from __future__ import annotations

import math
from dataclasses import replace

from textual import events
from textual.message import Message

from engine.export.compare_rows import CompareRow
from tui import keymap
from tui.compare.comparison import Comparison, condition_text
from tui.compare.job import measure_label, style, words
from tui.draw.columns import Column, cell_text, column, in_columns, widths
from tui.draw.heatmap import Matrix, Shades, Window, cell_at, columns_in_sight, diverging, heatmap, own_and_others
from tui.draw.interval import difference_axis, difference_row
from tui.draw.text import Piece, Row, fit, width
from tui.numbers import metric_change, metric_value, p_value, visible
from tui.widgets.arrows import CellCursor
from tui.widgets.lists import Cursor
from tui.widgets.panel import Panel, selected

_MATRIX = ("map_monolingual", "map_crosslingual")  # cells of one matrix: its diagonal, and the rest
_BELOW_MATRIX, _BELOW_LIST = 3, 2  # lines: the tally and what the colours mean


class PairsPanel(CellCursor, Panel, can_focus=True):
    """The cursor is on a language, or on a pair of languages."""

    BINDINGS = keymap.bindings("pairs")

    class Moved(Message):
        """The cursor went to another pair."""

    class Chosen(Message):
        """Enter on a pair, or a click on the one under the cursor."""

    def __init__(self) -> None:
        super().__init__("per language", id="pairs")
        self.comparison: Comparison | None = None
        self.row: CompareRow | None = None
        self.cells: dict[tuple[str, str], CompareRow] = {}
        self.languages: tuple[str, ...] = ()
        self.at = (0, 0)
        self._window = Cursor()
        self._left = 0  # the first column in sight

    def show(self, comparison: Comparison, row: CompareRow) -> None:
        if row is not self.row:
            former = (self.row.metric, self.row.run, self.languages) if self.row is not None else None
            self.comparison, self.row = comparison, row
            chosen = comparison.cells(row)
            if row.metric in _MATRIX:
                means = [each for each in comparison.rows if each.run == row.run and each.metric in _MATRIX]
                chosen = [cell for each in means for cell in comparison.cells(each)]
            self.cells = {(cell.query_language or "", cell.passage_language or ""): cell for cell in chosen}
            self.languages = tuple(sorted({asked for asked, _ in self.cells}))
            if former != (row.metric, row.run, self.languages):  # else the same, compared anew: the cursor stays
                self.at, self._window, self._left = (0, 0), Cursor(), 0
        what = "mAP x 100, rows ask, columns answer" if self.is_matrix else measure_label(row.metric)
        base = condition_text(comparison, comparison.done.comparison.baseline)
        self.retitle(f"{comparison.labels[row.run]} against {base}   {what}")
        self.redraw()

    @property
    def is_matrix(self) -> bool:
        return self.row is not None and self.row.metric in _MATRIX

    def current(self) -> CompareRow | None:
        """The cell under the cursor."""
        if not self.languages:
            return None
        asked = self.languages[self.at[0]]
        return self.cells.get((asked, self.languages[self.at[1]] if self.is_matrix else ""))

    def move_to(self, row: int, column: int) -> None:
        last = max(0, len(self.languages) - 1)
        at = max(0, min(last, row)), max(0, min(last if self.is_matrix else 0, column))
        if at != self.at:
            self.at = at
            self.redraw()
            self.post_message(self.Moved())

    def rows(self, width: int, height: int) -> list[Row]:
        if not self.languages:
            return [(("no language has queries of this measure", "dim"),)]
        return self._matrix(width, height) if self.is_matrix else self._list(width, height)

    def action_last(self) -> None:
        self.move_to(len(self.languages), len(self.languages))

    def action_choose(self) -> None:
        if self.current() is not None:
            self.post_message(self.Chosen())

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        at = None if offset is None else self._cell_at(offset.x, offset.y)
        if at is None:
            return
        if at == self.at:
            self.action_choose()
        self.move_to(*at)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._move(0, 1) if event.shift else self._move(1, 0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._move(0, -1) if event.shift else self._move(-1, 0)

    def _move(self, rows: int, columns: int) -> None:
        self.move_to(self.at[0] + rows, self.at[1] + columns)

    def _page(self) -> int:
        return max(1, self.size.height - (_BELOW_MATRIX + 1 if self.is_matrix else _BELOW_LIST) - 1)

    def _cell_at(self, x: int, y: int) -> tuple[int, int] | None:
        """Row and column of what stands there."""
        if not self.is_matrix:
            row = self._window.top + y
            return (row, 0) if row < len(self.languages) and y < self.size.height - _BELOW_LIST else None
        matrix, shades = self._drawn_matrix()
        return cell_at(self.size.width, matrix, shades, Window(self._window.top, self._left), x, y)

    def _drawn_matrix(self) -> tuple[Matrix, Shades]:
        names = tuple(map(visible, self.languages))
        values = tuple(
            tuple(self._difference(asked, answered) for answered in self.languages) for asked in self.languages
        )
        matrix = Matrix(names, values, tuple(others for _, others in own_and_others(names, values)))
        # Colour is for what differs: a page of coloured noise would look like a finding.
        return matrix, replace(diverging(matrix), wanted=self._differs)

    def _matrix(self, cells: int, height: int) -> list[Row]:
        matrix, shades = self._drawn_matrix()
        count = len(self.languages)
        lines = max(2, height - _BELOW_MATRIX)  # the first is the header
        self._window.index = self.at[0]
        self._window.reveal([1] * count, lines - 1)
        self.tell_hidden(self._window.top, count - self._window.top - (lines - 1))
        in_sight = max(1, columns_in_sight(cells, matrix, shades))
        self._left = max(0, min(self._left, self.at[1], count - in_sight), self.at[1] - in_sight + 1)
        window = Window(self._window.top, self._left, self.at)
        drawn = heatmap(cells, lines, matrix, shades, window, self.glyphs)
        note = "coloured where it differs; others: mean change of the row without its own language"
        return [*drawn, (), self._tally(cells), ((note, "dim"),)]

    def _list(self, cells: int, height: int) -> list[Row]:
        assert self.comparison is not None
        shown = [self.cells[asked, ""] for asked in self.languages]
        sizes = self._columns(shown, cells)
        ends = [end for cell in shown for end in (cell.difference, *(cell.interval or ()))]
        judged = any(cell.not_inferior is not None for cell in shown)
        axis = difference_axis(ends, self.comparison.done.comparison.margin if judged else None)
        self._window.index = self.at[0]
        in_sight = max(1, height - _BELOW_LIST)
        self._window.reveal([1] * len(shown), in_sight)
        self.tell_hidden(self._window.top, len(shown) - self._window.top - in_sight)
        rows: list[Row] = []
        for index in range(self._window.top, min(len(shown), self._window.top + in_sight)):
            cell, look = shown[index], style(shown[index])
            texts: dict[str, list[Piece]] = {
                name: [(fit(text, sizes.get(name, 0), "right"), "dim" if name in ("base", "value") else "")]
                for name, text in self._figures(cell).items()
            }
            language = cell_text(visible(cell.query_language or ""), sizes["language"], "left", self.glyphs.ellipsis)
            room = sizes.get("interval", 0)
            texts |= {
                "language": [(language, "bold")],
                "change": [(texts["change"][0][0], look)],
                "interval": list(difference_row(cell.difference, cell.interval, axis, room, self.glyphs, look)),
                "verdict": [(words(cell), look)],
            }
            row = tuple(in_columns(texts, sizes))
            rows.append(selected(row) if index == self.at[0] else row)
        return [*rows, (), self._tally(cells)]

    def _figures(self, cell: CompareRow) -> dict[str, str]:
        """What stands in the columns of numbers."""
        return {
            "base": f"{metric_value(cell.metric, cell.baseline_value)} {self.glyphs.arrow}",
            "value": metric_value(cell.metric, cell.value),
            "change": metric_change(cell.metric, cell.difference),
            "p": p_value(cell.p_holm),
        }

    def _columns(self, shown: list[CompareRow], cells: int) -> dict[str, int]:
        """The change is the last to go, the drawing and its words the first."""
        figures = [self._figures(cell) for cell in shown]
        longest = max(width(visible(cell.query_language or "")) for cell in shown)
        numbers = {name: column(name, [each[name] for each in figures], "right") for name in figures[0]}
        columns = [
            Column("language", min(longest, 4), min(longest, 12)),
            numbers["base"],
            numbers["value"],
            numbers["change"],
            Column("interval", 8, 48),
            numbers["p"],
            column("verdict", [words(cell) for cell in shown]),
        ]
        sizes = widths(columns, cells, spare=["verdict", "p", "interval", "base", "value"])
        return sizes or {"language": 4, "change": max(0, cells - 6)}

    def _difference(self, asked: str, answered: str) -> float:
        cell = self.cells.get((asked, answered))
        return cell.difference if cell is not None else math.nan

    def _differs(self, row: int, column: int) -> bool:
        names = self.languages
        cell = self.cells.get((names[row], names[column])) if max(row, column) < len(names) else None
        return cell is not None and cell.different

    def _tally(self, cells: int) -> Row:
        """How many cells differ, which way, after Holm's adjustment."""
        changed = [cell for cell in self.cells.values() if cell.different]
        up = sum(cell.difference > 0 for cell in changed)
        parts = f"{up} higher, {len(changed) - up} lower, {len(self.cells) - len(changed)} undecided"
        rest = f"   of {len(self.cells)}, Holm p below .05"
        return ((parts, ""), (rest, "dim")) if width(parts + rest) <= cells else ((parts, ""),)
