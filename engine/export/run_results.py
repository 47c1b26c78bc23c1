"""Where the results of runs lie, and which of them a table is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine.applicability import why_not
from engine.benchmark_names import members
from engine.config import ConfigError, RunConfig, system_name
from engine.evaluation.results import SUMMARY, Summary, read_summary
from engine.mono_share import mean_mono_share, schedule_text
from engine.runs.folder import RunFolder, benchmark_of, read_spec
from engine.runs.status import SelectedStep, selected_step

_STEP = re.compile(r"step-(\d+)")


class ExportError(ConfigError):
    """What was asked for cannot be exported; the message is one line, ready to print."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run at one of its steps: RUN@STEP."""

    path: Path  # the run folder
    step: int


RunReference = Path | Checkpoint  # a run folder as a whole, or at a step


@dataclass(frozen=True)
class RunResult:
    """One evaluation of one run."""

    run: str  # the run's id, with "@" and the step where that was asked for
    config: RunConfig
    step: int
    benchmark: str
    folder: Path
    choice: SelectedStep | None = None  # by validation; None: the last step, which was fixed before training
    checkpoint: int | None = None  # the step that was asked for with the run; None: the run as a whole

    @cached_property
    def summary(self) -> Summary:
        return read_summary(self.folder)

    @property
    def is_trained(self) -> bool:
        """Whether the run trained what it measured; else it measured a system as it is."""
        return self.config.kind == "training"

    @property
    def mode(self) -> str | None:
        """Of its batches; None: nothing was trained."""
        return self.config.batch.mode if self.is_trained else None

    @property
    def mono_share(self) -> float | None:
        """Of a hybrid run, the mean over its updates."""
        if self.mode != "hybrid":
            return None
        return mean_mono_share(self.config.batch, self.config.optimizer.max_steps)

    @property
    def mono_share_schedule(self) -> str | None:
        """ "1->0 linear"; None: the share is constant, or there is none."""
        return (schedule_text(self.config.batch) or None) if self.is_trained else None

    @property
    def seed(self) -> int | None:
        return self.config.seed if self.is_trained else None

    @property
    def model(self) -> str:
        """What was trained or measured, in a word: the last part of a hub id or path, or "bm25".

        With the correction of its vectors, where there is one: "e5-small (lir)".
        """
        debias = self.config.system.debias
        return self._system if debias == "none" else f"{self._system} ({debias})"

    @property
    def _system(self) -> str:
        name = Path(system_name(self.config))
        if name.name == "model":  # of a run: runs/<id>/model
            return name.parent.name or name.name
        if name.parent.name == "checkpoints":  # runs/<id>/checkpoints/step-000400
            return f"{name.parent.parent.name}@{int(name.name.removeprefix('step-'))}"
        return name.name


def reason_missing(result: RunResult, metric: str) -> str | None:
    """Why an evaluation has no such value: its benchmark cannot have it, or passages that were not retrieved have no
    ranks. None where it has one, or nothing says why not."""
    return why_not(result.summary, metric)


def check_measured(results: Sequence[RunResult], metric: str) -> None:
    """
    Raises:
        ExportError: none of the results has the metric, for reasons that they tell.
    """
    reasons = [reason_missing(result, metric) for result in results]
    distinct = list(dict.fromkeys(reason for reason in reasons if reason is not None))
    if distinct and None not in reasons:
        raise ExportError(f"{results[0].benchmark} has no {metric}: {'; '.join(distinct)}")


def run_name(run: RunReference) -> str:
    """How results name it: the run's id, or id and step."""
    return run.name if isinstance(run, Path) else f"{run.path.name}@{run.step}"


def find_results(
    runs: Sequence[RunReference], benchmark: str | None = None, step: int | None = None
) -> list[RunResult]:
    """The results of ``runs``, in their order: for each benchmark those of the step that was asked for, else of the
    step that validation chose, else the newest ones.

    Args:
        benchmark: a key, or a suite such as "beir/*"; None: all.
        step: of every run that names none itself.

    Raises:
        ExportError: a run has no such result.
        RunError: a path is not a run.
    """
    results: list[RunResult] = []
    for item in runs:
        path, checkpoint = (item, None) if isinstance(item, Path) else (item.path, item.step)
        results += _results_of(RunFolder(path), benchmark, step if checkpoint is None else checkpoint, checkpoint)
    return results


def _results_of(run: RunFolder, benchmark: str | None, step: int | None, checkpoint: int | None) -> Iterator[RunResult]:
    """Of one run, by benchmark."""
    config = read_spec(run).config
    choice = selected_step(run, config)
    best = None if choice is None else choice.step
    newest: dict[str, tuple[int, Path]] = {}
    # The chosen step last, as if it were the newest.
    for number, folder in sorted(_step_folders(run.results), key=lambda step: (step[0] == best, step)):
        if step is None or number == step:
            newest |= {key: (number, place) for key, place in benchmark_folders(folder).items()}
    keys = sorted(newest) if benchmark is None else members(benchmark, sorted(newest))
    if not keys:
        reason = "" if config.evaluation.benchmarks else ": its config has no evaluation.benchmarks"
        raise ExportError(f"{run.id} has no results{_scope(benchmark, step)}{reason}")
    name = run.id if checkpoint is None else f"{run.id}@{checkpoint}"
    for key in keys:
        number, folder = newest[key]
        yield RunResult(name, config, number, key, folder, choice, checkpoint)


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


def benchmark_folders(step: Path) -> dict[str, Path]:
    """Benchmark -> folder of its complete results, of those under the folder of a step; hidden ones are unfinished.

    Keys may hold a slash: "beir/scifact", or "own/faq", which older runs have in the folder of another, "own".
    """
    folders = [(summary.parent.relative_to(step), summary.parent) for summary in step.rglob(SUMMARY)]
    return {
        benchmark_of(relative): folder
        for relative, folder in folders
        if not any(part.startswith(".") for part in relative.parts)
    }


def _scope(benchmark: str | None, step: int | None) -> str:
    at = "" if step is None else f" at step {step:,}"
    return at if benchmark is None else f" on {benchmark}{at}"
