"""Figures of runs, drawn with matplotlib (optional, the extra "figures") from the frames that the tables are.

A new figure is a frame and a function that draws it, in ``FIGURES``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.export.figures.forest_plot import draw_forest, forest_frame
from engine.export.figures.loss_curves import draw_loss, loss_frame
from engine.export.figures.map_matrix import draw_heatmap
from engine.export.figures.pareto_front import draw_pareto, pareto_frame
from engine.export.figures.rank_distances import draw_ranks, ranks_frame
from engine.export.figures.style import FORMATS, POINTS, render, styled
from engine.export.figures.validation_curve import draw_validation, validation_frame
from engine.export.out_file import check_target, write_file
from engine.export.run_results import ExportError, RunReference
from engine.export.tables import SAMPLED_OF, build_table

if TYPE_CHECKING:
    from polars import DataFrame as Frame

__all__ = ["FIGURES", "FORMATS", "draw_figure", "figure_file"]


@dataclass(frozen=True, slots=True)
class FigureKind:
    """Where a figure's numbers come from, and how they are drawn."""

    frame: Callable[[Sequence[RunReference], str | None, int | None], Frame]  # of run folders, benchmark and step
    draw: Callable[[Frame], Any]  # a matplotlib Figure


FIGURES = {
    "loss": FigureKind(loss_frame, draw_loss),
    "validation": FigureKind(validation_frame, draw_validation),
    "heatmap": FigureKind(partial(build_table, "heatmap"), draw_heatmap),
    "ranks": FigureKind(ranks_frame, draw_ranks),
    "pareto": FigureKind(pareto_frame, draw_pareto),
    "forest": FigureKind(forest_frame, draw_forest),
}


def draw_figure(
    kind: str,
    format: str,
    runs: Sequence[RunReference],
    benchmark: str | None = None,
    step: int | None = None,
    out: Path | None = None,
) -> str | bytes:
    """The figure ``kind`` of ``runs`` (run folders), and in the file ``out`` where one is given, whole or not at all.

    Args:
        benchmark: None is the runs' only one, and of the forest plot every one.
        step: None is the newest evaluated step of each run; of the loss, the last one.

    Raises:
        ConfigError: no such figure or format, no matplotlib, a format that needs a file, no such results; one line.
    """
    figure_kind = FIGURES.get(kind)
    if figure_kind is None:
        raise ExportError(f"unknown figure {kind!r}, expected one of {', '.join(FIGURES)}")
    if format not in FORMATS:
        raise ExportError(f"unknown format {format!r} of a figure, expected one of {', '.join(FORMATS)}")
    if format != "svg" and out is None:
        raise ExportError(f"{format} is binary: name a file with --out")
    if out is not None:
        check_target(out)
    with styled():
        content = figure_file(figure_kind, figure_kind.frame(runs, benchmark, step), format)
    if out is not None:
        write_file(out, content)
    return content.decode() if format == "svg" else content


def figure_file(kind: FigureKind, frame: Frame, format: str) -> bytes:
    """The file's content, of a frame that was built already; equal frames give equal bytes."""
    with styled():
        figure = kind.draw(frame.drop(SAMPLED_OF, strict=False))
        if SAMPLED_OF in frame.columns:
            of = " and ".join(f"{count:,}" for count in frame[SAMPLED_OF].drop_nulls().unique(maintain_order=True))
            figure.supxlabel(f"measured on a sample of the {of} queries", fontsize=POINTS, x=0.01, ha="left")
        return render(figure, format)
