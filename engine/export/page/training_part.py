"""How the runs of a report were trained: losses, validations, and the evaluations along the way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from engine.applicability import why_not
from engine.events import from_number
from engine.export.figures import FIGURES
from engine.export.page.drawings import drawing
from engine.export.page.html import note, table
from engine.export.page.reported_run import ReportedRun
from engine.export.tables.rounding import rounded
from engine.measures import HEADLINE, METRICS
from engine.runs.reader import MODE_NAMES
from engine.runs.state import ValidationPoint

_MANY_EVALUATIONS = 40  # of one run on one benchmark: of more, the first and the last are shown


def training_part(runs: Sequence[ReportedRun]) -> str:
    """As HTML, of runs that were trained; empty where none of them was."""
    trained = [run for run in runs if run.is_trained]
    return "\n".join(_parts(trained)) if trained else ""


def _parts(runs: Sequence[ReportedRun]) -> Iterator[str]:
    stepped = [run for run in runs if run.reader.series]
    if not stepped:
        yield note("There are no steps yet.")
        return
    references = [run.reference for run in stepped]
    yield drawing(
        "loss",
        lambda: FIGURES["loss"].frame(references, None, None),
        "Loss by step, a line for each kind of batch: the mean of short stretches, and their whole range.",
    )
    yield table(
        "Loss",
        ["run", "batches", "number", "first loss", "last loss", "lowest", "not finite"],
        [row for run in stepped for row in _loss_rows(run)],
        words=(1,),
    )
    validated = [run for run in stepped if _validations(run)]
    if validated:
        yield drawing(
            "validation",
            lambda: FIGURES["validation"].frame([run.reference for run in validated], None, None),
            "What the checkpoint is selected by, at each validation.",
        )
        yield table(
            "Validation",
            ["run", "measure", "validations", "first", "best", "at step", "last"],
            [_validation_row(run) for run in validated],
            words=(1,),
        )
    for run in stepped:
        yield from _evaluations(run)


def _loss_rows(run: ReportedRun) -> Iterator[list[str]]:
    """A row for each kind of batch."""
    series = run.reader.series
    assert series is not None
    steps = list(zip(series.loss, series.mode, strict=True))[: run.last_step]
    for code in sorted({mode for _, mode in steps}):
        losses = [loss for loss, mode in steps if mode == code]
        finite = [loss for loss in losses if math.isfinite(loss)]
        name = MODE_NAMES[code] if code < len(MODE_NAMES) else "unknown"
        ends = [f"{finite[0]:.4f}", f"{finite[-1]:.4f}", f"{min(finite):.4f}"] if finite else ["-"] * 3
        yield [run.label, name, f"{len(losses):,}", *ends, f"{len(losses) - len(finite):,}"]


def _validations(run: ReportedRun) -> list[ValidationPoint]:
    return [point for point in run.state.validations if run.last_step is None or point.step <= run.last_step]


def _validation_row(run: ReportedRun) -> list[str]:
    points = _validations(run)
    first, last = points[0], points[-1]
    best = "-" if last.best_value is None else f"{from_number(last.best_value):.4f}"
    step = "-" if last.best_step is None else f"{last.best_step:,}"
    values = [f"{from_number(point.value):.4f}" for point in (first, last)]
    return [run.label, last.measure, f"{len(points):,}", values[0], best, step, values[1]]


def _evaluations(run: ReportedRun) -> Iterator[str]:
    """A table for each benchmark that was measured at several steps, with its headline measures."""
    for benchmark in dict.fromkeys(point.benchmark for point in run.state.evaluations):
        points = [
            point
            for point in run.state.evaluations
            if point.benchmark == benchmark and (run.last_step is None or point.step <= run.last_step)
        ]
        if len(points) < 2:
            continue
        names = [
            name for name in HEADLINE if name in METRICS and any(not why_not(point.result, name) for point in points)
        ]
        if len(points) > _MANY_EVALUATIONS:
            points = [points[0], *points[1 - _MANY_EVALUATIONS :]]
        rows = [
            [f"{point.step:,}", *(rounded(name, point.result.metrics.get(name), {}) or "-" for name in names)]
            for point in points
        ]
        yield table(f"{run.label} on {benchmark}, during training", ["step", *names], rows)
