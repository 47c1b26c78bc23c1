"""What a run's checkpoint is chosen by: measured after each evaluation, and told to the log."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from engine import events
from engine.applicability import why_not
from engine.config import ConfigError, EvaluationConfig
from engine.encoder import DualEncoder
from engine.events import from_number
from engine.training.selection import Standing, lower_is_better, metric_of
from engine.training.trainer import Trainer
from engine.training.validation import RowEncoder
from engine.worker.session import Session


class Validator:
    """The validations of one run, of which the log keeps the values."""

    def __init__(
        self,
        session: Session,
        config: EvaluationConfig,
        trainer: Trainer,
        save: Callable[[], object],
        shared: Callable[[DualEncoder], RowEncoder],
    ) -> None:
        """
        Args:
            save: saves a checkpoint of the trainer as it stands; it raises OSError where that fails.
            shared: gives the encoder the help of other ranks, where there are any.
        """
        self._session, self._config, self._trainer, self._save, self._shared = session, config, trainer, save, shared

    @property
    def best_step(self) -> int | None:
        """Of the validations so far, where the config chooses the best; else None."""
        return self.standing().best_step if self._config.select == "best" else None

    def standing(self) -> Standing:
        """Of the validations up to the trainer's step."""
        points = [point for point in self._session.state.validations if point.step <= self._trainer.step]
        if not points:
            return Standing()
        value = points[-1].best_value
        return Standing(points[-1].best_step, None if value is None else from_number(value), points[-1].since_best)

    def has_stopped_improving(self) -> bool:
        """Validates this step where that is due, and says whether training should end.

        Raises:
            ConfigError: the benchmark has no such metric.
        """
        config = self._config
        if config.validation is None:
            return False
        if config.validation == "loss" or config.select == "best":
            self._validate()
        return 0 < config.patience <= self.standing().since_best

    def _validate(self) -> None:
        """Measures this step, unless that was done; a step that is the best so far is saved first."""
        session, step, config = self._session, self._trainer.step, self._config
        if any(point.step == step for point in session.state.validations):
            return
        start = time.monotonic()
        measure, value = ("loss", self._loss()) if config.validation == "loss" else self._metric()
        seconds = time.monotonic() - start
        former = self.standing()
        standing = former.after(step, value, lower_is_better=lower_is_better(measure))
        if config.select == "best" and standing.best_step == step:
            try:
                self._save()
            except OSError as error:
                message = f"step {step:,} is the best so far and cannot be saved, so that it is passed over: {error}"
                session.emit(events.Warning(message=message))
                standing = former.after(step, math.nan, lower_is_better=True)
        session.emit(
            events.Validation(
                step=step,
                measure=measure,
                value=events.to_number(value),
                best_step=standing.best_step,
                best_value=standing.best_value,
                since_best=standing.since_best,
                seconds=seconds if config.validation == "loss" else 0.0,
            )
        )

    def _loss(self) -> float:
        trainer = self._trainer
        assert trainer.validation is not None
        with trainer.finished() as encoder:
            return trainer.validation(
                self._shared(encoder), trainer.loss, lambda: self._session.boundary(within="work")
            )

    def _metric(self) -> tuple[str, float]:
        """(benchmark and metric, value)"""
        config, step = self._config, self._trainer.step
        result = next(
            point.result
            for point in self._session.state.evaluations
            if (point.step, point.benchmark) == (step, config.validation)
        )
        metric = metric_of(config, len(result.languages))
        value = result.metrics.get(metric)
        if value is None:
            reason = why_not(result, metric)
            because = "" if reason is None else f": {reason}"
            raise ConfigError(f"evaluation.validation_metric: {config.validation} has no {metric}{because}")
        return f"{config.validation} {metric}", value
