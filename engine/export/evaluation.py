"""One evaluation as its JSON document and as plain text."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.applicability import grouped, reasons_of, why_not
from engine.evaluation.results import Bounds, EvaluationProtocol, Summary, read_summary
from engine.events import Advantage, EvaluationResult, LanguageBias, RankDistances, VectorSide
from engine.measures import METRICS, RANK_DISTANCE_NULL

NULL_HEADING = "no language bias"  # what a measure would be on the same rankings if languages did not matter


class EvaluationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What ``eval --json`` prints of one model on one benchmark; the first keys are a contract."""

    benchmark: str
    model: str
    settings: dict[str, int]
    metrics: dict[str, float | None]
    matrix: dict[str, dict[str, float]]
    protocol: EvaluationProtocol
    queries: int
    sampled_of: int | None
    candidates: int
    languages: list[str]
    map_multilingual_by_language: dict[str, float]
    micro: dict[str, float | None]
    bounds: Bounds
    rank_distance: dict[str, RankDistances]
    histogram_edges: list[float]
    own_language_advantage: dict[str, Advantage]
    bias: LanguageBias | None
    vectors: dict[str, VectorSide]


def evaluation_document(model: str, folder: Path) -> EvaluationDocument:
    """The results in ``folder``; ``model``: what was measured, as the person named it.

    Raises:
        ResultError: there are none, or they cannot be read.
    """
    summary = read_summary(folder)
    names = set(EvaluationDocument.__struct_fields__) - {"model"}
    return EvaluationDocument(model=model, **{name: getattr(summary, name) for name in names})


class SuiteMean(msgspec.Struct, frozen=True, kw_only=True):
    """The means over the data sets of a suite, each of the same weight."""

    benchmark: str  # the suite
    model: str
    data_sets: list[str]
    metrics: dict[str, float]  # those that every data set has


def suite_mean(suite: str, documents: Sequence[EvaluationDocument]) -> SuiteMean:
    """Of one model on all data sets of a suite."""
    columns = {name: [document.metrics.get(name) for document in documents] for name in documents[0].metrics}
    metrics = {
        name: statistics.fmean(value for value in values if value is not None)
        for name, values in columns.items()
        if None not in values
    }
    data_sets = [document.benchmark for document in documents]
    return SuiteMean(benchmark=suite, model=documents[0].model, data_sets=data_sets, metrics=metrics)


def suite_report(mean: SuiteMean) -> str:
    """The same as text."""
    width = max(map(len, mean.metrics), default=0)
    lines = [f"{name:{width}}  {value:.4f}" for name, value in mean.metrics.items()]
    return "\n".join([f"{mean.model} on {mean.benchmark}, mean of {len(mean.data_sets)} data sets", *lines])


def evaluation_report(model: str, folder: Path) -> str:
    """The same as text: settings, metrics, matrix, rank distance and protocol, in aligned columns without colour."""
    summary = read_summary(folder)
    counts = ", ".join(f"{number} {name}" for name, number in summary.settings.items() if number)
    pairs = len(summary.languages) * (len(summary.languages) - 1)
    if left_out := pairs - summary.settings["crosslingual"]:
        counts += f" ({left_out} of {pairs} language pairs have no query with a relevant passage there)"
    heading = [
        f"{model} on {summary.benchmark}: {summary.count_of_queries()}, {summary.candidates:,} candidates",
        f"settings: {counts}",
    ]
    reasons = not_applicable_lines(summary)
    metrics = [name for name in (*METRICS, RANK_DISTANCE_NULL) if why_not(summary, name) is None]
    parts = ["\n".join(heading), _table(["metric", "macro", "micro"], [_metric_row(summary, name) for name in metrics])]
    if len(summary.languages) > 1:
        parts.append("mAP, rows ask, columns answer\n" + heatmap_text(summary.matrix))
    if summary.rank_distance:
        parts.append("rank distance by question language\n" + distance_text(summary))
    if summary.bias is not None and (found := bias_text(summary.bias)):
        parts.append("language bias, means over question languages\n" + found)
    if found := vectors_text(summary.vectors):
        parts.append("vectors of translations, means over pairs of languages\n" + found)
    if reasons:
        parts.append("\n".join(reasons))
    parts.append("\n".join(_protocol_line(*row) for row in protocol_values(summary.protocol)))
    return "\n\n".join(parts)


def protocol_values(protocol: EvaluationProtocol) -> Iterator[tuple[str, Any, str]]:
    """Name and value of everything in the protocol, and what to put behind the value: who set it, or nothing."""
    values = msgspec.to_builtins(protocol)
    origins = values.pop("origins")
    task = values.pop("task")
    if task is not None:
        values["task"] = f"{task['name']} of mteb, {task['split']}"
    for name, value in values.items():
        yield name, value, f" ({origins[name]})" if name in origins else ""


