"""The figures of a study's report, from the frames that its tables are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.export.figures import FIGURES, figure_file
from engine.export.figures.style import available
from engine.export.report.document import Picture
from engine.export.run_results import RunResult, reason_missing
from engine.export.tables import TABLES
from engine.export.tables.pareto_table import BIAS

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_CAPTIONS = {
    "pareto": "Single-language quality against language bias: means over seeds, bars from the lowest to the highest.",
    "heatmap": "mAP of each pair of languages, means over seeds.",
    "ranks": "Rank distance by question language, first seed of each condition.",
    "loss": "Loss by kind of batch, first seed of each condition.",
}


def study_pictures(
    results: Sequence[RunResult], runs: dict[str, Sequence[Path]], condition_of: dict[str, str], means: Frame
) -> list[Picture]:
    """The figures, in order; none without matplotlib.

    Args:
        runs: condition -> its run folders.
        condition_of: run id -> condition.
        means: the pareto table.
    """
    if not available():
        return []
    firsts, benchmark = [paths[0] for paths in runs.values()], results[0].benchmark
    frames = {}
    if not all(reason_missing(result, BIAS) for result in results):
        frames["pareto"] = means
    if len(results[0].summary.languages) > 1:
        frames["heatmap"] = _mean_heatmap(results, condition_of)
    if "pareto" in frames:
        frames["ranks"] = _renamed(FIGURES["ranks"].frame(firsts, benchmark, None), condition_of)
    trained = {result.run for result in results if result.is_trained}
    if curves := [path for path in firsts if path.name in trained]:
        frames["loss"] = _renamed(FIGURES["loss"].frame(curves, benchmark, None), condition_of)
    return [
        Picture(kind, figure_file(FIGURES[kind], frame, "svg").decode(), _CAPTIONS[kind])
        for kind, frame in frames.items()
    ]


def _mean_heatmap(results: Sequence[RunResult], condition_of: dict[str, str]) -> Frame:
    import polars as pl

    frame = _renamed(TABLES["heatmap"](results), condition_of)
    return frame.group_by("run", "query_language", maintain_order=True).agg(pl.all().mean())


def _renamed(frame: Frame, condition_of: dict[str, str]) -> Frame:
    import polars as pl

    return frame.with_columns(pl.col("run").replace(condition_of))
