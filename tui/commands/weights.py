"""The weights of a run that a command names: RUN, RUN@STEP or RUN@best."""

from __future__ import annotations

from pathlib import Path

from engine.config import ConfigError
from engine.runs.folder import RunFolder, read_spec
from engine.runs.registry import find_run
from engine.runs.status import selected_step


def weights_of_run(home: Path, text: str, prefix: str) -> tuple[RunFolder, Path, str]:
    """The run, its model folder or checkpoint, and the text with the step that "best" stands for.

    ``prefix``: what a message puts before ``text``, as "--from ".

    Raises:
        ConfigError: there is no such run, or it has no such weights.
    """
    name, _, step = text.partition("@")
    run = find_run(home, name)
    if step == "best":
        choice = selected_step(run, read_spec(run).config)
        if choice is None or choice.step is None:
            raise ConfigError(f"{prefix}{text}: {run.id} has chosen no step (evaluation.select)")
        step = str(choice.step)
        text = f"{name}@{step}"
    if step and not step.isdecimal():
        raise ConfigError(f"{prefix}{text}: expected RUN@STEP with a whole number, or RUN@best")
    weights = run.checkpoints / f"step-{int(step):06d}" if step else run.model
    if not weights.is_dir():
        raise ConfigError(f"{prefix}{text}: {run.id} has no {weights.relative_to(run.path)}")
    return run, weights, text
