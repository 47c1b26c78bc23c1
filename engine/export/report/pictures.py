"""The figures of a study's report, from the frames that its tables are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from engine.export.figures import FIGURES, figure_file
from engine.export.figures.forest_plot import differences_frame
from engine.export.figures.style import available
from engine.export.markdown import plain_text
from engine.export.report.document import Block, Picture
from engine.export.run_results import ExportError, RunResult, reason_missing
from engine.export.study_comparisons import StudyComparison
from engine.export.study_results import StudyResults
from engine.export.tables import TABLES
from engine.export.tables.pareto_table import BIAS, QUALITY

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_CAPTIONS = {
    "forest": "All differences to the baseline, with 95 % intervals and verdicts.",
    "pareto": "Single-language quality against language bias: means over seeds, bars from the lowest to the highest.",
    "heatmap": "mAP of each pair of languages, means over seeds.",
    "ranks": "Rank distance by question language, first seed of each condition.",
    "loss": "Loss by kind of batch, first seed of each condition.",
}


def forest_picture(comparisons: Sequence[StudyComparison]) -> Picture | None:
    """All differences of the study; None without matplotlib, or where nothing was compared."""
    frame = differences_frame([one.compared for one in comparisons if one.compared is not None])
    return _picture("forest", frame) if available() and len(frame) else None


def loss_picture(study: StudyResults) -> Block | None:
    """The loss of the first seed of each trained condition; None without matplotlib, or where none was trained."""
    curves = [runs[0].path for runs in study.runs.values() if runs and runs[0].is_trained]
    if not available() or not curves:
        return None
    try:
        return _picture("loss", _renamed(FIGURES["loss"].frame(curves, None, None), _conditions(study)))
    except ExportError as error:
        return _left_out("loss", error)


def benchmark_pictures(
    study: StudyResults, compared: StudyComparison, means: Frame, *, of_several: bool
) -> Iterator[Block]:
    """Of a benchmark with several languages; none of others, and none without matplotlib.

    Args:
        means: its table of means.
        of_several: whether the report has other benchmarks, so that names must tell them apart.
    """
    results = [result for group in compared.groups.values() for result in group.results]
    if not available() or len(results[0].summary.languages) < 2:
        return
    condition_of = _conditions(study)
    frames: dict[str, Callable[[], Frame]] = {}
    if BIAS in means.columns and means.drop_nulls([QUALITY, BIAS]).height:
        frames["pareto"] = lambda: means
    frames["heatmap"] = lambda: _mean_heatmap(results, condition_of)
    firsts = [group.results[0] for group in compared.groups.values()]
    ranked = {result.run for result in firsts if reason_missing(result, BIAS) is None}
    if paths := [run.path for run in study.counted_runs if run.path.name in ranked]:
        frames["ranks"] = lambda: _renamed(FIGURES["ranks"].frame(paths, compared.name, None), condition_of)
    suffix = f"-{compared.name.replace('/', '-')}" if of_several else ""
    where = f" On {compared.name}." if of_several else ""
    for kind, frame in frames.items():
        try:
            yield _picture(kind, frame(), suffix, where)
        except ExportError as error:
            yield _left_out(kind, error)


def _mean_heatmap(results: Sequence[RunResult], condition_of: dict[str, str]) -> Frame:
    renamed = _renamed(TABLES["heatmap"](results), condition_of)
    return renamed.group_by("run", "query_language", maintain_order=True).mean()


def _left_out(kind: str, error: ExportError) -> str:
    """One of so many conditions that no figure tells them apart, say."""
    return plain_text(f"There is no figure of the kind {kind}: {error}.")


def _picture(kind: str, frame: Frame, suffix: str = "", where: str = "") -> Picture:
    svg = figure_file(FIGURES[kind], frame, "svg").decode()
    return Picture(f"{kind}{suffix}", svg, _CAPTIONS[kind] + where)


def _conditions(study: StudyResults) -> dict[str, str]:
    """Run -> condition."""
    return {run.path.name: name for name, runs in study.runs.items() for run in runs}


def _renamed(frame: Frame, condition_of: dict[str, str]) -> Frame:
    import polars as pl

    return frame.with_columns(pl.col("run").replace(condition_of))
