"""Where the results of runs lie, and which of them a table is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine.config import ConfigError, RunConfig
from engine.evaluation.results import SUMMARY, Summary, read_summary
from engine.runs.folder import RunFolder, read_spec
from engine.runs.status import SelectedStep, selected_step

_STEP = re.compile(r"step-(\d+)")


class ExportError(ConfigError):
    """What was asked for cannot be exported; the message is one line, ready to print."""


@dataclass(frozen=True)
class RunResult:
    """One evaluation of one run."""

    run: str  # the run's id
    config: RunConfig
    step: int
    benchmark: str
    folder: Path
    choice: SelectedStep | None = None  # by validation; None: the last step, which was fixed before training

    @cached_property
    def summary(self) -> Summary:
        return read_summary(self.folder)


def find_results(runs: Sequence[Path], benchmark: str | None = None, step: int | None = None) -> list[RunResult]:
    """The results of ``runs``, in their order: for each benchmark those of the step that was asked for, else of the
    step that validation chose, else the newest ones.

    Raises:
        ExportError: a run has no such result.
        RunError: a path is not a run.
    """
    results = []
    for path in runs:
        run = RunFolder(path)
        config = read_spec(run).config
        choice = selected_step(run, config)
        best = None if choice is None else choice.step
        newest: dict[str, tuple[int, Path]] = {}
        # The chosen step last, as if it were the newest.
        for number, folder in sorted(_step_folders(run.results), key=lambda step: (step[0] == best, step)):
            if step is None or number == step:
                newest.update({key: (number, place) for key, place in _benchmark_folders(folder)})
        keys = [key for key in sorted(newest) if benchmark is None or key == benchmark]
        if not keys:
            raise ExportError(f"{run.id} has no results{_scope(benchmark, step)}")
        results += [RunResult(run.id, config, newest[key][0], key, newest[key][1], choice) for key in keys]
    return results


def counterpart(run: Path, result: RunResult) -> RunResult:
    """The evaluation of another run on the same benchmark: at the same step, or where it has none there, its newest.

    Raises:
        ExportError: the run has no results on that benchmark.
        RunError: the path is not a run.
    """
    try:
        return find_results([run], result.benchmark, result.step)[0]
    except ExportError:
        return find_results([run], result.benchmark)[0]


def only_benchmark(results: Sequence[RunResult]) -> str:
    """The benchmark all results share.

    Raises:
        ExportError: there are several.
    """
    keys = sorted({result.benchmark for result in results})
    if len(keys) != 1:
        raise ExportError(f"several benchmarks ({', '.join(keys)}): choose one with --benchmark")
    return keys[0]


def _step_folders(results: Path) -> list[tuple[int, Path]]:
    if not results.is_dir():
        return []
    return [(int(match[1]), folder) for folder in results.iterdir() if (match := _STEP.fullmatch(folder.name))]


def _benchmark_folders(step: Path) -> list[tuple[str, Path]]:
    """Complete results under a step; keys may hold a slash ("beir/scifact"), hidden folders are unfinished ones."""
    places = [(summary.parent.relative_to(step), summary.parent) for summary in step.rglob(SUMMARY)]
    return [(key.as_posix(), place) for key, place in places if not any(part.startswith(".") for part in key.parts)]


def _scope(benchmark: str | None, step: int | None) -> str:
    at = "" if step is None else f" at step {step:,}"
    return at if benchmark is None else f" on {benchmark}{at}"
