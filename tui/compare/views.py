"""What a comparison shows besides its table: per language or pair, curves over one another, the Pareto view."""

from __future__ import annotations

import math
from dataclasses import replace

from engine.export.compare_rows import CompareRow
from tui.compare.job import measure_label, style, words
from tui.compare.overlay import LOSSES, Overlay
from tui.compare.table import Comparison, condition_text
from tui.draw.glyphs import Glyphs
from tui.draw.heatmap import Matrix, Window, diverging, heatmap, own_and_others
from tui.draw.interval import difference_axis, difference_row
from tui.draw.lines import Axes, Series, line_chart, steady_end
from tui.draw.scatter import Mark, Plane, scatter
from tui.draw.text import Piece, Row, fit, fit_middle, width, wrap
from tui.numbers import metric_change, metric_value, p_value, share, visible
from tui.widgets.lists import Cursor
from tui.widgets.panel import Panel, selected

_MATRIX = ("map_monolingual", "map_crosslingual")  # cells of one matrix: its diagonal, and the rest


class PairsPanel(Panel):
    """One condition against the baseline, language by language, or as a matrix where a pair of languages is a cell."""

    def __init__(self) -> None:
        super().__init__("per language", id="pairs")
        self.comparison: Comparison | None = None
        self.row: CompareRow | None = None
        self.cells: dict[tuple[str, str], CompareRow] = {}
        self.languages: tuple[str, ...] = ()
        self.at = (0, 0)
        self._window = Cursor()

    def show(self, comparison: Comparison, row: CompareRow) -> None:
        if row is not self.row:
            self.comparison, self.row = comparison, row
            found = comparison.cells(row)
            if row.metric in _MATRIX:
                other = [one for one in comparison.rows if one.run == row.run and one.metric in _MATRIX]
                found = [cell for one in other for cell in comparison.cells(one)]
            self.cells = {(cell.query_language or "", cell.passage_language or ""): cell for cell in found}
            self.languages = tuple(sorted({asked for asked, _ in self.cells}))
            self.at = (0, 0)
            self._window = Cursor()
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

    def move(self, rows: int, columns: int) -> None:
        last = max(0, len(self.languages) - 1)
        self.at = (max(0, min(last, self.at[0] + rows)), max(0, min(last, self.at[1] + columns)))
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        if not self.languages:
            return [(("no language has queries of this measure", "dim"),)]
        return self._matrix(width, height) if self.is_matrix else self._list(width, height)

    def _matrix(self, cells: int, height: int) -> list[Row]:
        names, at = tuple(map(visible, self.languages)), self.at
        values = tuple(
            tuple(self._difference(asked, answered) for answered in self.languages) for asked in self.languages
        )
        matrix = Matrix(names, values, tuple(others for _, others in own_and_others(names, values)))
        lines = max(2, height - 3)
        top = max(0, min(at[0] - (lines - 2) // 2, len(names) - (lines - 1)))
        self.tell_hidden(top, len(names) - top - (lines - 1))
        left = max(0, at[1] - max(1, (cells - 6) // 5) + 1) if 4 + 2 * len(names) > cells else 0
        # Colour is for what differs: a page of coloured noise would look like a finding.
        shades = replace(diverging(matrix), wanted=self._differs)
        drawn = heatmap(cells, lines, matrix, shades, Window(top, left, at), self.glyphs)
        note = "coloured where it differs; others: mean change of the row without its own language"
        return [*drawn, (), self._tally(), ((note, "dim"),)]

    def _list(self, cells: int, height: int) -> list[Row]:
        assert self.row is not None
        assert self.comparison is not None
        metric, found = self.row.metric, [self.cells[asked, ""] for asked in self.languages]
        ends = [end for cell in found for end in (cell.difference, *(cell.interval or ()))]
        judged = any(cell.not_inferior is not None for cell in found)
        axis = difference_axis(ends, self.comparison.done.comparison.margin if judged else None)
        room = max(8, min(48, cells - 60 if cells >= 84 else cells - 40))
        self._window.index = self.at[0]
        in_sight = max(1, height - 2)
        self._window.reveal([1] * len(found), in_sight)
        self.tell_hidden(self._window.top, len(found) - self._window.top - in_sight)
        rows: list[Row] = []
        for index in range(self._window.top, min(len(found), self._window.top + in_sight)):
            cell, look = found[index], style(found[index])
            figures = [fit(metric_value(metric, cell.baseline_value), 8, "right"), f" {self.glyphs.arrow}",
                       fit(metric_value(metric, cell.value), 8, "right"), " "]  # fmt: skip
            end: list[Piece] = [(f"  {fit(p_value(cell.p_holm), 6, 'right')}  ", ""), (words(cell), look)]
            row: Row = (
                (f"{fit(visible(cell.query_language or ''), 4)}", "bold"),
                ("".join(figures), "dim"),
                (fit(metric_change(metric, cell.difference), 8, "right") + "  ", look),
                *difference_row(cell.difference, cell.interval, axis, room, self.glyphs, look),
                *(end if cells >= 84 else ()),
            )
            rows.append(selected(row) if index == self.at[0] else row)
        return [*rows, (), self._tally()]

    def _difference(self, asked: str, answered: str) -> float:
        cell = self.cells.get((asked, answered))
        return cell.difference if cell is not None else math.nan

    def _differs(self, row: int, column: int) -> bool:
        names = self.languages
        cell = self.cells.get((names[row], names[column])) if max(row, column) < len(names) else None
        return cell is not None and cell.different

    def _tally(self) -> Row:
        """How many cells differ, which way, after Holm's adjustment."""
        changed = [cell for cell in self.cells.values() if cell.different]
        up = sum(cell.difference > 0 for cell in changed)
        parts = f"{up} higher, {len(changed) - up} lower, {len(self.cells) - len(changed)} undecided"
        return ((parts, ""), (f"   of {len(self.cells)}, Holm p below .05", "dim"))


class CurvesPanel(Panel):
    """All conditions over one another, each in the colour it has everywhere."""

    def __init__(self) -> None:
        super().__init__("curves", id="curves")
        self.comparison: Comparison | None = None
        self.overlay: Overlay | None = None
        self.what = ""
        self.log_axis = True

    def show(self, comparison: Comparison, overlay: Overlay | None, what: str, log_axis: bool) -> None:
        self.comparison, self.overlay, self.what, self.log_axis = comparison, overlay, what, log_axis
        loss = what in LOSSES
        axis = f"   smoothed   y: {'log' if log_axis else 'linear'}" if loss else ""
        seeds = "   mean over seeds" if any(comparison.seeds(name) > 1 for name in comparison.names) else ""
        self.retitle((f"loss, {what}" if loss else measure_label(what)) + axis + seeds)
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        if self.overlay is None or self.comparison is None:
            return [(("reading the logs", "dim"),)]
        found, loss = self.overlay.curves[self.what], self.what in LOSSES
        series = [
            Series(
                self.comparison.series(name),
                _short(self.comparison.labels[name], width, self.glyphs),
                found[name],
                marked=not loss,
            )
            for name in self.comparison.names
            if name in found
        ]
        axes = Axes(1 if loss else 0, max(2, steady_end(self.overlay.last)), log=loss and self.log_axis, smoothed=False)
        missing = [name for name in self.comparison.names if name not in found]
        below: list[Row] = []
        if missing and height > 8:
            below = [((f"without {self.what}: {', '.join(self.comparison.labels[name] for name in missing)}", "dim"),)]
        return [*line_chart(width, height - len(below), series, axes, self.glyphs), *below]


class PlacesPanel(Panel):
    """What single-language quality costs in language bias: up and left is better."""

    def __init__(self) -> None:
        super().__init__("Pareto view", id="places")
        self.comparison: Comparison | None = None

    def show(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.redraw()

    def rows(self, cells: int, height: int) -> list[Row]:
        if self.comparison is None:
            return []
        if reason := self.comparison.done.comparison.not_applicable.get("rank_distance"):
            return [((line, "dim"),) for line in wrap(f"no rank distance to set quality against: {reason}", cells)]
        marks, front, table = [], [], []
        # In a sweep its mono_share says more than names that all begin alike.
        swept = all(place.mono_share is not None for place in self.comparison.done.points)
        name_width = min(30, max(map(width, self.comparison.labels.values())))
        for place in self.comparison.done.points:
            series = self.comparison.series(place.condition)
            quality, distance = place.map_monolingual, place.rank_distance
            label = self.comparison.labels[place.condition]
            if swept:
                label = place.mono_share_schedule or share(place.mono_share, 2)
            if quality is not None and distance is not None:
                marks.append(Mark(distance, quality, label, f"series.{series}", self._glyph(series)))
                if place.front:
                    front.append((distance, quality))
            figures = f"{share(quality):>7}{'-' if distance is None else format(distance, ',.0f'):>9}"
            null = "-" if place.rank_distance_null is None else f"{place.rank_distance_null:,.0f}"
            told = {True: "front", False: "", None: "incomplete"}[place.front]
            table.append((
                (f"{self._glyph(series)} ", f"series.{series}"),
                (fit_middle(self.comparison.labels[place.condition], name_width, self.glyphs.ellipsis), ""),
                (fit(figures, 17), ""), (fit(null, 8, "right"), "dim"), (f"  {told}", "good"),
            ))  # fmt: skip
        titles = fit("", name_width + 2) + f"{'mAP':>7}{'distance':>9} {'null':>8}"
        lines = max(6, height - len(table) - 2)
        plane = Plane("rank distance (left: less bias)", "mAP monolingual (up: better)")
        chart = scatter(cells, lines, marks, plane, self.glyphs, front)
        return (
            [*chart, (), ((titles, "dim"),), *table]
            if height >= len(table) + 10
            else scatter(cells, height, marks, plane, self.glyphs, front)
        )

    def _glyph(self, series: str) -> str:
        return self.glyphs.series[series] if self.glyphs.name == "ascii" else self.glyphs.whisker[3]


def _short(label: str, cells: int, glyphs: Glyphs) -> str:
    """A label that leaves the chart most of the width; the end of a name tells runs of a sweep apart."""
    text, room = label, max(8, min(28, cells // 4))
    while width(text) > room:
        text = glyphs.ellipsis + text[2:]
    return text
