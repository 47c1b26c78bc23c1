"""How far apart the relevant passages of a query rank, by query language: quantiles on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.evaluation.results import query_values
from engine.export.figures.style import COLOURS, COLUMN_INCHES, MARKERS, check_count, plain, short
from engine.export.run_results import ExportError, RunReference, check_measured, find_results
from engine.export.tables import build_table

if TYPE_CHECKING:
    from polars import DataFrame as Frame

QUANTILES = {"p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}


def ranks_frame(runs: Sequence[RunReference], benchmark: str | None = None, step: int | None = None) -> Frame:
    """``run, query_language, queries, mean, p10, p25, median, p75, p90`` of the rank distance.

    Raises:
        ExportError: no query has several relevant passages that were all retrieved, or there are no such results.
    """
    import polars as pl
    import polars.selectors as cs

    check_measured(find_results(runs, benchmark, step), "rank_distance")
    of_runs = build_table("ranks", runs, benchmark, step).partition_by("run", maintain_order=True)
    frames = []
    for ranks in of_runs:
        values = query_values(ranks, "rank_distance")
        quantiles = {name: pl.col("value").quantile(share, "linear") for name, share in QUANTILES.items()}
        by_language = values.group_by("query_language").agg(
            queries=pl.len().cast(pl.Int64), mean=pl.col("value").mean(), **quantiles
        )
        sampled = ranks.head(1).select(pl.col("run"), cs.matches("^sampled_of$"))
        frames.append(sampled.join(by_language.sort("query_language"), how="cross"))
    frame = pl.concat(frames, how="diagonal")
    if not len(frame):
        raise ExportError("no query has several relevant passages that were all retrieved: there are no rank distances")
    return frame


def draw_ranks(frame: Frame) -> Any:
    """The figure: a row a language, with a bar a run from the 25 % to the 75 % quantile."""
    from matplotlib.figure import Figure

    runs = frame["run"].unique(maintain_order=True).to_list()
    check_count("ranks", runs)
    languages = sorted(set(frame["query_language"]))
    figure = Figure(figsize=(COLUMN_INCHES, 0.8 + len(languages) * (0.08 + 0.13 * len(runs)) + 0.14 * len(runs)))
    axes = figure.add_subplot()
    for number, (run, name) in enumerate(zip(runs, short(runs), strict=True)):
        shift = 0.8 * ((number + 0.5) / len(runs) - 0.5)
        style: dict[str, Any] = {"color": COLOURS[number], "marker": MARKERS[number]}
        for record in frame.filter(run=run).iter_rows(named=True):
            y = languages.index(record["query_language"]) + shift
            axes.plot([record["p10"], record["p90"]], [y, y], color=COLOURS[number], linewidth=0.7)
            axes.plot([record["p25"], record["p75"]], [y, y], color=COLOURS[number], linewidth=2.4)
            axes.plot([record["median"]], [y], **style, markersize=4, markeredgecolor="white", markeredgewidth=0.5)
            axes.plot([record["mean"]], [y], color=COLOURS[number], marker="|", markersize=6, markeredgewidth=1.2)
        axes.plot([], [], **style, linewidth=2.4, markersize=4, label=plain(name))
    lowest = min(frame["p10"])
    if lowest < 1:
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(left=0)
    else:
        axes.set_xscale("log")
        axes.set_xlim(left=10 ** math.floor(math.log10(lowest)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")  # powers would have exponents below 8 pt
    axes.set_yticks(range(len(languages)), [plain(name) for name in languages])
    axes.set_ylim(len(languages) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")
    axes.set_axisbelow(True)
    axes.set_xlabel("rank distance (mark median, tick mean,\nbar 25 to 75 %, line 10 to 90 %)")
    axes.set_ylabel("question language")
    if len(runs) > 1:
        figure.legend(loc="outside upper left")
    return figure
