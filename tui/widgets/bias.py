"""The bias tab: dispersion of the ranks of one question's answers, and whom it favours."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.events import EvaluationResult
from engine.runs.state import EvaluationPoint
from tui.drawing.canvas import Canvas
from tui.drawing.cells import Row, Run, fit, wrap
from tui.drawing.small import distribution, log_column, sparkline, whisker
from tui.drawing.ticks import tick_label
from tui.format import number, visible
from tui.model.matrix import trend
from tui.widgets.base import Panel
from tui.widgets.heat import step_line

_ADVANTAGE_NOTE = "in doublings of rank, with its 95 % interval; 0: the answer's language does not matter"
RANK_DISTANCE_NULL = "rank_distance_null"
_WIDE = 64  # columns from which on four figures fit beside the bars
_TREND_LINES = 5  # of BiasTrend, below the distributions


def _figures(*cells: str) -> str:
    """The columns of figures right of the bars."""
    return "".join(fit(cell, 7, "right") for cell in cells)


def lines_each(result: EvaluationResult, height: int) -> int:
    """As many as fit, at most four: taller bars tell finer differences."""
    return max(1, min(4, (height - 2) // max(1, len(result.languages))))


class DistancePanel(Panel):
    """Rank distance per query language on one log scale: the further right, the more the answers lie apart."""

    def __init__(self) -> None:
        super().__init__("rank distance by question language (log axis, one scale)", id="distance")
        self.points: Sequence[EvaluationPoint] = ()
        self.point: EvaluationPoint | None = None
        self.top = 0

    def show(self, points: Sequence[EvaluationPoint], point: EvaluationPoint | None) -> None:
        self.points, self.point = points, point
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        if self.point is None:
            return [(("no evaluation yet", "dim"),)]
        result = self.point.result
        low, high = axis_bounds(result)
        titles = _figures("median", "p90", *(("mean", "null") if width >= _WIDE else ()))
        room = max(4, width - 4 - len(titles))
        axis = Canvas(room, 1)
        for power in range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1):
            text = tick_label(10.0**power)
            axis.put(min(log_column(10.0**power, low, high, room), room - len(text)), 0, text, "axis.label")
        rows: list[Row] = [
            step_line(self.points, self.point, width, self.glyphs),
            (("    ", ""), *axis.rows()[0], (titles, "dim")),
        ]
        lines = lines_each(result, height)
        for language in result.languages:
            rows += self._language(result, language, low, high, room, lines, width >= _WIDE)
        if height > len(rows) + 1:
            marks = f"bars: share of the queries; {self.glyphs.median} median; null: if languages did not matter"
            rows += [(), (("    " + marks, "dim"),)]
        return rows

    def _language(
        self, result: EvaluationResult, language: str, low: float, high: float, room: int, lines: int, wide: bool
    ) -> list[Row]:
        found = result.rank_distance.get(language)
        label = (fit(visible(language), 3, "right") + " ", "dim")
        if found is None or not found.queries:
            return [(label, ("no query with two answers", "dim"))] + [()] * (lines - 1)
        bars = distribution(found.histogram, result.histogram_edges, low, high, room, lines, self.glyphs)
        at = log_column(max(found.median, low), low, high, room)
        nulls = result.bias.by_language.get(RANK_DISTANCE_NULL, {}) if result.bias is not None else {}
        null = f"{nulls[language]:,.0f}" if language in nulls else "-"
        more = (f"{found.mean:,.0f}", null) if wide else ()
        figures = _figures(f"{found.median:,.0f}", f"{found.p90:,.0f}", *more)
        rows: list[Row] = []
        for line, bar in enumerate(bars):
            last = line + 1 == lines
            rows.append((
                label if last else ("    ", ""), (bar[:at], "bar"), (self.glyphs.median, "median"),
                (bar[at + 1 :], "bar"), (figures if last else "", ""),
            ))  # fmt: skip
        return rows


class AdvantagePanel(Panel):
    """Own-language advantage with its interval: right of zero, answers in the question's language rank higher."""

    def __init__(self) -> None:
        super().__init__("own-language advantage", id="advantage")
        self.point: EvaluationPoint | None = None

    def show(self, point: EvaluationPoint | None) -> None:
        self.point = point
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        if self.point is None:
            return []
        result = self.point.result
        found = result.own_language_advantage
        ends = [0.0]
        for advantage in found.values():
            ends += [advantage.mean, *(advantage.interval or ())]
        finite = [end for end in ends if math.isfinite(end)]
        low, high = min(finite), max(finite)
        pad = 0.04 * (high - low or 1.0)
        low, high = low - pad, high + pad
        room = max(4, width - 4 - 7)
        axis = Canvas(width - 4, 1)
        zero = round((0 - low) / (high - low) * (room - 1))
        axis.put(zero, 0, "0", "axis.label")
        axis.put_right(room, 0, f"{high - pad:.1f}", "axis.label")
        rows: list[Row] = [(), (("    ", ""), *axis.rows()[0])]
        # Beside the distributions the languages stand on the same lines as there.
        lines = 1 if self.size.width >= 56 else lines_each(result, height - _TREND_LINES)
        for language in result.languages:
            label: Run = (fit(visible(language), 3, "right") + " ", "dim")
            advantage = found.get(language)  # type: ignore[assignment]
            if advantage is None:
                rows.append((label, ("not defined here", "dim")))
                continue
            drawing = whisker(advantage.mean, advantage.interval, low, high, room, self.glyphs)
            zero_line: Row = ((" " * (4 + zero), ""), (self.glyphs.vertical, "faint"))
            rows += [zero_line] * (lines - 1)
            rows.append((label, *drawing, (fit(number(advantage.mean, 2), 7, "right"), "")))
        if height > len(rows) + 1:
            rows += [(), *((("    " + line, "dim"),) for line in wrap(_ADVANTAGE_NOTE, max(10, width - 4)))]
        return rows


