"""The bias tab's first look: how far apart the answers of a question are ranked, and whom the ranking favours."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.applicability import why_not
from engine.events import Advantage, EvaluationResult
from engine.export.log_axis import distance_bounds
from engine.runs.state import EvaluationPoint
from tui.draw.canvas import Canvas
from tui.draw.distribution import cumulative, distribution, log_column
from tui.draw.glyphs import Glyphs
from tui.draw.small import whisker
from tui.draw.text import Piece, Row, fit, width, wrap
from tui.draw.ticks import log_ticks, tick_label
from tui.follow.bias_figures import nulls, overall_advantage
from tui.numbers import number, visible
from tui.run.heatmap_panel import step_line
from tui.widgets.scrolled import Scrolled

_ADVANTAGE_NOTE = "in doublings of rank, with its 95 % interval; 0: the answer's language does not matter"
_WIDE = 64  # columns from which on four figures fit beside the bars
_LABELS = (3, 8)  # least and most cells of a language's name
_HEAD = 2  # lines above the languages


def _figures(*cells: str) -> str:
    """The columns of figures right of the bars."""
    return "".join(fit(cell, 7, "right") for cell in cells)


def lines_each(result: EvaluationResult, height: int) -> int:
    """As many as fit, at most four: taller bars tell finer differences."""
    return max(1, min(4, (height - _HEAD) // max(1, len(result.languages))))


def label_cells(result: EvaluationResult) -> int:
    """Cells of the languages' names before a drawing, a blank included."""
    least, most = _LABELS
    return 1 + max([least, *(min(most, width(visible(language))) for language in result.languages)])


def language_label(language: str, cells: int, glyphs: Glyphs) -> Piece:
    return (fit(visible(language), cells - 1, "right", glyphs.ellipsis) + " ", "dim")


class DistancePanel(Scrolled):
    """Rank distance per query language on one log scale: the further right, the more the answers lie apart."""

    def __init__(self) -> None:
        super().__init__(id="distance")
        self.points: Sequence[EvaluationPoint] = ()  # empty: there are no steps to choose from
        self.point: EvaluationPoint | None = None
        self.cumulative = False
        self._say_kind()

    def show(self, points: Sequence[EvaluationPoint], point: EvaluationPoint | None) -> None:
        self.points, self.point = points, point
        self.redraw()

    def turn(self) -> None:
        """From histograms to shares of the queries up to a distance, and back."""
        self.cumulative = not self.cumulative
        self._say_kind()
        self.redraw()

    def parts(self, cells: int, height: int) -> tuple[list[Row], list[Row]]:
        if self.point is None:
            return [], [(("no evaluation yet", "dim"),)]
        result = self.point.result
        if reason := why_not(result, "rank_distance"):
            steps = step_line(self.points, self.point, cells, self.glyphs)
            return [steps], _none(f"no rank distance: {reason}", cells)
        low, high = distance_bounds(result)
        wide, label = cells >= _WIDE, label_cells(result)
        titles = _figures("median", "p90", *(("mean", "null") if wide else ()))
        room = max(4, cells - label - len(titles))
        of = result.sampled_of
        sample = "" if of is None else f"   on a sample of {of:,} queries"
        head: list[Row] = [
            (
                *(step_line(self.points, self.point, cells - width(sample), self.glyphs) if self.points else ()),
                (sample, "dim"),
            ),
            ((" " * label, ""), *_axis(low, high, room), (titles, "dim")),
        ]
        body: list[Row] = []
        lines = lines_each(result, height)
        for language in result.languages:
            body += self._language(result, language, low, high, room, lines, wide)
        if height > len(head) + len(body) + 1:
            bars = "share of the queries up to there" if self.cumulative else "share of the queries"
            marks = f"bars: {bars}; {self.glyphs.median} median; null: if languages did not matter"
            body += [(), ((" " * label + marks, "dim"),)]
        return head, body

    def _say_kind(self) -> None:
        kind = "cumulative, " if self.cumulative else ""
        self.retitle(f"rank distance by question language ({kind}log axis, one scale)")

    def _language(
        self, result: EvaluationResult, language: str, low: float, high: float, room: int, lines: int, wide: bool
    ) -> list[Row]:
        found = result.rank_distance.get(language)
        name = language_label(language, label_cells(result), self.glyphs)
        if found is None or not found.queries:
            return [(name, ("no query with answers in two languages", "dim"))] + [()] * (lines - 1)
        draw = cumulative if self.cumulative else distribution
        bars = draw(found.histogram, result.histogram_edges, low, high, room, lines, self.glyphs)
        at = log_column(max(found.median, low), low, high, room)
        null = nulls(result).get(language)
        more = (f"{found.mean:,.0f}", "-" if null is None else f"{null:,.0f}") if wide else ()
        figures = _figures(f"{found.median:,.0f}", f"{found.p90:,.0f}", *more)
        rows: list[Row] = []
        for line, bar in enumerate(bars):
            last = line + 1 == lines
            rows.append((
                name if last else (" " * len(name[0]), ""), (bar[:at], "bar"), (self.glyphs.median, "median"),
                (bar[at + 1 :], "bar"), (figures if last else "", ""),
            ))  # fmt: skip
        return rows


