"""The measures of language bias of each condition of a study, beside what they would be if languages did not matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

import msgspec

from engine.applicability import why_not
from engine.export.conditions import RunGroup
from engine.export.report.cells import text_table
from engine.measures import MEASURES, RANK_DISTANCE_NULL


class BiasMean(msgspec.Struct, frozen=True, kw_only=True):
    """One measure of one condition: means over its seeds."""

    measure: str
    condition: str
    value: float
    null: float | None  # on the same rankings if languages did not matter; null where the measure has none


def bias_means(groups: Mapping[str, RunGroup]) -> list[BiasMean]:
    """Of all measures that every seed of a condition has; those of the means table are left out.

    ``groups``: condition -> its runs.
    """
    found = []
    for name in _names(groups.values()):
        for condition, group in groups.items():
            of_seeds = [result.summary.bias for result in group.results if why_not(result.summary, name) is None]
            known = [bias for bias in of_seeds if bias is not None and name in bias.measures]
            if len(known) < len(group.results):
                continue
            nulls = [bias.nulls[name] for bias in known if name in bias.nulls]
            found.append(
                BiasMean(
                    measure=name,
                    condition=condition,
                    value=fmean(bias.measures[name] for bias in known),
                    null=fmean(nulls) if len(nulls) == len(known) else None,
                )
            )
    return found


def bias_means_table(means: Sequence[BiasMean]) -> str:
    """A row a measure, a column a condition, the null in brackets."""
    conditions = list(dict.fromkeys(mean.condition for mean in means))
    rows = []
    for name in dict.fromkeys(mean.measure for mean in means):
        of_name = {mean.condition: mean for mean in means if mean.measure == name}
        rows.append([name, *(_cell(of_name.get(condition)) for condition in conditions)])
    return text_table(["measure", *conditions], rows, [False, *[True] * len(conditions)])


def _names(groups: Iterable[RunGroup]) -> list[str]:
    names: dict[str, None] = {}
    for group in groups:
        for result in group.results:
            if result.summary.bias is not None:
                names |= dict.fromkeys(result.summary.bias.measures)
    return [name for name in names if name != RANK_DISTANCE_NULL]


def _cell(mean: BiasMean | None) -> str:
    if mean is None:
        return "-"
    text = _number(mean.measure, mean.value)
    return text if mean.null is None else f"{text} ({_number(mean.measure, mean.null)})"


def _number(measure: str, value: float) -> str:
    in_ranks = measure in MEASURES and MEASURES[measure].formula == "worst rank"
    return f"{value:,.1f}" if in_ranks or abs(value) >= 10 else f"{value:.3f}"
