"""The table of a comparison: one line a measure and condition, what it rests on above, the same in sentences below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.applicability import grouped
from engine.export.compare_job import CompareOutcome
from engine.export.compare_rows import CompareRow
from tui.compare.job import measure_label, style, words
from tui.draw.glyphs import RUN_SERIES, Glyphs
from tui.draw.interval import DifferenceAxis, difference_axis, difference_row, margin_mark, zero_mark
from tui.draw.text import Piece, Row, fit, fit_middle, width, wrap
from tui.follow.rows import RunRow
from tui.numbers import count, margin, metric_change, metric_value, p_value, visible
from tui.widgets.panel import Drawn

WIDE = 92  # cells from which a row is one line ...
_ROOMY = 112  # ... and from which it tells the nulls of a rank distance
_BASELINE_FROM = 48  # of a row of two lines: where the baseline's figure has room ...
_DRAWN_FROM = 55  # ... and the drawn interval, before the verdict
_LABEL, _VALUE, _CHANGE, _P = 18, 7, 8, 6
_VERDICT = 24
_INTERVAL_LEAST, _INTERVAL_MOST = 14, 48
_NAME_LEAST, _NAME_MOST = 12, 26


@dataclass(frozen=True)
class Comparison:
    """A computed comparison, ready to be drawn."""

    done: CompareOutcome
    rows: tuple[CompareRow, ...]  # of the means: by measure, then by condition
    axes: dict[str, DifferenceAxis]  # one for each measure: its rows can be read against one another
    names: tuple[str, ...]  # of all conditions, in the order that gives them their colours
    labels: dict[str, str]  # what they are called on the screen

    @property
    def several(self) -> bool:
        return len(self.names) > 2

    def cells(self, row: CompareRow) -> list[CompareRow]:
        """The languages, or pairs of languages, of a mean."""
        return [
            one
            for one in self.done.comparison.rows
            if one.query_language is not None and (one.metric, one.run) == (row.metric, row.run)
        ]

    def series(self, name: str) -> str:
        """The series whose colour a condition has in every view."""
        return RUN_SERIES[self.names.index(name) % len(RUN_SERIES)]

    def seeds(self, name: str) -> int:
        return len(self.done.comparison.conditions[name])


def to_comparison(done: CompareOutcome, rows: Sequence[RunRow]) -> Comparison:
    """``rows`` are the runs that were compared; they lend their names."""
    found = done.comparison
    means = tuple(row for row in found.rows if row.query_language is None)
    axes = {}
    for metric in dict.fromkeys(row.metric for row in means):
        ends = [end for row in means if row.metric == metric for end in (row.difference, *(row.interval or ()))]
        judged = any(row.not_inferior is not None for row in means if row.metric == metric)
        axes[metric] = difference_axis(ends, found.margin if judged else None)
    return Comparison(done, means, axes, tuple(found.conditions), _labels(found.conditions, rows))


def _labels(conditions: dict[str, list[str]], rows: Sequence[RunRow]) -> dict[str, str]:
    """Names of configs where these tell the conditions apart, else with the seed, else the ids of their first runs."""
    first = {name: next((row for row in rows if row.id == runs[0]), None) for name, runs in conditions.items()}
    for form in ("{row.name}", "{row.name} s{row.seed}"):
        labels = {name: form.format(row=row) if row is not None else visible(name) for name, row in first.items()}
        if len(set(labels.values())) == len(labels):
            return labels
    return {name: visible(name) for name in conditions}


def condition_text(comparison: Comparison, name: str) -> str:
    seeds = comparison.seeds(name)
    return comparison.labels[name] + (f" ({seeds} seeds)" if seeds > 1 else "")


def head(comparison: Comparison, cells: int, glyphs: Glyphs) -> Row:
    """The titles of the columns, where a row is one line."""
    if cells < WIDE:
        return ()
    name, interval = _widths(comparison, cells)
    clusters = sorted({row.clusters for row in comparison.rows})
    over = f"95 % interval, {clusters[-1]:,} clusters" if clusters and interval >= 28 else "95 % interval"
    texts = [fit("", 2 + _LABEL), fit("against", name + 2) if name else "", fit("base", _VALUE, "right"),
             fit("value", _VALUE, "right"), fit("change", _CHANGE, "right"), "  ",
             fit(over, interval, "center", glyphs.ellipsis), "  ", fit("Holm p", _P, "right"), "  verdict"]  # fmt: skip
    return (("".join(texts), "dim"),)


def row_lines(comparison: Comparison, index: int, cells: int, at_cursor: bool, glyphs: Glyphs) -> list[Row]:
    """One mean: a line, or two where the terminal is narrow."""
    row = comparison.rows[index]
    first = index == 0 or comparison.rows[index - 1].metric != row.metric
    label = measure_label(row.metric) if first or cells < WIDE else ""
    lead: list[Piece] = [
        (glyphs.cursor if at_cursor else " ", "key"),
        (" " + fit(label, _LABEL), "bold" if first else ""),
    ]
    look = style(row)
    figures: list[Piece] = [
        (fit(metric_value(row.metric, row.value), _VALUE, "right"), ""),
        (fit(metric_change(row.metric, row.difference), _CHANGE, "right"), look),
    ]
    name_width, room = _widths(comparison, cells)
    axis = comparison.axes[row.metric]
    sample: Piece = (f"{glyphs.series[comparison.series(row.run)]} ", f"series.{comparison.series(row.run)}")
    nulls = _nulls(comparison, row, glyphs)
    verdict: Piece = (words(row) + (f", {nulls}" if nulls and not WIDE <= cells < _ROOMY else ""), look)
    if cells >= WIDE:
        name: list[Piece] = (
            [sample, (fit_middle(comparison.labels[row.run], name_width, glyphs.ellipsis), "")] if name_width else []
        )
        baseline: Piece = (fit(metric_value(row.metric, row.baseline_value), _VALUE, "right"), "dim")
        drawing = difference_row(row.difference, row.interval, axis, room, glyphs, look)
        p: Piece = (f"  {fit(p_value(row.p_holm), _P, 'right')}  ", "")
        return [(*lead, *name, baseline, *figures, ("  ", ""), *drawing, p, verdict)]
    if cells < _BASELINE_FROM:
        name_width = max(6, cells - 6 - _VERDICT)
        short: Piece = (fit_middle(comparison.labels[row.run], name_width, glyphs.ellipsis), "")
        return [(*lead, *figures), (("  ", ""), sample, short, ("  ", ""), (words(row), look))]
    second: list[Piece] = [("  ", ""), sample, (fit_middle(comparison.labels[row.run], 15, glyphs.ellipsis), "")]
    if cells >= _DRAWN_FROM:
        second += [(" ", ""), *difference_row(row.difference, row.interval, axis, cells - 47, glyphs, look)]
    baseline = (fit(f"{metric_value(row.metric, row.baseline_value)} {glyphs.arrow}", 10, "right"), "dim")
    return [(*lead, baseline, *figures), (*second, ("  ", ""), verdict)]


def sentences(comparison: Comparison, row: CompareRow, glyphs: Glyphs) -> list[tuple[str, str]]:
    """(text, style name): all that is known about one difference."""
    found, metric = comparison.done.comparison, row.metric
    where = "" if row.query_language is None else f" for {_cell(row, glyphs)}"
    what = f"{measure_label(metric)}{where} of {comparison.labels[row.run]} is {metric_value(metric, row.value)}, "
    what += f"of {comparison.labels[found.baseline]} {metric_value(metric, row.baseline_value)}: "
    what += metric_change(metric, row.difference)
    if row.interval is None:
        lines = [(f"{what}; {_no_interval(row)}.", "")]
    else:
        ends = " to ".join(metric_change(metric, end) for end in row.interval)
        lines = [(f"{what}, 95 % interval {ends} over {row.clusters:,} clusters.", "")]
    if row.not_inferior is not None and row.lower_bound is not None:
        shown = "lies above" if row.not_inferior else "does not lie above"
        bound = (
            f"The one-sided lower bound {metric_change(metric, row.lower_bound)} {shown} "
            f"the margin of -{margin(found.margin)}"
        )
        lines.append((f"{bound}: {'' if row.not_inferior else 'not '}shown to be not inferior.", ""))
    if nulls := _nulls(comparison, row, glyphs):
        lines.append((f"What the same ranks would give if languages did not matter: {nulls}.", ""))
    family = "conditions and languages" if row.query_language is not None else "conditions"
    compared = len(comparison.names) - 1
    over = f"Holm over {compared} {family}" if compared > 1 or row.query_language is not None else "one condition"
    lines.append((f"p {p_value(row.p)}, adjusted {p_value(row.p_holm)} ({over}): {row.verdict}.", style(row)))
    if row.seed_interval is not None:
        ends = " to ".join(metric_change(metric, end) for end in row.seed_interval)
        lines.append((f"Over seeds: {ends} (Student's t). Fewer than five a side: the verdict is about these seeds."
                      if row.basis == "for these seeds" else f"Over seeds: {ends} (Student's t).", "dim"))  # fmt: skip
    return lines


def brief(row: CompareRow, glyphs: Glyphs) -> str:
    """What a narrow table has no room for."""
    if row.interval is None:
        return _no_interval(row)
    where = "" if row.query_language is None else f"{_cell(row, glyphs)}: {metric_change(row.metric, row.difference)}, "
    ends = " to ".join(metric_change(row.metric, end) for end in row.interval)
    return f"{where}95 % {ends}, Holm p {p_value(row.p_holm)}, {row.clusters:,} clusters"


def _no_interval(row: CompareRow) -> str:
    if row.clusters < 2:
        return "too little data for an interval: all queries are of one cluster"
    return f"too little data for an interval: none of only {row.clusters} clusters differs from the others"


def protocol(comparison: Comparison) -> list[str]:
    """What the numbers rest on."""
    done, found = comparison.done, comparison.done.comparison
    stated = f"margin {margin(found.margin)}, stated in the configs"
    if len(done.margins) > 1:
        stated = f"margin {margin(found.margin)}, the smallest of those stated ({', '.join(map(margin, done.margins))})"
    bases = sorted({row.basis for row in comparison.rows})
    compared = len(comparison.names) - 1
    family = f"Holm over {compared} conditions in each measure" if compared > 1 else "one condition: nothing to adjust"
    rules = list(dict.fromkeys(found.selection.values()))
    if len(rules) == 1:
        chosen = f"checkpoints: {rules[0]}"
    else:
        fixed = sum("not the last" not in rule for rule in found.selection.values())
        chosen = f"checkpoints: {fixed} of {len(found.selection)} are the last step that was fixed before training"
    sample = "" if found.sampled_of is None else f" (a sample of {found.sampled_of:,})"
    left_out = [
        f"not compared: {', '.join(measure_label(name) for name in names)} ({visible(reason)})"
        for reason, names in grouped(found.not_applicable).items()
    ]
    return [
        *left_out,
        f"{done.queries:,} queries{sample}, {count(done.candidates)} candidates; {stated}; {' and '.join(bases)}",
        f"resampled by cluster; {family}; {chosen}",
    ]


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

    def rows(self, width: int, height: int) -> list[Row]:
        if self.comparison is None or self.row is None:
            return []
        glyphs = self.glyphs
        rows: list[Row] = []
        for text, look in sentences(self.comparison, self.row, glyphs):
            rows += [((f"  {line}", look),) for line in wrap(text, max(20, width - 4))]
        rows.append(())
        for text in protocol(self.comparison):
            rows += [((f"  {line}", "dim"),) for line in wrap(text, max(20, width - 4))]
        rows.append(((f"  {zero_mark(glyphs)} no difference   {margin_mark(glyphs)} margin", "dim"),))
        return rows


def _nulls(comparison: Comparison, row: CompareRow, glyphs: Glyphs) -> str:
    """Beside a rank distance: what chance alone would give, before and after."""
    if row.metric != "rank_distance" or row.query_language is not None:
        return ""
    nulls = {place.condition: place.rank_distance_null for place in comparison.done.points}
    before, after = nulls.get(comparison.done.comparison.baseline), nulls.get(row.run)
    if before is None or after is None:
        return ""
    return f"null {before:,.0f} {glyphs.arrow} {after:,.0f}"


def _cell(row: CompareRow, glyphs: Glyphs) -> str:
    asked = visible(row.query_language or "")
    return asked if row.passage_language is None else f"{asked} {glyphs.arrow} {visible(row.passage_language)}"


def _widths(comparison: Comparison, cells: int) -> tuple[int, int]:
    """Of the condition's name (0: there is only one) and of the drawn interval."""
    used = 2 + _LABEL + 2 * _VALUE + _CHANGE + 2 + 2 + _P + 2 + _VERDICT
    name = 0
    if comparison.several:
        longest = max(width(label) for label in comparison.labels.values())
        name = max(_NAME_LEAST, min(_NAME_MOST, longest, cells - used - 2 - _INTERVAL_LEAST))
        used += name + 2
    return name, max(_INTERVAL_LEAST, min(_INTERVAL_MOST, cells - used))
