"""The measure that selects the checkpoint, by step, and the step that it selected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.events import from_number
from engine.export.figures.style import COLOURS, COLUMN_INCHES, MARKERS, check_count, plain, short
from engine.export.run_results import ExportError, RunReference, run_name
from engine.runs.folder import RunFolder
from engine.runs.reader import RunReader

if TYPE_CHECKING:
    from polars import DataFrame as Frame


def validation_frame(runs: Sequence[RunReference], benchmark: str | None = None, step: int | None = None) -> Frame:
    """``run, measure, step, value, best``: every validation of every run, up to ``step`` where it is given.

    Runs that select their checkpoint by nothing are left out.

    Raises:
        ExportError: none of the runs has validations.
        RunError: a path is not a run.
    """
    import polars as pl

    rows = []
    for run in runs:
        path = run if isinstance(run, Path) else run.path
        reader = RunReader(RunFolder(path))
        reader.poll()
        last = step if isinstance(run, Path) else run.step
        points = [point for point in reader.state.validations if last is None or point.step <= last]
        best = points[-1].best_step if points else None
        rows += [
            (run_name(run), point.measure, point.step, from_number(point.value), point.step == best) for point in points
        ]
    if not rows:
        raise ExportError("no run has validations: its config selects the last step (evaluation.select)")
    schema = {"run": pl.String, "measure": pl.String, "step": pl.Int64, "value": pl.Float64, "best": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def draw_validation(frame: Frame) -> Any:
    """The figure, of one column's width: a panel a measure; a ring around the best step of each run."""
    from matplotlib.figure import Figure

    runs = frame["run"].unique(maintain_order=True).to_list()
    check_count("validation", runs)
    names = dict(zip(runs, short(runs), strict=True))
    measures = frame["measure"].unique(maintain_order=True).to_list()
    figure = Figure(figsize=(COLUMN_INCHES, 0.3 + 1.9 * len(measures) + 0.15 * len(runs)))
    for number, measure in enumerate(measures, start=1):
        axes = figure.add_subplot(len(measures), 1, number)
        for index, run in enumerate(runs):
            curve = frame.filter(run=run, measure=measure)
            points = [(step, value) for step, value in curve.select("step", "value").rows() if math.isfinite(value)]
            style: dict[str, Any] = {"color": COLOURS[index], "marker": MARKERS[index], "markersize": 3, "linewidth": 1}
            axes.plot([step for step, _ in points], [value for _, value in points], **style)
            for step, value in curve.filter("best").select("step", "value").rows():
                axes.plot([step], [value], color=COLOURS[index], marker="o", markersize=8, markerfacecolor="none")
            if number == 1 and len(runs) > 1:
                axes.plot([], [], **style, label=plain(names[run]))
        axes.set_ylabel(plain(measure))
        axes.grid(visible=True, axis="y")
    axes.set_xlabel("step (ring: the best one)")
    if len(runs) > 1:
        figure.legend(loc="outside upper left")
    return figure
