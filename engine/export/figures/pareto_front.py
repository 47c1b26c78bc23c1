"""Single-language quality against language bias: a point a condition, and the front that no other is better than."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.export.figures.style import COLOURS, COLUMN_INCHES, plain, short
from engine.export.run_results import ExportError, RunReference, check_measured, find_results
from engine.export.tables import build_table
from engine.export.tables.pareto_table import BIAS, QUALITY, with_schedule

if TYPE_CHECKING:
    from polars import DataFrame as Frame


def pareto_frame(runs: Sequence[RunReference], benchmark: str | None = None, step: int | None = None) -> Frame:
    """The pareto table.

    Raises:
        ExportError: the benchmark has no rank distance, or there are no such results.
    """
    check_measured(find_results(runs, benchmark, step), BIAS)
    return build_table("pareto", runs, benchmark, step)


def draw_pareto(frame: Frame) -> Any:
    """The figure: means over seeds, with the range over seeds as bars.

    Raises:
        ExportError: no condition has both measures.
    """
    from matplotlib.figure import Figure

    complete = frame.drop_nulls([QUALITY, BIAS])
    if not len(complete):
        raise ExportError(f"no run has both {QUALITY} and {BIAS}")
    figure = Figure(figsize=(COLUMN_INCHES, 2.6))
    axes = figure.add_subplot()
    middle = (min(complete[BIAS]) + max(complete[BIAS])) / 2
    front = complete.filter("front").sort(BIAS)
    axes.plot(front[BIAS].to_list(), front[QUALITY].to_list(), color="#808080", linewidth=0.8, drawstyle="steps-post")
    for record, name in zip(complete.iter_rows(named=True), short(complete["condition"].to_list()), strict=True):
        x, y, colour = record[BIAS], record[QUALITY], COLOURS[0] if record["front"] else COLOURS[1]
        axes.errorbar(
            [x],
            [y],
            xerr=[[x - record[f"{BIAS}_low"]], [record[f"{BIAS}_high"] - x]],
            yerr=[[y - record[f"{QUALITY}_low"]], [record[f"{QUALITY}_high"] - y]],
            fmt="o" if record["front"] else "s",
            color=colour,
            markersize=4,
            elinewidth=0.8,
        )
        left = x <= middle
        label = axes.annotate(
            plain(with_schedule(name, record.get("mono_share_schedule"))),
            (x, y),
            xytext=(4 if left else -4, 4),
            textcoords="offset points",
            ha="left" if left else "right",
        )
        label.set_in_layout(False)  # else the axes would shrink to make room beside them
    if not all(complete["front"]):
        for marker, colour, meaning in (("o", COLOURS[0], "on the front"), ("s", COLOURS[1], "another is better")):
            axes.plot([], [], marker, color=colour, markersize=4, label=meaning)
        figure.legend(loc="outside upper left", ncols=2)
    axes.margins(0.15)
    axes.set_xlabel(f"{BIAS} (less is better)")
    axes.set_ylabel(f"{QUALITY} (more is better)")
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    return figure