def _protocol_line(name: str, value: Any, origin: str) -> str:
    if isinstance(value, dict):
        text = correction_text(value)
    else:
        text = "none" if value is None else json.dumps(value, ensure_ascii=False) if "prefix" in name else str(value)
    return f"{name:<20} {text}{origin}"


def correction_text(correction: dict[str, Any]) -> str:
    """The correction of the vectors in a protocol."""
    return "; ".join(f"{key} {_plain(one)}" for key, one in correction.items() if one not in (None, []))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def heatmap_text(matrix: dict[str, dict[str, float]]) -> str:
    """The matrix with its numbers x 100, to one place; "-" where a pair has no query."""
    answered = sorted({name for row in matrix.values() for name in row})
    rows = [
        [asked, *(f"{100 * row[name]:.1f}" if name in row else "-" for name in answered)]
        for asked, row in matrix.items()
    ]
    return _table(["", *answered], rows)


def distance_text(summary: Summary) -> str:
    """Mean, median and 90 % quantile of the rank distance, and the own-language advantage, by question language."""
    rows = []
    for name, found in summary.rank_distance.items():
        advantage = summary.own_language_advantage.get(name)
        shown = "-" if advantage is None else f"{advantage.mean:+.2f}"
        if advantage is not None and advantage.interval is not None:
            shown += f" [{advantage.interval[0]:+.2f}, {advantage.interval[1]:+.2f}]"
        elif advantage is not None and advantage.no_interval:
            shown += f" [{advantage.no_interval}]"
        rows.append([name, f"{found.mean:,.1f}", f"{found.median:,.1f}", f"{found.p90:,.1f}", shown])
    return _table(["", "mean", "median", "p90", "own-language advantage (doublings)"], rows)


def bias_text(bias: LanguageBias) -> str:
    """Every measure in a line; empty where there is none."""
    rows = [[name, f"{value:,.4f}", *_beside(bias, name)] for name, value in bias.measures.items()]
    if bias.language_effect is not None:
        own = [row[asked] for asked, row in bias.language_effect.effect.items() if asked in row]
        effect = f"{sum(own) / len(own):+,.4f}" if own else "-"
        rows.append(["language_effect on the own language (doublings)", effect, "", "", ""])
        rows.append(["language_effect, permutation p", f"{bias.language_effect.p:.4f}", "", "", ""])
    if bias.friedman:
        agreement = [found.agreement for found in bias.friedman.values()]
        rows.append(["friedman, Kendall's W", f"{sum(agreement) / len(agreement):.4f}", "", "", ""])
    header = ["measure", "value", "95 % interval", NULL_HEADING, "queries left out"]
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    return _table(header, rows) if rows else ""


def _beside(bias: LanguageBias, name: str) -> list[str]:
    """What stands beside a measure: its interval, its null, and how many queries cannot have it."""
    ends, null, missing = bias.intervals.get(name), bias.nulls.get(name), bias.left_out.get(name)
    interval = "" if ends is None else f"[{ends[0]:,.4f}, {ends[1]:,.4f}]"
    return [interval, "" if null is None else f"{null:,.4f}", "" if missing is None else f"{missing:,}"]


def vectors_text(vectors: Mapping[str, VectorSide]) -> str:
    """Every measure of queries and of candidates in a line; empty where there is none."""
    rows = []
    for side, found in vectors.items():
        for name, one in found.measures.items():
            interval = "-" if one.interval is None else "[{:.4f}, {:.4f}]".format(*one.interval)
            rows.append([f"{name}, {side}", f"{one.mean:.4f}", interval, f"{one.null:.4f}"])
    return _table(["measure", "mean", "95 %", "null"], rows) if rows else ""


def not_applicable_lines(result: EvaluationResult) -> list[str]:
    """A line for each reason why the evaluation lacks measures, with their names."""
    reasons = dict(reasons_of(result))
    for side, found in result.vectors.items():
        if found.measures:
            reasons |= {f"{name} of {side}": reason for name, reason in found.not_applicable.items()}
        else:
            reasons |= {f"vectors of {side}": reason for reason in found.not_applicable.values()}
    return [f"not applicable: {', '.join(names)} ({reason})" for reason, names in grouped(reasons).items()]


def _metric_row(summary: Summary, name: str) -> list[str]:
    digits = 2 if name.startswith("rank_distance") else 4
    values = (summary.metrics.get(name), summary.micro.get(name))  # older results have fewer
    return [name, *("-" if value is None else f"{value:,.{digits}f}" for value in values)]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; all but the first are right-aligned."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
