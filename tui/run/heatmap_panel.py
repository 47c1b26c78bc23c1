"""The heatmap tab: a measure per language pair with its numbers, and the summary beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual import events
from textual.message import Message

from engine.runs.state import EvaluationPoint
from tui import keymap
from tui.draw.glyphs import Glyphs
from tui.draw.heatmap import (
    Matrix,
    Shades,
    Wanted,
    Window,
    cell_at,
    cell_number,
    columns_in_sight,
    diverging,
    every,
    heatmap,
    legend,
    sequential,
    shows_pool,
)
from tui.draw.small import sparkline
from tui.draw.text import Piece, Row, fit, row_width
from tui.numbers import share, signed, visible
from tui.run.contrast import Against
from tui.run.matrix import (
    MAP,
    ONE_LANGUAGE_OTHERS,
    ONE_LANGUAGE_SETTINGS,
    RECALLS,
    SETTINGS,
    CellMeasure,
    cell_value,
    change,
    measures_of,
    to_matrix,
    trend,
    widest_gap,
    worst_pair,
)
from tui.widgets.arrows import Arrows
from tui.widgets.panel import Panel, selected
from tui.widgets.scrolled import Scrolled

_LEAST_COLUMNS = 4  # with fewer in sight a matrix says nothing: pairs are listed instead
VIEWS = ("all", "cross", "mono", "pool")  # cross: colours without the own languages; mono and pool: a bar a language


@dataclass(frozen=True)
class HeatState:
    """What is looked at: one evaluation out of ``points``, and what it is held against."""

    points: Sequence[EvaluationPoint] = ()
    has_steps: bool = True  # an evaluation has none
    point: EvaluationPoint | None = None
    against: Against | None = None
    asked: bool = False  # somebody chose what to hold it against; else it is the first evaluation
    measure: CellMeasure = MAP
    view: str = VIEWS[0]

    @property
    def matrix(self) -> Matrix | None:
        return to_matrix(self.point.result, self.measure) if self.point is not None else None

    @property
    def difference(self) -> Matrix | None:
        if self.point is None or self.against is None:
            return None
        return change(self.against.point.result, self.point.result, self.measure)

    def value(self, asked: str, answered: str | None) -> float:
        return math.nan if self.point is None else cell_value(self.point.result, self.measure, asked, answered)

    def former(self, asked: str, answered: str | None) -> float:
        if self.against is None:
            return math.nan
        return cell_value(self.against.point.result, self.measure, asked, answered)


class HeatPanel(Arrows, Panel, can_focus=True):
    """Queries down, candidates across; arrows move over the cells."""

    BINDINGS = keymap.bindings("cells")
    # Textual hands styles down along the first base alone, which knows none.
    DEFAULT_CSS = """
    HeatPanel { border: solid $line; border-title-color: $titles; padding: 0 1; }
    """

    class Moved(Message):
        """The cursor went to another cell."""

    class Chosen(Message):
        """A click on the cell under the cursor."""

    def __init__(self) -> None:
        super().__init__("mAP x 100   rows ask, columns answer", id="heat")
        self.state = HeatState()
        self.matrix: Matrix | None = None
        self.cursor: tuple[int, int] | None = None
        self._window = Window()
        self._places: dict[int, tuple[Shades, int]] = {}  # by line: of the matrix that stands there, and its line of it
        self._listed: dict[int, tuple[int, int]] = {}  # by line: the cell of a bar or a pair

    def show(self, state: HeatState) -> None:
        if state.point is not None and state.measure not in measures_of(state.point.result):
            state = replace(state, measure=MAP)
        self.state, self.matrix = state, state.matrix
        self.redraw()

    def next_measure(self) -> str:
        """Goes on to the next measure of this evaluation; returns its name."""
        if self.state.point is None:
            return ""
        known = measures_of(self.state.point.result)
        chosen = known[(known.index(self.state.measure) + 1) % len(known)]
        view = self.state.view if chosen is MAP else VIEWS[0]
        self.show(replace(self.state, measure=chosen, view=view))
        return chosen.name

    def next_view(self) -> str:
        """Goes on to the next view; measures other than mAP have one."""
        if self.state.measure is not MAP:
            return ""
        chosen = VIEWS[(VIEWS.index(self.state.view) + 1) % len(VIEWS)]
        self.show(replace(self.state, view=chosen))
        return chosen

    def move_to(self, row: int, column: int) -> None:
        if self.matrix is None:
            return
        last = len(self.matrix.names) - 1
        right = last + (1 if shows_pool(self.size.width, self.matrix, _values(self.matrix, self.state)) else 0)
        self.cursor = max(0, min(last, row)), max(0, min(right, column))
        self.redraw()
        self.post_message(self.Moved())

    def action_page_up(self) -> None:
        self._move(-max(1, self.size.height // 2), 0)

    def action_page_down(self) -> None:
        self._move(max(1, self.size.height // 2), 0)

    def action_first(self) -> None:
        self.move_to(0, 0)

    def action_last(self) -> None:
        if self.matrix is not None:
            self.move_to(len(self.matrix.names), len(self.matrix.names))

    def on_click(self, event: events.Click) -> None:
        """Goes to the cell; a second click on it chooses it."""
        place = event.get_content_offset(self)
        cell = None if place is None else self._cell_at(place.x, place.y)
        if cell is None:
            return
        if event.chain > 1 and cell == self.cursor:
            self.post_message(self.Chosen())
        else:
            self.move_to(*cell)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._move(0, 1) if event.shift else self._move(1, 0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._move(0, -1) if event.shift else self._move(-1, 0)

    def _move(self, rows: int, columns: int) -> None:
        """The first key sets the cursor."""
        row, column = self.cursor or (-rows, -columns)
        self.move_to(row + rows, column + columns)

    def _cell_at(self, x: int, y: int) -> tuple[int, int] | None:
        if y in self._listed:
            return self._listed[y]
        if y not in self._places or self.matrix is None:
            return None
        shades, line = self._places[y]
        return cell_at(self.size.width, self.matrix, shades, self._window, x, line)

    def cell(self) -> tuple[str, str | None] | None:
        """(query language, candidate language or None for the pool) under the cursor."""
        if self.matrix is None or self.cursor is None:
            return None
        names, (row, column) = self.matrix.names, self.cursor
        if row >= len(names):
            return None
        if self.state.view in ("mono", "pool") or len(names) < 2:
            return names[row], None if self.state.view == "pool" else names[row]
        return names[row], names[column] if column < len(names) else None

    def at_cursor(self) -> str:
        """The cell under the cursor in words; empty without one."""
        cell, state = self.cell(), self.state
        if cell is None:
            return ""
        asked, answered = cell
        value, former = state.value(asked, answered), state.former(asked, answered)
        told = state.measure.name
        if state.measure is MAP:
            told += f" {100 * value:.1f}" if math.isfinite(value) else " -"
            since = f", {signed(100 * (value - former))}" if math.isfinite(value - former) else ""
        else:
            told += f" {cell_number(value, _printed(state.measure), state.measure.digits + 1)}"
            gap = (value - former) * state.measure.scale
            since = f", {signed(gap, state.measure.digits + 1)}" if math.isfinite(gap) else ""
        if since and state.against is not None:
            since += f" {'against' if state.asked else 'since'} {state.against.label}"
        who = "the pool of all languages" if answered is None else visible(answered)
        return f"{visible(asked)} asks, {who} answers: {told}{since}"

    def redraw(self) -> None:
        state, matrix = self.state, self.matrix
        if matrix is not None:
            alone = state.asked and state.view in ("all", "cross") and not self._room_for_both(self.size.height)
            self.retitle(_title(state, self.glyphs.delta, alone))
        super().redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        self._places.clear()
        self._listed.clear()
        return self._drawn_rows(width, height)

    def _drawn_rows(self, width: int, height: int) -> list[Row]:
        state, matrix = self.state, self.matrix
        if matrix is None or state.point is None:
            return [(("no evaluation yet", "dim"),)]
        steps = [step_line(state.points, state.point, width, self.glyphs)] if state.has_steps else []
        room = height - len(steps)
        if len(matrix.names) < 2:
            note = (("one language: there are no pairs of languages to compare", "dim"),)
            return [*steps, (), *self._bars(width, max(0, room - 3), len(steps) + 1), (), note]
        if state.view in ("mono", "pool"):
            return [*steps, (), *self._bars(width, room - 1, len(steps) + 1)]
        if columns_in_sight(width, matrix, _values(matrix, state)) < min(_LEAST_COLUMNS, len(matrix.names)):
            return [*steps, *self._pairs(width, room, len(steps))]
        difference = state.difference
        count = len(matrix.names)
        both = difference is not None and self._room_for_both(height)
        if difference is not None and state.asked and not both:
            return [*steps, *self._map(width, room, difference, _differences(difference, state), len(steps))]
        pad = room - count - 1 >= 2
        rows = [*steps, *self._map(width, room, matrix, _values(matrix, state), len(steps), pad)]
        if difference is not None and both and state.against is not None:
            title = f"{'against' if state.asked else 'change since'} {state.against.label}"
            shades = _differences(difference, state)
            at = len(rows) + 2
            rows += [(), ((title, "dim"),), *self._map(width, height - at, difference, shades, at)]
        return rows

    def _room_for_both(self, height: int) -> bool:
        """For the values and their differences, one below the other."""
        return self.matrix is not None and height >= 2 * len(self.matrix.names) + 7

    def _map(
        self, width: int, height: int, matrix: Matrix, shades: Shades, at: int, pad: bool = False
    ) -> list[Row]:  # fmt: skip
        """The matrix and, where there is room, its legend; ``at`` is the line of the panel where it begins."""
        count = len(matrix.names)
        with_legend = height - count - 1 >= 1
        lines = height - (1 if with_legend else 0) - (1 if pad else 0)
        self._window = self._follow(columns_in_sight(width, matrix, shades), lines - 1)
        rows = heatmap(width, min(lines, count + 1), matrix, shades, self._window, self.glyphs)
        self._places |= {at + pad + line: (shades, line) for line in range(len(rows))}
        self.tell_hidden(self._window.row, count - self._window.row - (len(rows) - 1))
        if with_legend:
            rows.append(((" " * 4, ""), *legend(shades)))
        return [(), *rows] if pad else rows

    def _follow(self, columns: int, rows: int) -> Window:
        """The window that shows the cursor and moves no more than it must."""
        row, column = self.cursor or (0, 0)
        assert self.matrix is not None
        shown = min(column, len(self.matrix.names) - 1)
        top = min(max(self._window.row, row - rows + 1), row)
        left = min(max(self._window.column, shown - columns + 1), shown)
        return Window(max(0, top), max(0, left), self.cursor)

    def _bars(self, width: int, height: int, at: int) -> list[Row]:
        """One number a query language, with a bar from 0 to 1 and the difference."""
        assert self.matrix is not None
        state, names = self.state, self.matrix.names
        label = max(len(visible(name)) for name in names)
        room = max(0, width - label - 8 - (8 if state.against is not None else 0))
        top = max(0, min((self.cursor or (0, 0))[0] - height + 1, len(names) - height))
        self.tell_hidden(top, len(names) - top - height)
        rows: list[Row] = []
        for index, name in enumerate(names[top : top + height], start=top):
            self._listed[at + index - top] = index, index
            answered = None if state.view == "pool" else name
            value, former = state.value(name, answered), state.former(name, answered)
            runs: list[Piece] = [(f"{fit(visible(name), label, 'right')} ", "dim")]
            runs.append((fit(share(value) if math.isfinite(value) else "-", 5, "right") + " ", "bold"))
            if state.against is not None:
                gap = 100 * (value - former)
                told = signed(gap) if math.isfinite(gap) else "-"
                runs.append((fit(told, 6, "right") + "  ", "good" if gap > 0 else "warning" if gap < 0 else "dim"))
            if math.isfinite(value):
                runs.append((self.glyphs.full * round(value * room), "bar"))
            row = tuple(runs)
            rows.append(selected(row) if self.cursor is not None and self.cursor[0] == index else row)
        return rows

    def _pairs(self, width: int, height: int, line: int) -> list[Row]:
        """Every pair in a line, the lowest first; around the cursor where they do not fit."""
        assert self.matrix is not None
        names, arrow, shades = self.matrix.names, self.glyphs.arrow, _printed(self.state.measure)
        pairs = sorted(
            (self.matrix.values[row][column], row, column)
            for row in range(len(names))
            for column in range(len(names))
            if math.isfinite(self.matrix.values[row][column])
        )
        at = next((index for index, (_, *place) in enumerate(pairs) if tuple(place) == self.cursor), 0)
        top = max(0, min(at - height // 2, len(pairs) - height))
        self.tell_hidden(top, len(pairs) - top - height)
        rows: list[Row] = []
        for value, row, column in pairs[top : top + height]:
            self._listed[line + len(rows)] = row, column
            told: Row = (
                (f"{visible(names[row])} {arrow} {visible(names[column])} ", ""),
                (cell_number(value, shades, shades.digits), "bold"),
            )
            rows.append(selected(told) if (row, column) == self.cursor else told)
        return rows


class HeatSummary(Scrolled):
    """The figures of the evaluation in sight, and how they differ."""

    def __init__(self) -> None:
        super().__init__("summary", id="heat-summary")
        self.state = HeatState()
        self.cell: tuple[str, str | None] | None = None

    def show(self, state: HeatState, cell: tuple[str, str | None] | None) -> None:
        self.state, self.cell = state, cell
        self.redraw()

    def parts(self, width: int, height: int) -> tuple[list[Row], list[Row]]:
        state, glyphs = self.state, self.glyphs
        if state.point is None:
            return [], []
        result = state.point.result
        rows: list[Row] = []
        if state.against is not None:
            if state.asked:
                rows.append(((f"{glyphs.delta} against {state.against.label}", "accent"),))
            since = f"{glyphs.delta} since {state.against.point.step:,}" if not state.asked else glyphs.delta
        else:
            since = ""
        rows.append(((fit("mAP", 12), "dim"), (fit("", 6), ""), (fit(since, 14, "right"), "dim")))
        several = len(result.languages) > 1
        settings = SETTINGS if several else ONE_LANGUAGE_SETTINGS
        for label, metric in (*settings, ("", ""), *(RECALLS if several else ONE_LANGUAGE_OTHERS)):
            rows.append(self._metric(label, metric) if metric else ())
        rows += [(), *self._pairs()] if several else []
        if len(state.points) > 1:
            rows += [(), (("over training", "dim"),)]
            room = max(1, width - 12)
            for label, metric in settings:
                line = sparkline(trend(state.points, metric), room, glyphs)
                rows.append(((fit(label, 12), ""), (line, "bar")))
            if self.cell is not None:
                rows.append(self._cell_trend(self.cell, room))
        rows += [(), ((f"{result.count_of_queries()}, {result.candidates:,} candidates", "dim"),)]
        ties = f"{result.ties:,} {'tie' if result.ties == 1 else 'ties'}"
        rows.append(((f"{ties}, evaluated in {state.point.seconds:.1f} s", "dim"),))
        return [], rows

    def _cell_trend(self, cell: tuple[str, str | None], room: int) -> Row:
        values = [cell_value(point.result, self.state.measure, *cell) for point in self.state.points]
        pair = f"{visible(cell[0])} {self.glyphs.arrow} {'pool' if cell[1] is None else visible(cell[1])}"
        return ((fit(pair, 12, ellipsis=self.glyphs.ellipsis), "accent"), (sparkline(values, room, self.glyphs), "bar"))

    def _metric(self, label: str, metric: str) -> Row:
        assert self.state.point is not None
        value = self.state.point.result.metrics.get(metric)
        runs: list[Piece] = [
            (fit(label, 12), ""),
            (fit("-" if value is None else f"{100 * value:.1f}", 6, "right"), "bold"),
        ]
        against = self.state.against
        before = against.point.result.metrics.get(metric) if against is not None else None
        if value is not None and before is not None:
            change = 100 * (value - before)
            runs.append(
                (fit(signed(change), 14, "right"), "good" if change > 0 else "warning" if change < 0 else "dim")
            )
        return tuple(runs)

    def _pairs(self) -> list[Row]:
        assert self.state.point is not None
        matrix, arrow = to_matrix(self.state.point.result), self.glyphs.arrow
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
    runs: list[Piece] = [("step ", "dim")]
    if first > 0:
        runs.append((f"{glyphs.ellipsis} ", "dim"))
    for index in range(first, last + 1):
        text = f"{points[index].step:,}"
        runs.append((f"[{text}]", "title") if index == at else (f" {text} ", "dim"))
    if last + 1 < len(points):
        runs.append((f" {glyphs.ellipsis}", "dim"))
    return tuple(runs)


def _wanted(state: HeatState) -> Wanted:
    return (lambda row, column: row != column) if state.view == "cross" else every


def _values(matrix: Matrix, state: HeatState) -> Shades:
    if state.measure.about_zero:
        return _differences(matrix, state)
    return replace(sequential(matrix, _wanted(state)), scale=state.measure.scale, digits=state.measure.digits)


def _differences(matrix: Matrix, state: HeatState) -> Shades:
    return replace(diverging(matrix, _wanted(state)), scale=state.measure.scale, digits=state.measure.digits)


def _printed(measure: CellMeasure) -> Shades:
    """Only for how numbers of a measure are printed."""
    return Shades("ramp", 0.0, 1.0, signed=measure.about_zero, scale=measure.scale, digits=measure.digits)


_VIEW_TITLES = {
    "all": "rows ask, columns answer",
    "cross": "rows ask, columns answer, colours without the own language",
    "mono": "questions and candidates in one language",
    "pool": "candidates of all languages",
}


def _title(state: HeatState, delta: str, difference: bool) -> str:
    """``difference``: nothing but the difference is in sight."""
    title = f"{state.measure.title}   {_VIEW_TITLES[state.view]}"
    if difference and state.against is not None:
        title = f"{delta} {state.measure.title} against {state.against.label}"
    return title if state.point is None else f"{visible(state.point.benchmark)}   {title}"
