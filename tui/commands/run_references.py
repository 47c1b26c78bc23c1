"""The evaluations of a run that a command names: RUN, RUN@STEP or RUN@best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.config import ConfigError
from engine.runs.folder import read_spec
from engine.runs.registry import find_run
from engine.runs.status import selected_step

if TYPE_CHECKING:
    from engine.export.run_results import RunReference


def run_reference(home: Path, text: str) -> RunReference:
    """The run as a whole, or at the step that is named.

    Raises:
        ConfigError: there is no such run, or the step is no number; one line.
    """
    from engine.export.run_results import Checkpoint

    name, at, step = text.partition("@")
    run = find_run(home, name)
    if step == "best":  # which stands for the run as a whole
        choice = selected_step(run, read_spec(run).config)
        if choice is None or choice.step is None:
            raise ConfigError(f"{text}: {run.id} has chosen no step (evaluation.select)")
        return run.path
    if at and not step.isdecimal():
        raise ConfigError(f"{text}: expected RUN@STEP with a whole number, or RUN@best")
    return Checkpoint(run.path, int(step)) if at else run.path
