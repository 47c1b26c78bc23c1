"""The table of a comparison: a measure and a condition, in one line or in two; below it the same in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message

from engine.export.compare_rows import CompareRow
from engine.measures import MEASURES
from tui import keymap
from tui.compare.comparison import Comparison, nulls_text, protocol, sentences
from tui.compare.job import measure_label, style, words
from tui.draw.columns import Column, cell_text, column, in_columns, places, widths
from tui.draw.glyphs import Glyphs
from tui.draw.interval import difference_row, margin_mark, zero_mark
from tui.draw.text import Align, Piece, Row, fit, width, wrap
from tui.numbers import count, metric_change, metric_value, p_value
from tui.widgets.lists import Items
from tui.widgets.panel import Drawn

_LEAD = 2  # cells of the cursor's mark
_NAME_LEAST, _NAME_MOST = 8, 26
_INTERVAL_LEAST, _INTERVAL_MOST = 14, 48
_TITLES = {
    "label": "", "name": "against", "base": "base", "value": "value", "change": "change", "interval": "95 % interval",
    "p": "Holm p", "verdict": "verdict",
}  # fmt: skip
ORDERS = ("conditions", "value", "change", "p")
_ORDER_NAMES = {
    "conditions": "as the runs were started", "value": "the best value first", "change": "the best change first",
    "p": "the smallest p first",
}  # fmt: skip
# Titles that can be clicked: what a measure's rows are sorted by then.
SORTED_BY = {"name": "conditions", "value": "value", "change": "change", "p": "p"}


@dataclass(frozen=True)
class Layout:
    """Cells of the columns by their names, in one line or in two."""

    first: dict[str, int]
    second: dict[str, int]  # empty: a row is one line

    @property
    def is_one_line(self) -> bool:
        return not self.second


def lay_out(comparison: Comparison, cells: int, glyphs: Glyphs) -> Layout:
    """Numbers and verdicts have the room that they need; names and drawn intervals share what is left."""
    rows, room = comparison.rows, cells - _LEAD
    label = column("label", [measure_label(row.metric) for row in rows])
    bases = [metric_value(row.metric, row.baseline_value) for row in rows]
    values = [metric_value(row.metric, row.value) for row in rows]
    changes = [metric_change(row.metric, row.difference) for row in rows]
    longest = max(map(width, comparison.labels.values()))
    name = Column("name", min(_NAME_LEAST, longest), min(_NAME_MOST, longest))
    sample = name if comparison.several else None
    interval = Column("interval", _INTERVAL_LEAST, _INTERVAL_MOST)
    verdict = column("verdict", [words(row) for row in rows])
    one_line = widths(
        [
            label,
            *([Column("name", max(width(_TITLES["name"]), 2 + name.least), 2 + name.most)] if sample else ()),
            column("base", [*bases, _TITLES["base"]], "right"),
            column("value", [*values, _TITLES["value"]], "right"),
            column("change", [*changes, _TITLES["change"]], "right"),
            interval,
            column("p", [*(p_value(row.p_holm) for row in rows), _TITLES["p"]], "right"),
            column("verdict", [*(words(row) for row in rows), _TITLES["verdict"]]),
        ],
        room,
    )
    if one_line is not None:
        return Layout(one_line, {})
    first = widths(
        [
            Column("label", min(6, label.least), label.most),
            column("base", [f"{text} {glyphs.arrow}" for text in bases], "right"),
            column("value", values, "right"),
            column("change", changes, "right"),
        ],
        room,
        spare=["base"] if room < _LEAD + 46 else [],
        gap=1,
    )
    second = widths(
        [Column("name", 2 + min(6, name.least), 2 + name.most), interval, verdict], room, spare=["interval", "name"]
    )
    return Layout(first or {}, second or {"verdict": room})


def title_row(comparison: Comparison, layout: Layout, order: str, glyphs: Glyphs) -> Row:
    """The titles of the columns, where a row is one line; that of the order is marked."""
    most = max((row.clusters for row in comparison.rows), default=0)
    row: list[Piece] = [(" " * _LEAD, "")]
    cells: dict[str, list[Piece]] = {}
    for name, size in layout.first.items():
        title = _TITLES[name]
        if name == "interval" and width(longer := f"{title}, {count(most)} clusters") <= size:
            title = longer
        align: Align = "left" if name in ("name", "verdict") else "center" if name == "interval" else "right"
        by_it = comparison.several and order != "conditions" and SORTED_BY.get(name) == order
        cells[name] = [(fit(title, size, align, glyphs.ellipsis), "title" if by_it else "dim")]
    return (*row, *in_columns(cells, layout.first))


def row_lines(
    comparison: Comparison, row: CompareRow, first_of_measure: bool, layout: Layout, cells: int, at_cursor: bool,
    glyphs: Glyphs,
) -> list[Row]:  # fmt: skip
    """One mean: a line, or two where the terminal is narrow."""
    look, sizes = style(row), layout.first | layout.second
    series = comparison.series(row.run)
    shows_label = first_of_measure or not layout.is_one_line
    base = metric_value(row.metric, row.baseline_value)
    name_room = sizes.get("name", 2) - 2
    texts: dict[str, list[Piece]] = {
        "label": [(measure_label(row.metric) if shows_label else "", "bold" if first_of_measure else "")],
        "name": [
            (f"{glyphs.series[series]} ", f"series.{series}"),
            (cell_text(comparison.labels[row.run], name_room, "left", glyphs.ellipsis), ""),
        ],
        "base": [(base if layout.is_one_line else f"{base} {glyphs.arrow}", "dim")],
        "value": [(metric_value(row.metric, row.value), "")],
        "change": [(metric_change(row.metric, row.difference), look)],
        "interval": list(
            difference_row(
                row.difference, row.interval, comparison.axes[row.metric], sizes.get("interval", 0), glyphs, look
            )
        ),
        "p": [(p_value(row.p_holm), "")],
        "verdict": [(words(row), look)],
    }
    for name in ("label", "verdict"):
        texts[name] = [(fit(text, sizes.get(name, 0), ellipsis=glyphs.ellipsis), each) for text, each in texts[name]]
    for name in ("base", "value", "change", "p"):
        texts[name] = [(fit(text, sizes.get(name, 0), "right"), each) for text, each in texts[name]]
    lead: list[Piece] = [(fit(glyphs.cursor if at_cursor else " ", _LEAD), "key")]
    if layout.is_one_line:
        return [_with_nulls([*lead, *in_columns(texts, layout.first)], comparison, row, cells, glyphs)]
    first = (*lead, *in_columns(texts, layout.first, gap=1))
    second: list[Piece] = [(" " * _LEAD, ""), *in_columns(texts, layout.second)]
    return [first, _with_nulls(second, comparison, row, cells, glyphs)]


def _with_nulls(line: list[Piece], comparison: Comparison, row: CompareRow, cells: int, glyphs: Glyphs) -> Row:
    """Beside a rank distance its null, where there is room for all of it behind the verdict."""
    verdict, look = line[-1]
    told = verdict.rstrip()
    nulls = nulls_text(comparison, row, glyphs)
    used = sum(width(text) for text, _ in line[:-1]) + width(told)
    if not nulls or used + width(nulls) + 2 > cells:
        return tuple(line)
    return (*line[:-1], (told, look), (f", {nulls}", look))


class TableHead(Drawn):
    """The titles of the table; a click on one sorts by it, on that of the baseline chooses another baseline."""

    DEFAULT_CSS = "TableHead { height: 1; }"

    class Clicked(Message):
        """On the title of that column."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self) -> None:
        super().__init__()
        self.comparison: Comparison | None = None
        self.order = ORDERS[0]

    def show(self, comparison: Comparison | None, order: str) -> None:
        self.comparison, self.order = comparison, order
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        if self.comparison is None:
            return []
        layout = lay_out(self.comparison, width, self.glyphs)
        return [title_row(self.comparison, layout, self.order, self.glyphs)] if layout.is_one_line else []

    def on_click(self, event: events.Click) -> None:
        if self.comparison is None:
            return
        layout = lay_out(self.comparison, self.size.width, self.glyphs)
        for name, start, end in places(layout.first, _LEAD):
            if start <= event.x < end:
                self.post_message(self.Clicked(name))


