"""What a command names by RUN, RUN@STEP or RUN@best: the evaluations of a run, or its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.config import ConfigError
from engine.runs.folder import RunFolder, read_spec
from engine.runs.registry import find_run, list_runs
from engine.runs.status import selected_step

if TYPE_CHECKING:
    from engine.export.run_results import RunReference


def run_reference(home: Path, text: str) -> RunReference:
    """The evaluations of the run as a whole, or of the step that is named.

    Raises:
        ConfigError: there is no such run, or the step is no number; one line.
    """
    from engine.export.run_results import Checkpoint

    run, step = _run_and_step(home, text)
    is_whole = step is None or text.endswith("@best")  # the run as a whole is judged by the step that it chose
    return run.path if step is None or is_whole else Checkpoint(run.path, step)


def weights_of_run(home: Path, text: str, prefix: str) -> tuple[RunFolder, Path, str]:
    """The run, its model folder or a checkpoint, and the run's id with the step where one is named.

    "last" is the newest run that has a model.

    ``prefix``: what a message puts before ``text``, as "--from ".

    Raises:
        ConfigError: there is no such run, or it has no such weights; one line.
    """
    if text == "last":  # an evaluation has none
        text = next((run.id for run in list_runs(home) if run.model.is_dir()), text)
    run, step = _run_and_step(home, text, prefix)
    weights = run.model if step is None else run.checkpoints / f"step-{step:06d}"
    if not weights.is_dir():
        raise ConfigError(f"{prefix}{text}: {run.id} has no {weights.relative_to(run.path)}")
    return run, weights, run.id if step is None else f"{run.id}@{step}"


def _run_and_step(home: Path, text: str, prefix: str = "") -> tuple[RunFolder, int | None]:
    name, at, step = text.partition("@")
    run = find_run(home, name)
    if step == "best":
        choice = selected_step(run, read_spec(run).config)
        if choice is None or choice.step is None:
            raise ConfigError(f"{prefix}{text}: {run.id} has chosen no step (evaluation.select)")
        return run, choice.step
    if at and not step.isdecimal():
        raise ConfigError(f"{prefix}{text}: expected RUN@STEP with a whole number, or RUN@best")
    return run, int(step) if at else None
