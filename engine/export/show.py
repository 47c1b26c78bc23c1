"""A run as plain text without colour codes: loss curve, heatmap and rank distribution, for pipes and screen readers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from engine.applicability import why_not
from engine.events import EvaluationResult
from engine.export.evaluation import bias_text, heatmap_text, not_applicable_lines, vectors_text
from engine.export.log_axis import distance_bounds, spread
from engine.runs.text import visible

_PLOT_HEIGHT = 16
_NARROWEST = 30
_BAR_CELLS = 36  # of a distribution
_TICKS = 4
_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = ".:-=+*#@"
_FRAME_TO_ASCII = str.maketrans("─│┌┐└┘├┤┬┴┼", "-|+++++++++")
_MARKERS = {"mono": "o", "cross": "x", "mixed": "*", "english": "e"}


def render_show(
    name: str,
    losses: Sequence[float],
    modes: Sequence[str],
    evaluations: Mapping[str, EvaluationResult],
    width: int,
    *,
    system: str = "",
    ascii_only: bool = False,
) -> str:
    """The text, ending in a newline.

    Args:
        losses: of steps 1, 2, 3, ...
        modes: what each of these batches was; every mode is a curve of its own.
        evaluations: the newest one of each benchmark, by its key.
        width: of the plots, in columns; at least 30.
        system: what an evaluation measures, which has no losses; empty: the run trains.
        ascii_only: draw with ASCII characters. The run's name and the languages are ASCII anyway.
    """
    losses_part = _loss_part(losses, modes, max(width, _NARROWEST), ascii_only)
    parts = [visible(name), f"measures {visible(system)}" if system else losses_part]
    if not evaluations:
        parts.append("no evaluation yet")
    for key, evaluation in evaluations.items():
        parts.append(_metrics_part(key, evaluation))
        if len(evaluation.languages) > 1:
            parts.append("mAP x 100, rows ask, columns answer\n" + heatmap_text(evaluation.matrix))
        if evaluation.rank_distance:
            parts.append(_distances_part(evaluation, ascii_only))
        if evaluation.bias is not None and (measures := bias_text(evaluation.bias)):
            parts.append("language bias, means over question languages\n" + measures)
        if found := vectors_text(evaluation.vectors):
            parts.append("vectors of translations, means over pairs of languages\n" + found)
        if reasons := not_applicable_lines(evaluation):
            parts.append("\n".join(visible(line) for line in reasons))
    return "\n\n".join(parts) + "\n"


def _loss_part(losses: Sequence[float], modes: Sequence[str], width: int, ascii_only: bool) -> str:
    curves = {mode: [index for index, of_step in enumerate(modes) if of_step == mode] for mode in sorted(set(modes))}
    notes, drawn = [], {}
    for mode, steps in curves.items():
        finite = [(index + 1, losses[index]) for index in steps if math.isfinite(losses[index])]
        label = mode or "batch"
        if finite:
            marker = _MARKERS.get(mode, "o")
            drawn[marker] = _envelope(finite, width)
            ends = f"first {finite[0][1]:.3f}, last {finite[-1][1]:.3f}"
            notes.append(f"{marker} {label}: {_count(len(steps), 'batch', 'batches')}, {ends}")
    bad = [index + 1 for index, loss in enumerate(losses) if not math.isfinite(loss)]
    if bad:
        notes.append(f"not finite at {_count(len(bad), 'step', 'steps')}, first at {bad[0]:,}")
    if not losses:
        return "no steps yet"
    heading = "\n".join([f"loss, steps 1 to {len(losses):,}", *notes])
    return f"{heading}\n{_plot(drawn, len(losses), width, ascii_only)}" if drawn else heading


def _plot(curves: dict[str, list[tuple[int, float]]], last_step: int, width: int, ascii_only: bool) -> str:
    import plotext

    plotext.terminal.limit(False, False)  # the width that was asked for, not that of the terminal
    figure: Any = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(width, _PLOT_HEIGHT)
    figure.legend(False)
    ticks = sorted({1 + round(part * (last_step - 1) / _TICKS) for part in range(_TICKS + 1)})
    figure.ruler("x").lim(1, max(2, last_step)).ticks(ticks, [f"{tick:,}" for tick in ticks])
    for marker, points in curves.items():
        figure.draw(figure.signal([step for step, _ in points], [loss for _, loss in points], marker=marker))
    text: str = figure.build().string(colorless=True)
    figure.clear()
    return _trimmed(text.translate(_FRAME_TO_ASCII) if ascii_only else text)


def _envelope(points: Sequence[tuple[int, float]], columns: int) -> list[tuple[int, float]]:
    """At most two points a column, its lowest and its highest: a spike of one step stays in sight."""
    if len(points) <= 2 * columns:
        return list(points)
    first, last = points[0][0], points[-1][0]
    extremes: dict[int, tuple[tuple[int, float], tuple[int, float]]] = {}
    for point in points:
        column = (point[0] - first) * columns // (last - first + 1)
        low, high = extremes.get(column, (point, point))
        extremes[column] = (min(low, point, key=_loss), max(high, point, key=_loss))
    return sorted({point for pair in extremes.values() for point in pair})


def _loss(point: tuple[int, float]) -> float:
    return point[1]


def _metrics_part(key: str, evaluation: EvaluationResult) -> str:
    lines = [f"{visible(key)}: {evaluation.count_of_queries()}, {evaluation.candidates:,} candidates"]
    for name, value in evaluation.metrics.items():
        if why_not(evaluation, name) is not None:
            continue
        shown = "-" if value is None else f"{value:,.1f}" if "rank_distance" in name else f"{value:.4f}"
        lines.append(f"  {name:<28}{shown:>10}")
    return "\n".join(lines)


def _distances_part(evaluation: EvaluationResult, ascii_only: bool) -> str:
    """One line a language: the distribution as bars over shared log-spaced ranks, and its quantiles."""
    bars = _ASCII_BARS if ascii_only else _BARS
    low, high = distance_bounds(evaluation)
    span = f"bars: from {low:,.3g} to {high:,.0f} ranks, log axis"
    label = max(len(language) for language in evaluation.rank_distance)
    header = (
        f"{'':{label}}  {'':{_BAR_CELLS}}  {'median':>9} {'p90':>9} {'mean':>9}  own-language advantage (doublings)"
    )
    lines = [f"rank distance by question language; {span}", header.rstrip()]
    for language, distances in evaluation.rank_distance.items():
        quantiles = f"{distances.median:>9,.1f} {distances.p90:>9,.1f} {distances.mean:>9,.1f}"
        weights = spread(distances.histogram, evaluation.histogram_edges, low, high, _BAR_CELLS)
        lines.append(f"{language:{label}}  {_bars(weights, bars)}  {quantiles}  {_advantage(evaluation, language)}")
    return _trimmed("\n".join(lines))


def _bars(weights: Sequence[float], bars: str) -> str:
    highest = max(weights)
    levels = (min(len(bars), math.ceil(weight / highest * len(bars))) if weight else 0 for weight in weights)
    return "".join(bars[level - 1] if level else " " for level in levels)


def _advantage(evaluation: EvaluationResult, language: str) -> str:
    advantage = evaluation.own_language_advantage.get(language)
    if advantage is None:
        return "-"
    interval = "" if advantage.interval is None else f" [{advantage.interval[0]:+.2f}, {advantage.interval[1]:+.2f}]"
    return f"{advantage.mean:+.2f}{interval}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip("\n").split("\n"))