class DifferencesTable(Items):
    """One item a measure and condition."""

    BINDINGS = keymap.bindings("differences")

    class Chosen(Message):
        """Enter on a row, or a click on the one under the cursor."""

    class Sorted(Message):
        """The rows stand in another order."""

    def __init__(self) -> None:
        super().__init__(self._lines, id="table")
        self.comparison: Comparison | None = None
        self.order = ORDERS[0]
        self.ordered: list[CompareRow] = []
        self._layout: tuple[Comparison, int, Layout] | None = None

    def set_comparison(self, comparison: Comparison | None) -> None:
        """The cursor stays on its measure and condition."""
        if comparison is not self.comparison:
            former = self.current()
            self.comparison = comparison
            self._sort(former)
        self.show(len(self.ordered))

    def current(self) -> CompareRow | None:
        """The difference under the cursor."""
        return self.ordered[min(self.cursor.index, len(self.ordered) - 1)] if self.ordered else None

    def order_by(self, order: str) -> None:
        """Sorts the conditions of each measure, from now on."""
        if self.comparison is None or not self.comparison.several:
            self.host.tell("one condition against the baseline: there is nothing to sort", "dim")
            return
        self.order = order
        self._sort(self.current())
        self.show(len(self.ordered))
        self.host.tell(f"in each measure {_ORDER_NAMES[order]}", "dim")
        self.post_message(self.Sorted())

    def has_titles(self, cells: int) -> bool:
        """Whether a row is one line, whose columns have titles."""
        return self.comparison is not None and lay_out(self.comparison, cells, self.glyphs).is_one_line

    def action_sort(self) -> None:
        self.order_by(ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)])

    def action_choose(self) -> None:
        if self.ordered:
            self.post_message(self.Chosen())

    def on_click(self, event: events.Click) -> None:
        event.prevent_default()
        y = 0
        for index in range(self.cursor.top, self.count):
            y += len(self.draw_item(index, self.size.width))
            if event.y < y:
                if index == self.cursor.index:
                    self.action_choose()
                self.move_to(index)
                return

    def _sort(self, at: CompareRow | None) -> None:
        rows = self.comparison.rows if self.comparison is not None else ()
        measures = list(dict.fromkeys(row.metric for row in rows))
        self.ordered = sorted(rows, key=lambda row: (measures.index(row.metric), self._rank(row)))
        if at is not None:
            places = [(row.metric, row.run) for row in self.ordered]
            if (at.metric, at.run) in places:
                self.cursor.index = places.index((at.metric, at.run))

    def _rank(self, row: CompareRow) -> float:
        """Within its measure: the smaller, the further up."""
        if self.order == "p":
            return row.p_holm if row.p_holm is not None else 2.0
        better = -1.0 if MEASURES[row.metric].wanted == "higher" else 1.0
        return {"value": better * row.value, "change": better * row.difference}.get(self.order, 0.0)

    def _lines(self, index: int, cells: int) -> list[Row]:
        assert self.comparison is not None
        if self._layout is None or self._layout[:2] != (self.comparison, cells):
            self._layout = self.comparison, cells, lay_out(self.comparison, cells, self.glyphs)
        row = self.ordered[index]
        first = index == 0 or self.ordered[index - 1].metric != row.metric
        at_cursor = index == self.cursor.index
        return row_lines(self.comparison, row, first, self._layout[2], cells, at_cursor, self.glyphs)


class Sentences(Drawn):
    """The difference under the cursor, and what it rests on."""

    DEFAULT_CSS = "Sentences { height: 9; }"

    def __init__(self) -> None:
        super().__init__(id="sentences")
        self.comparison: Comparison | None = None
        self.row: CompareRow | None = None

    def show(self, comparison: Comparison | None, row: CompareRow | None) -> None:
        self.comparison, self.row = comparison, row
        self.redraw()

    def lines_at(self, cells: int) -> int:
        """That it takes on so many cells."""
        return len(self.rows(cells, 0))

    def rows(self, cells: int, height: int) -> list[Row]:
        if self.comparison is None or self.row is None:
            return []
        glyphs, room = self.glyphs, max(20, cells - 4)
        rows: list[Row] = []
        for text, look in sentences(self.comparison, self.row, glyphs):
            rows += [((f"  {line}", look),) for line in wrap(text, room)]
        rows.append(())
        for text in protocol(self.comparison):
            rows += [((f"  {line}", "dim"),) for line in wrap(text, room)]
        rows.append(((f"  {zero_mark(glyphs)} no difference   {margin_mark(glyphs)} margin", "dim"),))
        return rows