class BiasTrend(Panel):
    """Both measures over the evaluations so far."""

    DEFAULT_CSS = "BiasTrend { height: 5; }"

    def __init__(self) -> None:
        super().__init__("over training", id="bias-trend")
        self.points: Sequence[EvaluationPoint] = ()

    def show(self, points: Sequence[EvaluationPoint]) -> None:
        self.points = points
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        if not self.points:
            return []
        distances = trend(self.points, "rank_distance")
        advantages = tuple(mean_advantage(point.result) for point in self.points)
        return [
            self._line("rank distance", distances, "{:,.0f}", width),
            self._line("its null", trend(self.points, RANK_DISTANCE_NULL), "{:,.0f}", width),
            self._line("own-language advantage", advantages, "{:.2f}", width),
        ]

    def _line(self, label: str, values: Sequence[float], form: str, width: int) -> Row:
        first, last = (("-" if math.isnan(value) else form.format(value)) for value in (values[0], values[-1]))
        room = max(1, min(40, width - 48))
        line = sparkline(values, room, self.glyphs)
        change = f"{first} {self.glyphs.arrow} {last}" if len(values) > 1 else last
        return ((fit(label, 24), ""), (fit(line, room), "bar"), (f"  {change}", ""))


def axis_bounds(result: EvaluationResult) -> tuple[float, float]:
    """The stretch of the histogram in which anything lies, at least one decade; both ends positive."""
    edges = [max(edge, 0.5) for edge in result.histogram_edges]
    used = [
        index
        for found in result.rank_distance.values()
        for index, amount in enumerate(found.histogram)
        if amount and index + 1 < len(edges)
    ]
    if not used:
        return 1.0, 1000.0
    low, high = edges[min(used)], edges[max(used) + 1]
    return low, max(high, low * 10)


def mean_advantage(result: EvaluationResult) -> float:
    """Mean over query languages; NaN where no language has one."""
    means = [found.mean for found in result.own_language_advantage.values() if math.isfinite(found.mean)]
    return sum(means) / len(means) if means else math.nan
