"""The bias tab: does the answer's language decide its rank? And who fills the lists, and how did that come about?

Its first look, rank distance and own-language advantage, is in ``bias_panels``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from engine.applicability import grouped, reasons_of
from engine.events import EvaluationResult, LanguageBias
from engine.measures import FOUR_WAY, RANK_DISTANCE_NULL
from engine.runs.state import EvaluationPoint
from tui import keymap
from tui.draw.canvas import Canvas
from tui.draw.heatmap import ramp_index
from tui.draw.lines import Axes, line_chart, steady_end
from tui.draw.small import sparkline
from tui.draw.text import Row, fit, wrap
from tui.follow.bias_figures import mean_advantage, top_shares, without_bias
from tui.follow.charts import Chart, evaluation_charts
from tui.follow.detail import RunDetail
from tui.numbers import number, share, visible
from tui.run.bias_panels import AdvantagePanel, DistancePanel, label_cells, language_label
from tui.run.matrix import trend
from tui.run.replay import ReplayTab
from tui.run.selection import Selection
from tui.widgets.panel import Panel
from tui.widgets.scrolled import Scrolled

_CELL = 5  # cells of a number of the table
_VECTOR_CELLS = 8  # of a measure of vectors
_REACH = 3.0  # doublings from chance at which the ramp ends
_CHART_CELLS, _CHART_LINES = 21, 5  # the least of a small chart, its line of numbers included
_VALUE, _NULL = 6, 8  # cells of a measure, and of what it would be without bias
_NULLS_FROM = 34  # cells from which both have room
_SHOWN_ELSEWHERE = frozenset({RANK_DISTANCE_NULL, "own_language_advantage", *FOUR_WAY})
_NAMES = {"peer": "PEER", "mrc_at_10": "MRC@10", "friedman": "Friedman's test"}


class BiasTab(ReplayTab):
    """Dispersion and direction above, who fills the top of the lists and the way there below."""

    BINDINGS = keymap.bindings("bias")
    DEFAULT_CSS = """
    BiasTab > .side { width: 48; }
    BiasTab #advantage { height: 50%; }
    BiasTab #bias-trend { height: 9; }
    BiasTab.-single > .side { width: 1fr; }
    BiasTab.-single #advantage, BiasTab.-single #bias-trend { height: 1fr; }
    """
    name_in_keymap = "bias"
    footer_order = ("cumulative", "panel", "step(-1)", "replay", "benchmark", "export")

    def __init__(self) -> None:
        self.distance, self.advantage, self.shares = DistancePanel(), AdvantagePanel(), SharePanel()
        self.trend, self.measures = TrendPanel(), MeasuresPanel()
        super().__init__(
            ((self.distance, self.shares), (self.advantage, self.trend, self.measures)),
            (self.distance, self.advantage, self.shares, self.trend, self.measures),
        )
        self._columns[1].add_class("side")

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        points, point = selection.points(detail), selection.point(detail)
        if detail.row.kind == "evaluation" and self.trend in self.panels:
            self.panels = tuple(panel for panel in self.panels if panel is not self.trend)
            self.trend.display = False  # there is no way there
            self.lay_out(self.narrow)
        self.distance.show(points if self.trend in self.panels else (), point)
        self.advantage.show(point)
        self.shares.show(point)
        self.trend.show(points)
        self.measures.show(point)

    def hint(self) -> str:
        return "arrows scroll the panel with the bright title, o chooses another, ? explains the words"

    def action_panel(self) -> None:
        """Where all panels are in sight, past the one in which nothing scrolls."""
        skipped = not self.narrow and self.panels[(self.chosen + 1) % len(self.panels)] is self.trend
        self.to_front(self.chosen + (2 if skipped else 1))

    def action_cumulative(self) -> None:
        self.distance.turn()


class SharePanel(Scrolled):
    """Wrong answers in the top ten by language, over what chance would give: 1 is chance, 2 twice as many."""

    BINDINGS = keymap.bindings("columns")

    def __init__(self) -> None:
        super().__init__("top 10: share of the wrong answers / share of the pool", id="shares")
        self.point: EvaluationPoint | None = None
        self._left = 0
        self.hidden_columns = 0  # that are not in sight

    def show(self, point: EvaluationPoint | None) -> None:
        self.point = point
        self.redraw()

    def action_move_left(self) -> None:
        self._left -= 1
        self.redraw()

    def action_move_right(self) -> None:
        self._left += 1
        self.redraw()

    def parts(self, width: int, height: int) -> tuple[list[Row], list[Row]]:
        if self.point is None:
            return [], [(("no evaluation yet", "dim"),)]
        table = top_shares(self.point.result)
        if table is None:
            reason = _reason(self.point.result, "language_share_at_10")
            return [], [((line, "dim"),) for line in wrap(reason, max(10, width))]
        names, label = table.names, label_cells(self.point.result)
        room = max(1, (width - label) // _CELL)
        self.hidden_columns = max(0, len(names) - room)
        self._left = max(0, min(self._left, self.hidden_columns))
        columns = range(self._left, min(len(names), self._left + room))
        more = "".join((self.glyphs.arrow[:1] if columns.stop < len(names) else "",))
        header = (
            "".join(fit(visible(names[column]), _CELL - 1, "right", self.glyphs.ellipsis) + " " for column in columns)
            + more
        )
        head: list[Row] = [((fit("asks", label), "dim"), (header, "dim"))]
        body: list[Row] = []
        for row, name in enumerate(names):
            canvas = Canvas(label + _CELL * len(columns), 1)
            canvas.put(0, 0, *language_label(name, label, self.glyphs))
            for place, column in enumerate(columns):
                value = table.values[row][column]
                style = _ramp(value) + (".own" if row == column and math.isfinite(value) else "")
                canvas.put(label + place * _CELL, 0, _ratio(value), style)
            body.append(canvas.rows()[0])
        if height > len(head) + len(body) + 1:
            body += [(), ((" " * label + "1: as often as chance; underlined: the question's own language", "dim"),)]
        return head, body


def _ratio(value: float) -> str:
    text = "-" if not math.isfinite(value) else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
    return fit(text, _CELL - 1, "right") + " "


def _ramp(value: float) -> str:
    if not math.isfinite(value):
        return "dim"
    doublings = math.log2(value) if value > 0 else -_REACH
    return f"diverging.{ramp_index(doublings, -_REACH, _REACH)}"


class TrendPanel(Panel, can_focus=True):
    """How bias changed over training: rank distance with its null, and the own-language advantage."""

    def __init__(self) -> None:
        super().__init__("over training", id="bias-trend")
        self.points: Sequence[EvaluationPoint] = ()
        self._charts: dict[str, Chart] = {}

    def show(self, points: Sequence[EvaluationPoint]) -> None:
        if points != self.points:
            self.points = points
            self._charts = {chart.name: chart for chart in evaluation_charts(points)}
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        if not self.points:
            return [(("no evaluation yet", "dim"),)]
        if reason := without_bias(self.points[-1].result):
            return [((line, "dim"),) for line in wrap(f"nothing to follow: {reason}", max(10, width))]
        side_by_side = width >= 2 * _CHART_CELLS + 2
        stacked = height >= 2 * _CHART_LINES
        if len(self.points) < 2 or height < _CHART_LINES or not (side_by_side or stacked):
            return self._lines(width)
        names = ("rank distance", "own-language advantage")
        if side_by_side:
            left = (width - 2) // 2
            halves = [self._chart(name, left, height) for name in names]
            return [(*one, ("  ", ""), *other) for one, other in zip(*halves, strict=True)]
        first = (height + 1) // 2
        return self._chart(names[0], width, first) + self._chart(names[1], width, height - first)

    def _chart(self, name: str, width: int, height: int) -> list[Row]:
        """A line with the newest numbers, and the curves below it."""
        chart = self._charts.get(name)
        title = Canvas(width, 1)
        if chart is None:
            title.put(0, 0, f"{name}: not defined here", "dim")
            return title.rows() + Canvas(width, height - 1).rows()
        x = title.put(0, 0, {"rank distance": "RD"}.get(name, "advantage"), "")
        for one in chart.series:
            last = one.view.smooth_before(math.inf)
            label = "" if one.label in ("found", "doublings") else f"{one.label} "
            x = title.put(x + 1, 0, f"{one.sample(self.glyphs)} {label}{number(last)}", one.style)
        axes = Axes(0, max(2, steady_end(self.points[-1].step)), log=chart.log, smoothed=False, labelled=False)
        return title.rows() + line_chart(width, height - 1, chart.series, axes, self.glyphs)

    def _lines(self, width: int) -> list[Row]:
        """Where there is no room for curves."""
        advantages = tuple(math.nan if (found := mean_advantage(point.result)) is None else found
                           for point in self.points)  # fmt: skip
        return [
            self._line("rank distance", trend(self.points, "rank_distance"), "{:,.0f}", width),
            self._line("its null", trend(self.points, RANK_DISTANCE_NULL), "{:,.0f}", width),
            self._line("own advantage", advantages, "{:.2f}", width),
        ]

    def _line(self, label: str, values: Sequence[float], form: str, width: int) -> Row:
        first, last = (("-" if math.isnan(value) else form.format(value)) for value in (values[0], values[-1]))
        change = f"{first} {self.glyphs.arrow} {last}" if len(values) > 1 else last
        room = max(1, min(40, width - 16 - len(change)))
        return ((fit(label, 14), ""), (fit(sparkline(values, room, self.glyphs), room), "bar"), (f"  {change}", ""))


class MeasuresPanel(Scrolled):
    """The other measures of bias, and for those that this benchmark cannot have, why."""

    def __init__(self) -> None:
        super().__init__("other measures", id="measures")
        self.point: EvaluationPoint | None = None

    def show(self, point: EvaluationPoint | None) -> None:
        self.point = point
        self.redraw()

    def parts(self, width: int, height: int) -> tuple[list[Row], list[Row]]:
        if self.point is None:
            return [], [(("no evaluation yet", "dim"),)]
        result, bias = self.point.result, self.point.result.bias
        if reason := without_bias(result):
            text = f"{reason}: no measure of language bias or of other languages means anything on it"
            return [], [((line, "dim"),) for line in wrap(text, max(10, width))]
        if bias is None:
            return [], [(("not measured by this evaluation", "dim"),)]
        figures = [(_name(name), _figure(value), _figure(bias.nulls[name]) if name in bias.nulls else "")
                   for name, value in bias.measures.items() if name not in _SHOWN_ELSEWHERE]  # fmt: skip
        figures += [(label, text, "") for label, text in _tests(bias)]
        null = _NULL if any(null for _, _, null in figures) and width >= _NULLS_FROM else 0
        head: list[Row] = [(("no bias".rjust(width), "dim"),)] if null else []
        body: list[Row] = _first_passages(bias, width)
        for label, text, unbiased in figures:
            room = width - 1 - max(_VALUE, len(text)) - null
            body.append((
                (fit(label, room, ellipsis=self.glyphs.ellipsis) + " ", "dim"),
                (fit(text, max(_VALUE, len(text)), "right"), ""),
                (fit(unbiased, null, "right"), "dim"),
            ))  # fmt: skip
        body += _vectors(result, width - 1)
        for reason, names in grouped(reasons_of(result)).items():
            text = f"{', '.join(map(_name, names))}: not applicable, {visible(reason)}"
            first, *more = wrap(text, max(10, width - 2))
            body += [((first, "warning"),), *((("  " + line, "warning"),) for line in more)]
        return head, body


def _first_passages(bias: LanguageBias, width: int) -> list[Row]:
    """The four shares of the first passages as a table: right or wrong, by asked or other language."""
    if not all(name in bias.measures for name in FOUR_WAY):
        return []
    shares = [share(bias.measures[name], 2) for name in FOUR_WAY]
    cells = min(10, max(6, (width - 14) // 3))
    rows: list[Row] = [
        (("first passage ", "dim"), (fit("asked", cells, "right") + fit("other", cells, "right"), "dim"))
    ]
    for label, own, other in (("right answer  ", *shares[:2]), ("wrong answer  ", *shares[2:])):
        rows.append(((label, "dim"), (fit(own, cells, "right") + fit(other, cells, "right"), "")))
    return rows


def _tests(bias: LanguageBias) -> list[tuple[str, str]]:
    """Whether languages matter at all: the interaction's p, and how far the queries agree."""
    found: list[tuple[str, str]] = []
    if bias.language_effect is not None:
        found.append(("language effect, p", f"{bias.language_effect.p:.4g}"))
    if bias.friedman:
        agreements = [test.agreement for test in bias.friedman.values()]
        ends = f"{share(min(agreements), 2)} to {share(max(agreements), 2)}"
        found.append(("Friedman: agreement W", ends))
    return found


def _vectors(result: EvaluationResult, width: int) -> Iterator[Row]:
    """Of queries and of candidates: each measure of the vectors, and what it would be if language told nothing."""
    for side, found in result.vectors.items():
        if found.measures:
            yield ((fit(f"vectors of {visible(side)}", width - 2 * _VECTOR_CELLS), ""),
                   ("".join(fit(name, _VECTOR_CELLS, "right") for name in ("mean", "null")), "dim"))  # fmt: skip
        for name, one in found.measures.items():
            values = "".join(fit(f"{value:.3f}", _VECTOR_CELLS, "right") for value in (one.mean, one.null))
            yield (fit("  " + _name(name), width - 2 * _VECTOR_CELLS), "dim"), (values, "")


def _name(measure: str) -> str:
    words = visible(measure).replace("_", " ").replace(" at ", "@").replace("map ", "mAP ").replace("ndcg", "nDCG")
    return _NAMES.get(measure, words)


def _figure(value: float) -> str:
    return share(value) if abs(value) < 1 else number(value)


def _reason(result: EvaluationResult, measure: str) -> str:
    reason = reasons_of(result).get(measure)
    return "not measured by this evaluation" if reason is None else f"not applicable, {visible(reason)}"
