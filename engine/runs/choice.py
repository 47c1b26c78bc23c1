"""Which step of a run validation chose: for good where the run is finished, else as it stands."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config import RunConfig
from engine.events import from_number
from engine.runs.folder import RunFolder
from engine.runs.reader import RunReader


@dataclass(frozen=True, slots=True)
class Choice:
    """The choice of a run whose config selects the best step."""

    step: int | None  # None: nothing was measured yet
    measure: str  # "loss", or benchmark and metric
    value: float | None  # at that step
    validations: int  # it is the best of so many
    early: bool  # training ended before max_steps, as there was no better one

    def rule(self) -> str:
        """One line for reports."""
        if self.step is None or self.value is None:
            return f"the best by {self.measure}, and nothing was measured yet"
        early = ", training ended early" if self.early else ""
        return f"best of {self.validations} by {self.measure} ({self.value:.4f}), step {self.step:,}{early}"


def choice_of(folder: RunFolder, config: RunConfig) -> Choice | None:
    """Of the run's log; None where the config fixes the last step before training."""
    if config.evaluation.select != "best":
        return None
    reader = RunReader(folder)
    reader.poll()
    state = reader.state
    if not state.validations:
        return Choice(None, "validation", None, 0, state.finished_early)
    last = state.validations[-1]
    value = None if last.best_value is None else from_number(last.best_value)
    return Choice(last.best_step, last.measure, value, len(state.validations), state.finished_early)