def _none(reason: str, cells: int) -> list[Row]:
    """Why a panel has nothing to draw."""
    return [((line, "dim"),) for line in wrap(visible(reason), max(10, cells))]


def _axis(low: float, high: float, cells: int) -> Row:
    """Labels of the log axis, each beginning at its place; one that would touch the one before is left out."""
    canvas = Canvas(cells, 1)
    free = 0
    for tick in log_ticks(low, high, max(2, cells // 10)):
        text = tick_label(tick)
        start = min(log_column(tick, low, high, cells), cells - len(text))
        if start >= free:
            free = canvas.put(start, 0, text, "axis.label") + 1
    return canvas.rows()[0]


class AdvantagePanel(Scrolled):
    """Own-language advantage with its interval: right of zero, answers in the question's language rank higher."""

    def __init__(self) -> None:
        super().__init__("own-language advantage", id="advantage")
        self.point: EvaluationPoint | None = None

    def show(self, point: EvaluationPoint | None) -> None:
        self.point = point
        self.redraw()

    def parts(self, cells: int, height: int) -> tuple[list[Row], list[Row]]:
        if self.point is None:
            return [], []
        result = self.point.result
        if reason := why_not(result, "own_language_advantage"):
            return [], _none(f"no advantage: {reason}", cells)
        found, overall = result.own_language_advantage, overall_advantage(result)
        low, high, pad = _bounds([*found.values(), *([overall] if overall is not None else [])])
        label = label_cells(result)
        room = max(4, cells - label - 7)
        axis = Canvas(cells - label, 1)
        zero = round((0 - low) / (high - low) * (room - 1))
        axis.put(zero, 0, "0", "axis.label")
        axis.put_right(room, 0, f"{high - pad:.1f}", "axis.label")
        head = [self._line((fit("all", label), "bold"), overall, low, high, room), ((" " * label, ""), *axis.rows()[0])]
        body: list[Row] = []
        lines = lines_each(result, height)  # beside the distributions the languages stand on the same lines
        for language in result.languages:
            body += [((" " * (label + zero), ""), (self.glyphs.vertical, "faint"))] * (lines - 1)
            body.append(self._line(language_label(language, label, self.glyphs), found.get(language), low, high, room))
        if height > len(head) + len(body) + 1:
            body += [(), *(((" " * label + line, "dim"),) for line in wrap(_ADVANTAGE_NOTE, max(10, cells - label)))]
        return head, body

    def _line(self, label: Piece, advantage: Advantage | None, low: float, high: float, room: int) -> Row:
        if advantage is None:
            return (label, ("not defined here", "dim"))
        drawing = whisker(advantage.mean, advantage.interval, low, high, room, self.glyphs)
        return (label, *drawing, (fit(number(advantage.mean, 2), 7, "right"), ""))


def _bounds(advantages: Sequence[Advantage]) -> tuple[float, float, float]:
    """(low, high, pad) of an axis that holds zero, every mean and every interval."""
    ends = [0.0]
    for advantage in advantages:
        ends += [advantage.mean, *(advantage.interval or ())]
    finite = [end for end in ends if math.isfinite(end)]
    low, high = min(finite), max(finite)
    pad = 0.04 * (high - low or 1.0)
    return low - pad, high + pad, pad
