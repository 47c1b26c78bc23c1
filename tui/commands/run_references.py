"""What a command names by RUN, RUN@STEP or RUN@best: the evaluations of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.runs.weights import run_and_step

if TYPE_CHECKING:
    from engine.export.run_results import RunReference


def run_reference(home: Path, text: str) -> RunReference:
    """The evaluations of the run as a whole, or of the step that is named.

    Raises:
        ConfigError: there is no such run, or the step is no number; one line.
    """
    from engine.export.run_results import Checkpoint

    run, step = run_and_step(home, text)
    is_whole = step is None or text.endswith("@best")  # the run as a whole is judged by the step that it chose
    return run.path if step is None or is_whole else Checkpoint(run.path, step)
