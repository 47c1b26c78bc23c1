"""Loss by step, monolingual and cross-lingual batches apart: the mean of short stretches, and their whole range."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.export.figures.style import COLOURS, COLUMN_INCHES, check_count, plain, short
from engine.export.run_results import ExportError, RunReference, run_name
from engine.runs.folder import RunFolder, read_spec
from engine.runs.reader import MODE_NAMES, RunReader

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_STRETCHES = 80  # of a curve, at most: two or three points of the column's width each
_LINES = {"mono": "-", "cross": (0, (4, 1.5)), "mixed": (0, (4, 1, 1, 1)), "english": (0, (1, 1))}


def loss_frame(runs: Sequence[RunReference], benchmark: str | None = None, step: int | None = None) -> Frame:
    """``run, mode, step, loss``: every step of every run, up to ``step`` where it is given.

    Raises:
        ExportError: a run has no steps.
        RunError: a path is not a run.
    """
    import polars as pl

    frames = []
    for run in runs:
        path = run if isinstance(run, Path) else run.path
        reader = RunReader(RunFolder(path), series=True)
        reader.poll()
        series = reader.series
        assert series is not None
        if not len(series):
            trained = read_spec(RunFolder(path)).config.kind == "training"
            raise ExportError(f"{path.name} {'has no steps yet' if trained else 'is an evaluation: it has no losses'}")
        modes = [MODE_NAMES[code] if code < len(MODE_NAMES) else "" for code in series.mode]
        columns = {"mode": modes, "step": range(1, len(modes) + 1), "loss": list(series.loss)}
        frame = pl.DataFrame(columns, schema={"mode": pl.String, "step": pl.Int64, "loss": pl.Float64})
        if not isinstance(run, Path):
            frame = frame.filter(pl.col("step") <= run.step)
        frames.append(frame.select(pl.lit(run_name(run)).alias("run"), pl.all()))
    frame = pl.concat(frames)
    return frame if step is None else frame.filter(pl.col("step") <= step)


def draw_loss(frame: Frame) -> Any:
    """The figure, of one column's width."""
    from matplotlib.figure import Figure

    runs = frame["run"].unique(maintain_order=True).to_list()
    check_count("loss", runs)
    figure = Figure(figsize=(COLUMN_INCHES, 2.2 + 0.15 * len(runs) * 2))
    axes = figure.add_subplot()
    for run, name, colour in zip(runs, short(runs), COLOURS, strict=False):
        of_run = frame.filter(run=run)
        for mode in sorted(set(of_run["mode"]) - {""}):
            stretches = list(_stretches(of_run.filter(mode=mode)))
            if not stretches:
                continue
            steps, means, lows, highs = zip(*stretches, strict=True)
            axes.fill_between(steps, lows, highs, color=colour, alpha=0.15, linewidth=0)
            label = plain(mode if len(runs) == 1 else f"{name}, {mode}")
            axes.plot(steps, means, color=colour, linestyle=_LINES.get(mode, "-"), linewidth=1, label=label)
    axes.set_xlabel("step")
    axes.set_ylabel("loss (mean and range)")
    axes.grid(visible=True, axis="y")
    axes.set_xlim(left=0)
    figure.legend(loc="outside upper left", ncols=2 if len(runs) == 1 else 1)
    return figure


def _stretches(curve: Frame) -> Iterator[tuple[float, float, float, float]]:
    """(middle step, mean, lowest, highest) of equal stretches of the run; losses that are not finite are left out."""
    last = int(curve["step"].max() or 1)  # type: ignore[arg-type]
    width = math.ceil(last / _STRETCHES)
    stretches: dict[int, list[float]] = {}
    for step, loss in curve.select("step", "loss").iter_rows():
        if math.isfinite(loss):
            stretches.setdefault((step - 1) // width, []).append(loss)
    for index, losses in stretches.items():
        yield (index + 0.5) * width, sum(losses) / len(losses), min(losses), max(losses)
