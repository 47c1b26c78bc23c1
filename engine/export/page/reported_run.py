"""A run as a report takes it: its config, its log, and what it measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.export.figures.style import undated
from engine.export.run_results import Checkpoint, ExportError, RunReference, RunResult, find_results, run_name
from engine.runs.folder import RunFolder, Spec, read_spec
from engine.runs.lock import probe
from engine.runs.reader import RunReader
from engine.runs.state import RunState
from engine.runs.status import Status, explanation, status_of


@dataclass(frozen=True)
class ReportedRun:
    """``results``: of the step that was asked for, else of the chosen or the newest one; a benchmark each."""

    reference: RunReference
    name: str  # as results name it: the run's id, with "@" and the step where that was asked for
    label: str  # the same without the time of launch, where that tells the runs of the report apart too
    spec: Spec
    status: Status
    reader: RunReader  # with its series
    results: tuple[RunResult, ...]
    missing: str  # why it has no results; empty where it has

    @property
    def state(self) -> RunState:
        return self.reader.state

    @property
    def is_trained(self) -> bool:
        return self.spec.config.kind == "training"

    @property
    def last_step(self) -> int | None:
        """What came after it is left out; None: nothing is."""
        return None if isinstance(self.reference, Path) else self.reference.step

    @property
    def explanation(self) -> str:
        """Why it is in the state it is in; empty where there is nothing to add."""
        return explanation(self.reader.folder, self.state, probe(self.reader.folder))

    def on(self, benchmark: str) -> RunResult | None:
        return next((result for result in self.results if result.benchmark == benchmark), None)


def read_runs(runs: Sequence[RunReference], benchmark: str | None) -> list[ReportedRun]:
    """
    Args:
        benchmark: a key or a suite; None: all that each run was measured on.

    Raises:
        ExportError: none of the runs has results on the benchmark, or a run has not come to the step that is named.
        RunError: a path is not a run.
    """
    labels = undated([run_name(run) for run in runs])
    reported = [_read(run, label, benchmark) for run, label in zip(runs, labels, strict=True)]
    if benchmark is not None and not any(run.results for run in reported):
        raise ExportError(reported[0].missing)
    return reported


def benchmarks_of(runs: Sequence[ReportedRun]) -> list[str]:
    """All that any of the runs was measured on, ascending."""
    return sorted({result.benchmark for run in runs for result in run.results})


def labels_of(runs: Sequence[ReportedRun]) -> dict[str, str]:
    """The name that results have for a run -> its label."""
    return {run.name: run.label for run in runs}


def _read(reference: RunReference, label: str, benchmark: str | None) -> ReportedRun:
    folder = RunFolder(reference if isinstance(reference, Path) else reference.path)
    spec = read_spec(folder)
    reader = RunReader(folder, series=True)
    status = status_of(reader)
    results, missing = [], ""
    try:
        results = find_results([reference], benchmark)
    except ExportError as error:
        missing = str(error)
        if isinstance(reference, Checkpoint) and reference.step > status.step:
            came = f"it has come to step {status.step:,} of {status.max_steps:,}"
            raise ExportError(f"{folder.id}: no step {reference.step:,}: {came}") from None
    return ReportedRun(reference, run_name(reference), label, spec, status, reader, tuple(results), missing)
