"""All differences of conditions from their baseline, with intervals and margins: a row each, a panel a measure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from engine.benchmark_names import is_suite
from engine.export.compare import CompareResult, compare_results, compare_suite_results, results_by_benchmark
from engine.export.figures.style import COLOURS, PAGE_INCHES, POINTS, plain, short
from engine.export.run_results import ExportError, RunReference, find_results
from engine.measures import MEASURES

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_ROW_INCHES, _PANEL_INCHES = 0.17, 0.75  # a line of 8 pt; title, axis and its label


def forest_frame(runs: Sequence[RunReference], benchmark: str | None = None, step: int | None = None) -> Frame:
    """``benchmark, measure, condition, baseline, difference, interval_low, interval_high, margin, verdict``.

    Means over languages, or over the data sets of a suite and each of these. The first run's condition is the baseline.

    Args:
        benchmark: a key or a suite; None: each on which two or more of the runs were measured.

    Raises:
        ExportError: no two runs can be compared.
    """
    results = find_results(runs, benchmark, step)
    if benchmark is not None and is_suite(benchmark):
        return differences_frame([compare_suite_results(results, benchmark)])
    found = [on_one for on_one in results_by_benchmark(results).values() if len(on_one) > 1]
    if not found:
        raise ExportError("a forest plot needs at least two runs on one benchmark")
    return differences_frame([compare_results(on_one) for on_one in found])


def differences_frame(comparisons: Iterable[CompareResult]) -> Frame:
    """The same of comparisons that were made already: measure by measure, in the order in which they come."""
    import polars as pl

    rows = []
    for compared in comparisons:
        for row in compared.rows:
            if row.is_mean:
                low, high = row.interval or (None, None)
                margin = compared.margin if MEASURES[row.metric].wanted == "higher" else None
                rows.append(
                    (
                        *(row.benchmark, row.metric, row.run, compared.baseline),
                        *(row.difference, low, high, margin, row.verdict),
                    )
                )
    order = list(dict.fromkeys(row[1] for row in rows))
    rows.sort(key=lambda row: order.index(row[1]))
    text = ("benchmark", "measure", "condition", "baseline")
    numbers = ("difference", "interval_low", "interval_high", "margin")
    schema = {**dict.fromkeys(text, pl.String), **dict.fromkeys(numbers, pl.Float64), "verdict": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def draw_forest(frame: Frame) -> Any:
    """The figure: differences with 95 % intervals, the line of no difference, and each row's margin.

    Panels of shares have one scale, so that they can be read against one another.

    Raises:
        ExportError: there are no differences.
    """
    from matplotlib.figure import Figure

    if not len(frame):
        raise ExportError("the runs have no difference to draw")
    panels = frame.partition_by("measure", maintain_order=True)
    conditions = frame["condition"].unique(maintain_order=True).to_list()
    *others, baseline = short([*conditions, frame["baseline"][0]])
    names = dict(zip(conditions, others, strict=True))
    heights = [_PANEL_INCHES + _ROW_INCHES * len(panel) for panel in panels]
    figure = Figure(figsize=(PAGE_INCHES, sum(heights)))
    grid = figure.add_gridspec(len(panels), 1, height_ratios=heights)
    of_shares = [panel for panel in panels if _is_share(panel)]
    for number, panel in enumerate(panels):
        axes = figure.add_subplot(grid[number])
        _draw_panel(axes, panel, conditions, names)
        axes.set_xlim(*_limits(of_shares if _is_share(panel) else [panel]))
    figure.suptitle(plain(f"Difference to {baseline}, with 95 % intervals"), x=0.01, ha="left", fontsize=POINTS)
    return figure


def _draw_panel(axes: Any, panel: Frame, conditions: Sequence[str], names: dict[str, str]) -> None:
    measure = panel["measure"][0]
    axes.axvline(0, color="#808080", linewidth=0.8)
    labels = []
    for y, row in enumerate(panel.iter_rows(named=True)):
        colour = COLOURS[conditions.index(row["condition"]) % len(COLOURS)]
        if row["margin"] is not None:
            axes.plot([-row["margin"]] * 2, [y - 0.5, y + 0.5], color="black", linewidth=0.8, linestyle=(0, (2, 2)))
        if row["interval_low"] is not None:
            axes.plot([row["interval_low"], row["interval_high"]], [y, y], color=colour, linewidth=1.2)
        axes.plot([row["difference"]], [y], marker="s", color=colour, markersize=3.5)
        verdict = row["verdict"].removesuffix(", for these seeds").partition(" at the margin")[0]
        axes.annotate(plain(verdict), (1, y), xycoords=("axes fraction", "data"), xytext=(4, 0),
                      textcoords="offset points", va="center", annotation_clip=False)  # fmt: skip
        labels.append(plain(f"{row['benchmark']}  {names[row['condition']]}"))
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    axes.set_axisbelow(True)
    wanted = "more" if MEASURES[measure].wanted == "higher" else "less"
    margin = "; dashed: the margin" if panel["margin"].is_not_null().any() else ""
    axes.set_title(plain(measure), loc="left")
    axes.set_xlabel(f"{wanted} is better{margin}", loc="left")


def _is_share(panel: Frame) -> bool:
    return MEASURES[panel["measure"][0]].wanted == "higher"


def _limits(panels: Sequence[Frame]) -> tuple[float, float]:
    """Of the axis: all differences, intervals and margins, and zero."""
    columns = ("difference", "interval_low", "interval_high")
    ends = [value for panel in panels for name in columns for value in panel[name].drop_nulls()]
    ends += [0.0, *(-margin for panel in panels for margin in panel["margin"].drop_nulls())]
    room = 0.04 * ((max(ends) - min(ends)) or 1.0)
    return min(ends) - room, max(ends) + room
