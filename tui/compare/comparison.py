"""A computed comparison, ready to be shown, and what it says in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.applicability import grouped
from engine.export.compare_job import CompareOutcome
from engine.export.compare_rows import CompareRow
from tui.compare.job import measure_label, spoken, style
from tui.draw.glyphs import RUN_SERIES, Glyphs
from tui.draw.interval import DifferenceAxis, difference_axis
from tui.draw.text import width
from tui.follow.rows import RunRow
from tui.numbers import count, margin, metric_change, metric_value, p_value, visible


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


def sentences(comparison: Comparison, row: CompareRow, glyphs: Glyphs) -> list[tuple[str, str]]:
    """(text, style name): all that is known about one difference."""
    found, metric = comparison.done.comparison, row.metric
    where = "" if row.query_language is None else f" for {pair_text(row, glyphs)}"
    what = f"{measure_label(metric)}{where} of {comparison.labels[row.run]} is {metric_value(metric, row.value)}, "
    what += f"of {comparison.labels[found.baseline]} {metric_value(metric, row.baseline_value)}: "
    what += metric_change(metric, row.difference)
    if row.interval is None:
        lines = [(f"{what}; {_no_interval(row)}.", "")]
    else:
        ends = " to ".join(metric_change(metric, end) for end in row.interval)
        lines = [(f"{what}, 95 % interval {ends} over {count(row.clusters)} clusters.", "")]
    if row.not_inferior is not None and row.lower_bound is not None:
        shown = "lies above" if row.not_inferior else "does not lie above"
        bound = (
            f"The one-sided lower bound {metric_change(metric, row.lower_bound)} {shown} "
            f"the margin of -{margin(found.margin)}"
        )
        lines.append((f"{bound}: {'' if row.not_inferior else 'not '}shown to be not inferior.", ""))
    if nulls := nulls_text(comparison, row, glyphs):
        lines.append((f"What the same ranks would give if languages did not matter: {nulls}.", ""))
    family = "conditions and languages" if row.query_language is not None else "conditions"
    compared = len(comparison.names) - 1
    over = f"Holm over {compared} {family}" if compared > 1 or row.query_language is not None else "one condition"
    lines.append((f"p {p_value(row.p)}, adjusted {p_value(row.p_holm)} ({over}): {spoken(row)}.", style(row)))
    if row.seed_interval is not None:
        ends = " to ".join(metric_change(metric, end) for end in row.seed_interval)
        lines.append((f"Over seeds: {ends} (Student's t). Fewer than five a side: the verdict is about these seeds."
                      if row.basis == "for these seeds" else f"Over seeds: {ends} (Student's t).", "dim"))  # fmt: skip
    return lines


def brief(row: CompareRow, glyphs: Glyphs, cells: int) -> str:
    """What a narrow table has no room for: as many whole parts of it as fit into ``cells``."""
    if row.interval is None:
        return _no_interval(row)
    difference = metric_change(row.metric, row.difference)
    where = "" if row.query_language is None else f"{pair_text(row, glyphs)}: {difference}, "
    ends = " to ".join(metric_change(row.metric, end) for end in row.interval)
    parts = [f"{where}95 % {ends}", f"Holm p {p_value(row.p_holm)}", f"{count(row.clusters)} clusters"]
    texts = [", ".join(parts[:kept]) for kept in (3, 2, 1)]
    return next((text for text in texts if width(text) <= cells), f"95 % {ends}")


def _no_interval(row: CompareRow) -> str:
    if row.clusters < 2:
        return "too little data for an interval: all queries are of one cluster"
    return f"too little data for an interval: none of only {count(row.clusters)} clusters differs from the others"


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
    sample = "" if found.sampled_of is None else f" (a sample of {count(found.sampled_of)})"
    left_out = [
        f"not compared: {', '.join(measure_label(name) for name in names)} ({visible(reason)})"
        for reason, names in grouped(found.not_applicable).items()
    ]
    return [
        *left_out,
        f"{count(done.queries)} queries{sample}, {count(done.candidates)} candidates; {stated}; {' and '.join(bases)}",
        f"resampled by cluster; {family}; {chosen}",
    ]


def nulls_text(comparison: Comparison, row: CompareRow, glyphs: Glyphs) -> str:
    """Beside a rank distance: what chance alone would give, before and after."""
    if row.metric != "rank_distance" or row.query_language is not None:
        return ""
    nulls = {place.condition: place.rank_distance_null for place in comparison.done.points}
    before, after = nulls.get(comparison.done.comparison.baseline), nulls.get(row.run)
    if before is None or after is None:
        return ""
    return f"null {count(before)} {glyphs.arrow} {count(after)}"


def pair_text(row: CompareRow, glyphs: Glyphs) -> str:
    asked = visible(row.query_language or "")
    return asked if row.passage_language is None else f"{asked} {glyphs.arrow} {visible(row.passage_language)}"
