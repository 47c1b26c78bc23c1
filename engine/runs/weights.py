"""The weights that RUN, RUN@STEP or RUN@best names."""

from __future__ import annotations

from pathlib import Path

from engine.config import ConfigError
from engine.runs.folder import RunFolder, read_spec
from engine.runs.registry import find_run, list_runs
from engine.runs.status import selected_step

OF_A_RUN = "run:"  # before RUN where a model may be named: in arguments of eval, and in study files


def weights_of_run(home: Path, text: str, prefix: str) -> tuple[RunFolder, Path, str]:
    """The run, its model folder or a checkpoint, and the run's id with the step where one is named.

    "last" is the newest run that has a model.

    ``prefix``: what a message puts before ``text``, as "--from ".

    Raises:
        ConfigError: there is no such run, or it has no such weights; one line.
    """
    if text == "last":  # an evaluation has none
        text = next((run.id for run in list_runs(home) if run.model.is_dir()), text)
    run, step = run_and_step(home, text, prefix)
    weights = run.model if step is None else run.checkpoints / f"step-{step:06d}"
    if not weights.is_dir():
        raise ConfigError(f"{prefix}{text}: {run.id} has no {weights.relative_to(run.path)}")
    return run, weights, run.id if step is None else f"{run.id}@{step}"


def run_and_step(home: Path, text: str, prefix: str = "") -> tuple[RunFolder, int | None]:
    """The run that is named, and the step, where one is.

    Raises:
        ConfigError: there is no such run, or the step is no number; one line.
    """
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
