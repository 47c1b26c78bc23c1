"""The Pareto view: what single-language quality costs in language bias."""

from __future__ import annotations

from textual import events
from textual.message import Message

from engine.export.compare_job import ParetoPoint
from tui import keymap
from tui.compare.comparison import Comparison
from tui.draw.columns import Column, cell_text, column, in_columns, widths
from tui.draw.scatter import Mark, Plane, scatter
from tui.draw.text import Piece, Row, fit, width, wrap
from tui.numbers import metric_value, share, visible
from tui.widgets.lists import Moving
from tui.widgets.panel import Panel, selected

_CHART_LEAST = 9  # lines above the table
_TITLES = {"name": "", "quality": "mAP", "distance": "distance", "null": "null", "told": ""}


class PlacesPanel(Moving, Panel, can_focus=True):
    """Up and left is better; the cursor is on a condition."""

    BINDINGS = keymap.bindings("places")

    class Chosen(Message):
        """Enter on a condition, or a click on the one under the cursor."""

    def __init__(self) -> None:
        super().__init__("Pareto view", id="places")
        self.comparison: Comparison | None = None
        self.index = 0
        self._first = 0  # line of the table's first condition; 0: there is no table

    @property
    def points(self) -> list[ParetoPoint]:
        """None where the benchmark has no rank distance."""
        if self.comparison is None or self._reason():
            return []
        return self.comparison.done.points

    def show(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.count = len(self.points)
        self.move_to(self.index)

    def current(self) -> str | None:
        """The condition under the cursor."""
        return self.points[self.index].condition if self.points else None

    def move(self, by: int) -> None:
        self.move_to(self.index + by)

    def move_page(self, pages: int) -> None:
        self.move(pages * max(1, self.size.height - self._first - 1))

    def move_to(self, index: int) -> None:
        self.index = max(0, min(len(self.points) - 1, index))
        self.redraw()

    def action_choose(self) -> None:
        if self.current() is not None:
            self.post_message(self.Chosen())

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or not self._first:
            return
        index = self._top() + offset.y - self._first
        if offset.y >= self._first and index < len(self.points):
            if index == self.index:
                self.action_choose()
            self.move_to(index)

    def on_mouse_scroll_down(self) -> None:
        self.move(1)

    def on_mouse_scroll_up(self) -> None:
        self.move(-1)

    def rows(self, cells: int, height: int) -> list[Row]:
        if self.comparison is None:
            return []
        if reason := self._reason():
            return [((line, "dim"),) for line in wrap(f"no rank distance to set quality against: {reason}", cells)]
        # In a sweep its mono_share says more than names that all begin alike.
        swept = all(place.mono_share is not None for place in self.points)
        marks, front = [], []
        for index, place in enumerate(self.points):
            series = self.comparison.series(place.condition)
            label = self.comparison.labels[place.condition]
            if swept:
                label = visible(place.mono_share_schedule or share(place.mono_share, 2))
            if place.map_monolingual is not None and place.rank_distance is not None:
                look = f"series.{series}{' bold' if index == self.index else ''}"
                marks.append(Mark(place.rank_distance, place.map_monolingual, label, look, self._glyph(series)))
                if place.front:
                    front.append((place.rank_distance, place.map_monolingual))
        room = max(0, height - _CHART_LEAST - 2)  # lines of the table, below a blank one and its titles
        shown = min(len(self.points), room)
        self._first = height - shown if shown else 0
        plane = Plane("rank distance (left: less bias)", "mAP monolingual (up: better)")
        chart = scatter(cells, height - (shown + 2 if shown else 0), marks, plane, self.glyphs, front)
        if not shown:
            return chart
        return [*chart, (), *self._table(cells, self._top(), shown)]

    def _top(self) -> int:
        """The first condition in sight: the one under the cursor is."""
        shown = self.size.height - self._first
        return max(0, min(self.index - shown // 2, len(self.points) - shown))

    def _table(self, cells: int, top: int, shown: int) -> list[Row]:
        figures = [self._figures(place) for place in self.points]
        assert self.comparison is not None
        longest = max(map(width, self.comparison.labels.values()))
        numbers = [
            column(name, [_TITLES[name], *(each[name] for each in figures)], "right")
            for name in ("quality", "distance", "null")
        ]
        columns = [
            Column("name", 2 + min(8, longest), 2 + min(30, longest)),
            *numbers,
            column("told", [each["told"] for each in figures]),
        ]
        sizes = widths(columns, cells, spare=["told", "null"]) or {"name": cells}
        titles: dict[str, list[Piece]] = {
            name: [(fit(_TITLES[name], size, "left" if name == "name" else "right"), "dim")]
            for name, size in sizes.items()
        }
        self.tell_hidden(top, len(self.points) - top - shown)
        return [tuple(in_columns(titles, sizes)), *(self._line(i, sizes) for i in range(top, top + shown))]

    def _line(self, index: int, sizes: dict[str, int]) -> Row:
        assert self.comparison is not None
        place = self.points[index]
        series, label = self.comparison.series(place.condition), self.comparison.labels[place.condition]
        figures = self._figures(place)
        row: dict[str, list[Piece]] = {
            "name": [
                (f"{self._glyph(series)} ", f"series.{series}"),
                (cell_text(label, sizes["name"] - 2, "left", self.glyphs.ellipsis), ""),
            ],
            "told": [(fit(figures["told"], sizes.get("told", 0)), "good")],
        }
        for name in ("quality", "distance", "null"):
            row[name] = [(fit(figures[name], sizes.get(name, 0), "right"), "dim" if name == "null" else "")]
        line = tuple(in_columns(row, sizes))
        return selected(line) if index == self.index else line

    def _figures(self, place: ParetoPoint) -> dict[str, str]:
        distance, null = place.rank_distance, place.rank_distance_null
        return {
            "quality": share(place.map_monolingual),
            "distance": "-" if distance is None else metric_value("rank_distance", distance),
            "null": "-" if null is None else metric_value("rank_distance", null),
            "told": {True: "front", False: "", None: "incomplete"}[place.front],
        }

    def _reason(self) -> str:
        """Why there is no rank distance; empty where there is one."""
        assert self.comparison is not None
        return visible(self.comparison.done.comparison.not_applicable.get("rank_distance", ""))

    def _glyph(self, series: str) -> str:
        return self.glyphs.series[series] if self.glyphs.name == "ascii" else self.glyphs.whisker[3]
