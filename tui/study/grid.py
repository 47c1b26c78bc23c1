"""Conditions by benchmarks: a table that scrolls both ways under its titles, with a cursor on one cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from textual import events
from textual.message import Message

from engine.export.study_job import StudyCell
from tui import keymap
from tui.compare.job import measure_label, short_verdict, verdict_style
from tui.draw.text import Piece, Row, fit, fit_middle, fit_row, row_width, width
from tui.follow.study_state import PRIMARY, SHOWN_MEASURES, Cell, Column, Condition, StudyState
from tui.numbers import metric_change, metric_interval, metric_value, visible
from tui.study.answer_so_far import AnswerSoFar
from tui.widgets.arrows import CellCursor
from tui.widgets.panel import Drawn, Spot, selected

SHORT = {
    "map_monolingual": "mAP mono", "map_crosslingual": "mAP cross", "map_multilingual": "mAP pool",
    "rank_distance": "rank distance", "own_language_advantage": "own advantage", "ndcg_at_10": "nDCG@10",
}  # fmt: skip
_TITLES = 2  # lines
_GAP = 2
_NAMES = ((80, 24), (56, 19), (0, 12))  # cells of a terminal, and what a name takes there at most
_LABEL_MOST = 24  # cells of a benchmark's name; what stands in a cell is never cut for another's sake
_LEAD = 2  # cells of the cursor's mark


@dataclass(frozen=True)
class Window:
    """What is in sight: rows and columns from and to (exclusive), and the cells of names and columns."""

    top: int
    bottom: int
    left: int
    right: int
    name: int
    widths: tuple[int, ...]
    lines: int  # of a row


class ResultsGrid(CellCursor, Drawn, can_focus=True, inherit_bindings=False):
    """``show`` gives it what is new; the cursor stays on its condition and benchmark."""

    BINDINGS = keymap.bindings("grid")

    class Moved(Message):
        """The cursor went to another cell."""

    class Chosen(Message):
        """Enter on a cell, or a click on the one under the cursor."""

    def __init__(self) -> None:
        super().__init__(id="grid")
        self.state: StudyState | None = None
        self.answer: AnswerSoFar | None = None
        self.measure = PRIMARY
        self.intervals: bool | None = None  # None: where there is room
        self._at = ("", "")  # condition and column under the cursor
        self._top = self._left = 0
        self._drawn: dict[tuple[str, str, int], list[list[Piece]]] = {}  # cells, until there is something new

    def show(self, state: StudyState | None, answer: AnswerSoFar | None) -> None:
        if state is not self.state or answer is not self.answer:
            self.state, self.answer = state, answer
            self._drawn.clear()
            self.redraw()

    @property
    def wanted_lines(self) -> int:
        """Of a grid that shows every condition with its interval, and a line that counts what is hidden beside."""
        return _TITLES + len(self.state.conditions) * 3 + 1 if self.state is not None else _TITLES

    @property
    def at(self) -> tuple[int, int]:
        """Row and column of the cursor."""
        if self.state is None:
            return 0, 0
        row = next((i for i, each in enumerate(self.state.conditions) if each.name == self._at[0]), 0)
        column = next((i for i, each in enumerate(self.state.columns) if each.key == self._at[1]), 0)
        return row, column

    def current(self) -> tuple[Condition, Column] | None:
        """Condition and benchmark under the cursor."""
        if self.state is None or not self.state.columns:
            return None
        row, column = self.at
        return self.state.conditions[row], self.state.columns[column]

    def verdict(self, condition: Condition, column: Column, cell: Cell) -> StudyCell | None:
        """What was computed of these very runs."""
        if self.answer is None or self.state is None or condition.name == self.state.baseline:
            return None
        return self.answer.verdict(self.state, condition, column, self.measure, cell)

    def reason(self, column: Column) -> str:
        """Why nothing is judged there; empty where it is, or will be."""
        if self.state is not None and not self.state.planned:
            return "these runs are from before plans were recorded"
        reasons = self.answer.reasons if self.answer is not None else {}
        return visible(reasons.get((column.key, column.name_of(self.measure)), ""))

    def next_measure(self) -> str:
        """Its name."""
        self.measure = SHOWN_MEASURES[(SHOWN_MEASURES.index(self.measure) + 1) % len(SHOWN_MEASURES)]
        self._drawn.clear()
        self.redraw()
        return "the primary measure of each benchmark" if self.measure == PRIMARY else measure_label(self.measure)

    def toggle_intervals(self) -> bool:
        """Whether they are shown now."""
        self.intervals = not self._shows_intervals(self.size.height)
        self.redraw()
        return self.intervals

    def move_to(self, row: int, column: int) -> None:
        if self.state is None or not self.state.columns:
            return
        conditions, columns = self.state.conditions, self.state.columns
        here = (
            conditions[max(0, min(len(conditions) - 1, row))].name,
            columns[max(0, min(len(columns) - 1, column))].key,
        )
        if here != self._at:
            self._at = here
            self.redraw()
            self.post_message(self.Moved())

    def rows(self, width: int, height: int) -> list[Row]:
        state = self.state
        if state is None:
            return []
        if not state.columns:
            return [(), (("   no run of this study evaluates on a benchmark", "dim"),)]
        window = self._window(width, height)
        chosen = state.columns[window.left : window.right]
        rows = self._titles(window, chosen)
        for index in range(window.top, window.bottom):
            rows += self._condition(index, window, chosen)
        if hidden := self._hidden(window, width - 1):
            rows = [*rows[: height - 1], ((fit(hidden, width - 1, "right", self.glyphs.ellipsis), "dim"),)]
        return rows

    def spots(self) -> Iterator[Spot]:
        if self.state is None or not self.state.columns:
            return
        window = self._window(*self.size)
        for row in range(window.top, window.bottom):
            for column, x in zip(range(window.left, window.right), self._places(window), strict=True):
                yield x, _TITLES + (row - window.top) * window.lines, partial(self._jump_to, row, column)

    def action_last(self) -> None:
        if self.state is not None:
            self.move_to(len(self.state.conditions), len(self.state.columns))

    def action_choose(self) -> None:
        self.post_message(self.Chosen())

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        if self.state is None or not self.state.columns:
            return
        window = self._window(*self.size)
        row = window.top + (event.y - _TITLES) // window.lines
        if event.y < _TITLES or row >= window.bottom:
            return
        starts = self._places(window)
        column = window.left + sum(event.x >= x for x in starts) - 1
        if (row, max(window.left, column)) == self.at and column >= window.left:
            self.action_choose()
        self.move_to(row, max(window.left, column))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._move(0, 1) if event.shift else self._move(1, 0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._move(0, -1) if event.shift else self._move(-1, 0)

    def _jump_to(self, row: int, column: int) -> None:
        self.focus()
        self.move_to(row, column)

    def _move(self, rows: int, columns: int) -> None:
        row, column = self.at
        self.move_to(row + rows, column + columns)

    def _page(self) -> int:
        window = self._window(*self.size)
        return max(1, window.bottom - window.top - 1)

    def _shows_intervals(self, height: int) -> bool:
        return height >= self.wanted_lines if self.intervals is None else self.intervals

    def _window(self, cells: int, height: int) -> Window:
        """The part around the cursor; it moves no further than it has to."""
        state = self.state
        assert state is not None
        lines = 3 if self._shows_intervals(height) else 2
        most = next(most for least, most in _NAMES if cells >= least)
        labels = [width(each.label) for each in state.conditions] + [width(self._about(e)) for e in state.conditions]
        name = min(most, max(labels))
        widths = tuple(self._column_width(column, lines) for column in state.columns)
        row, column = self.at
        room = max(_TITLES + lines, height) - _TITLES
        count = len(state.conditions)
        fitting = max(1, (room - 1) // lines)  # a line counts what is hidden
        self._top = max(min(self._top, row, count - fitting), row - fitting + 1, 0)
        self._left = min(self._left, column)
        across = cells - _LEAD - name - 1
        while self._left < column and self._fitting(widths, self._left, across) <= column - self._left:
            self._left += 1
        while self._left > 0 and self._left - 1 + self._fitting(widths, self._left - 1, across) == len(widths):
            self._left -= 1  # no empty cells at the right while something is hidden at the left
        right = self._left + self._fitting(widths, self._left, across)
        return Window(self._top, min(count, self._top + fitting), self._left, right, name, widths, lines)

    def _fitting(self, widths: tuple[int, ...], left: int, cells: int) -> int:
        """How many columns from ``left`` stand whole in ``cells``: at least one."""
        used = count = 0
        for size in widths[left:]:
            used += _GAP + size
            if used > cells:
                break
            count += 1
        return max(1, count)

    def _column_width(self, column: Column, lines: int) -> int:
        assert self.state is not None
        cells = [row_width(row) for each in self.state.conditions for row in self._cell(each, column, lines)]
        return max(min(_LABEL_MOST, width(column.label)), width(self._measure_title(column)), *cells)

    def _places(self, window: Window) -> list[int]:
        """Where each column in sight begins."""
        places, x = [], _LEAD + window.name
        for size in window.widths[window.left : window.right]:
            places.append(x + _GAP)
            x += _GAP + size
        return places

    def _titles(self, window: Window, chosen: tuple[Column, ...]) -> list[Row]:
        first: list[Piece] = [(fit("  condition", _LEAD + window.name), "dim")]
        second: list[Piece] = [(" " * (_LEAD + window.name), "")]
        at = self.at[1]
        for index, column in enumerate(chosen, start=window.left):
            size = window.widths[index]
            style = "title" if index == at else "dim"
            first += [(" " * _GAP, ""), (fit_middle(column.label, size, self.glyphs.ellipsis), style)]
            second += [
                (" " * _GAP, ""),
                (fit(self._measure_title(column), size, ellipsis=self.glyphs.ellipsis), "dim"),
            ]
        return [tuple(first), tuple(second)]

    def _measure_title(self, column: Column) -> str:
        name = column.name_of(self.measure)
        title = SHORT.get(name, name)
        return f"{title}, mean" if column.datasets else title

    def _condition(self, index: int, window: Window, chosen: tuple[Column, ...]) -> list[Row]:
        assert self.state is not None
        condition, (row, column) = self.state.conditions[index], self.at
        at_cursor, glyphs = index == row, self.glyphs
        names: list[Row] = [
            (
                (f"{glyphs.cursor if at_cursor else ' '} ", "key"),
                (fit_middle(condition.label, window.name, glyphs.ellipsis), "bold" if at_cursor else ""),
            ),
            (("  ", ""), (fit(self._about(condition, window.name), window.name, ellipsis=glyphs.ellipsis), "dim")),
            ((" " * (_LEAD + window.name), ""),),
        ]
        rows = [list(each) for each in names[: window.lines]]
        for place, each in enumerate(chosen, start=window.left):
            size = window.widths[place]
            for line, runs in zip(rows, self._cell(condition, each, window.lines), strict=True):
                text = fit_row(runs, size, glyphs.ellipsis)
                if at_cursor and place == column and self.has_focus:
                    text = selected(text)
                mark = glyphs.cursor if at_cursor and place == column and line is rows[0] else " "
                line += [(" " * (_GAP - 1), ""), (mark, "key"), *text]
        return [tuple(line) for line in rows]

    def _about(self, condition: Condition, room: int = _NAMES[0][1]) -> str:
        """Whether it is the baseline, and how many of its seeds are finished; short where there is little room."""
        assert self.state is not None
        seeds = f"{condition.finished}/{len(condition.rows)} seeds" if condition.trained else "not trained"
        if condition.name != self.state.baseline:
            return seeds
        whole = f"baseline, {seeds}"
        return whole if width(whole) <= room else f"base {seeds.removesuffix(' seeds')}"

    def _cell(self, condition: Condition, column: Column, lines: int) -> list[list[Piece]]:
        place = condition.name, column.key, lines
        if place not in self._drawn:
            self._drawn[place] = self._draw_cell(condition, column, lines)
        return self._drawn[place]

    def _draw_cell(self, condition: Condition, column: Column, lines: int) -> list[list[Piece]]:
        """What stands in a cell: value and difference, the verdict, and below it the interval."""
        assert self.state is not None
        name = column.name_of(self.measure)
        cell = self.state.cell(condition, column, self.measure)
        blank: list[list[Piece]] = [[]] * (lines - 2)
        if cell.value is None:
            return [[("n/a" if cell.reason else self.glyphs.dot, "dim")], [], *blank]
        # As in the table of runs: measured on a sample of the queries.
        value_text = f"{'~' if cell.sampled else ''}{metric_value(name, cell.value)}"
        if not cell.final:
            at = "so far" if cell.step is None else f"at step {cell.step:,}"
            return [[(value_text, "dim")], [(at, "dim")], *blank]
        # Beside the name it is told for all benchmarks.
        some = f"{cell.seeds}/{cell.of}" if cell.seeds != condition.finished else ""
        value: list[Piece] = [(value_text, "")]
        if condition.name == self.state.baseline:
            return [value, [(some, "dim")], *blank]
        if cell.difference is None:
            return [value, [(f"{some} no baseline yet".strip(), "dim")], *blank]
        found = self.verdict(condition, column, cell)
        if found is None or found.difference is None:
            value += [(" ", ""), (metric_change(name, cell.difference), "dim")]
            missing = "no verdict" if self.reason(column) else "no verdict yet"
            return [value, [(f"{some} {missing}".strip(), "dim")], *blank]
        words = short_verdict(found.verdict)
        style = verdict_style(words)
        value += [(" ", ""), (metric_change(name, found.difference), style)]
        verdict: list[Piece] = [(f"{some} " if some else "", "dim"), (words, style)]
        if lines < 3:
            return [value, verdict]
        return [
            value,
            verdict,
            [("no interval" if found.interval is None else metric_interval(name, found.interval), "dim")],
        ]

    def _hidden(self, window: Window, room: int) -> str:
        assert self.state is not None
        conditions, columns = len(self.state.conditions), len(self.state.columns)
        parts = []
        if window.bottom - window.top < conditions:
            parts.append(("conditions", "rows", f"{window.top + 1}-{window.bottom} of {conditions}"))
        if window.right - window.left < columns:
            parts.append(("benchmarks", "columns", f"{window.left + 1}-{window.right} of {columns}"))
        text = "   ".join(f"{name} {which}" for name, _, which in parts)
        return text if width(text) <= room else "  ".join(f"{short} {which}" for _, short, which in parts)
