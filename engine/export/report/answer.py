"""The product's question in words: what a condition costs in single-language quality, and what bias it removes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from engine.export.compare_rows import CompareRow
from engine.export.tables.pareto_table import BIAS, QUALITY

COST, REMOVED = "Does it cost single-language quality?", "How much language bias does it remove?"
_ADVANTAGE = "own_language_advantage"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One condition against the baseline, on one benchmark or suite. The sentences say what the rows say, no more."""

    benchmark: str
    condition: str
    cost: str  # answers COST
    removed: str  # answers REMOVED
    quality: str
    bias: str | None  # None: the benchmark has none, as ``removed`` says
    advantage: str | None  # None: the benchmark has none
    reduction: float | None  # of rank_distance, baseline minus condition
    reduction_interval: tuple[float, float] | None  # 95 %
    verdict: str  # on the primary measure


def answer(
    benchmark: str,
    condition: str,
    baseline: str,
    rows: Sequence[CompareRow],
    *,
    primary: str = QUALITY,
    margin: float,
    nulls: tuple[float | None, float | None] = (None, None),
    no_bias: str | None = None,
) -> Answer:
    """Answers from the ``rows`` of one condition, means only.

    Args:
        primary: the measure of single-language quality.
        nulls: rank_distance_null of the condition and of the baseline.
        no_bias: why the benchmark has no rank distance; None: it may have one.
    """
    by_metric = {row.metric: row for row in rows if row.is_mean}
    quality, bias, advantage = (by_metric.get(name) for name in (primary, BIAS, _ADVANTAGE))
    return Answer(
        benchmark=benchmark,
        condition=condition,
        cost=_cost(quality, margin),
        removed=_removed(bias, no_bias),
        quality=f"{primary} was not measured." if quality is None else _quality(quality, condition, baseline, margin),
        bias=None if bias is None else _bias(bias, condition, baseline, nulls),
        advantage=None if advantage is None else _advantage(advantage, condition, baseline),
        reduction=None if bias is None else -bias.difference,
        reduction_interval=None if bias is None else _turned(bias.interval),
        verdict="not measured" if quality is None else quality.verdict,
    )


def _cost(row: CompareRow | None, margin: float) -> str:
    if row is None or row.not_inferior is None:
        return "Undecided: there is too little data to say."
    if row.different and row.difference > 0:
        return f"No, {row.basis}: it is better."
    if row.different and row.not_inferior:
        return f"Yes, {row.basis}, but by less than the margin of {margin:g}."
    if row.different:
        beyond = row.interval is not None and row.interval[1] < -margin
        how = f"by more than the margin of {margin:g}" if beyond else f"a loss of {margin:g} or more is not excluded"
        return f"Yes, {row.basis}: {how}."
    if row.not_inferior:
        return f"No, {row.basis}: a loss of {margin:g} or more is excluded."
    return f"Undecided, {row.basis}: neither a difference nor its absence to within {margin:g} is shown."


def _removed(row: CompareRow | None, no_bias: str | None) -> str:
    if row is None:
        return "Not measured." if no_bias is None else f"Not applicable: {no_bias}."
    if not row.different:
        return f"None that is shown, {row.basis}."
    if row.difference > 0:
        return f"None, {row.basis}: the rank distance is {_percent(row)} higher."
    return f"{_percent(row)} of the rank distance, {row.basis}."


def _quality(row: CompareRow, condition: str, baseline: str, margin: float) -> str:
    return (
        f"{row.metric} is {row.value:.4f} with {condition} and {row.baseline_value:.4f} with {baseline}, a difference "
        f"of {row.difference:+.4f}{_interval(row.interval, 4)}. Verdict at the margin of {margin:g}, which was "
        f"stated beforehand: {row.verdict}."
    )


def _bias(row: CompareRow, condition: str, baseline: str, nulls: tuple[float | None, float | None]) -> str:
    way = "lower" if row.difference <= 0 else "higher"
    turned = _turned(row.interval) if row.difference <= 0 else row.interval
    text = (
        f"{BIAS} is {row.value:,.1f} with {condition} and {row.baseline_value:,.1f} with {baseline}: "
        f"{abs(row.difference):,.1f} {way} ({_percent(row)}){_interval(turned, 1)}. Verdict: {row.verdict}."
    )
    null, baseline_null = nulls
    if null is not None and baseline_null is not None:
        text += (
            f" Ranks at the same levels without any language effect would give {null:,.1f} and {baseline_null:,.1f}: "
            f"what languages add is {row.value - null:,.1f} and {row.baseline_value - baseline_null:,.1f}."
        )
    return text


def _advantage(row: CompareRow, condition: str, baseline: str) -> str:
    return (
        f"{_ADVANTAGE} is {row.value:.2f} doublings of rank with {condition} and {row.baseline_value:.2f} with "
        f"{baseline}, a difference of {row.difference:+.2f}{_interval(row.interval, 2)}. Verdict: {row.verdict}."
    )


def _percent(row: CompareRow) -> str:
    return f"{100 * abs(row.difference) / row.baseline_value:.0f} %" if row.baseline_value else "all"


def _interval(ends: tuple[float, float] | None, digits: int) -> str:
    return "" if ends is None else f", 95 % interval [{ends[0]:,.{digits}f}, {ends[1]:,.{digits}f}]"


def _turned(ends: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if ends is None else (-ends[1], -ends[0])


def short_answer(means: Mapping[str, Sequence[CompareRow]]) -> str:
    """What a condition costs and removes, in a few words; empty where it was compared on nothing.

    Args:
        means: benchmark or suite -> its rows of the condition, means only, the primary measure first.
    """
    quality = {name: rows[0] for name, rows in means.items() if rows}
    if not quality:
        return ""
    worse = [name for name, row in quality.items() if row.different and row.difference < 0 and not row.not_inferior]
    if worse:
        words = f"worse on {', '.join(worse)}"
    elif all(row.different and row.difference > 0 for row in quality.values()):
        words = "quality better"
    elif all(row.not_inferior or (row.different and row.difference > 0) for row in quality.values()):
        words = "quality kept"
    else:
        words = "quality undecided"
    distances = [row for rows in means.values() for row in rows if row.metric == BIAS]
    found = {row.difference > 0 for row in distances if row.different}
    if len(found) == 2:
        words += ", bias lower here and higher there"
    elif found:
        words += f", bias {'higher' if True in found else 'lower'}"
    elif distances:
        words += ", bias undecided"
    return words
