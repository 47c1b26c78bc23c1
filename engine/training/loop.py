"""The training loop: update, report, evaluate, checkpoint; everything else is called from here.

The order at step s is fixed, so that a run killed anywhere repeats exactly what was lost: obey commands,
save what is due, evaluate what is due, then compute the next update.
"""

from __future__ import annotations

from typing import Protocol

from engine.config import RunConfig
from engine.training.trainer import StepRecord, Trainer


class Observer(Protocol):
    """What surrounds the updates; any of these may raise to leave the loop (pause, stop)."""

    def boundary(self) -> None:
        """Between two updates: obey commands."""

    def record(self, record: StepRecord) -> None:
        """One update is done."""

    def checkpoint(self) -> None:
        """Save the trainer as it stands, unless this very step is saved already."""

    def evaluate(self) -> bool:
        """Evaluate the encoder as it stands, unless this very step is evaluated already; true: train no further."""


def train(trainer: Trainer, config: RunConfig, observer: Observer) -> None:
    """Takes ``trainer`` from wherever it stands to ``max_steps``, or to where validation stops improving.

    Raises:
        NonFiniteError: too many updates in a row were left out, or a weight is not finite.
    """
    if trainer.step == 0 and trainer.device.type == "cuda" and not trainer.ranks.is_sharded:
        trainer.fit_into_memory()
    while True:
        observer.boundary()
        saves, evaluates = checkpoint_due(trainer.step, config), evaluation_due(trainer.step, config)
        if saves or evaluates:
            trainer.check(weights=True)
        if saves:
            observer.checkpoint()
        if evaluates and observer.evaluate():
            observer.checkpoint()
            return
        if trainer.step >= config.optimizer.max_steps:
            return
        observer.record(trainer.update())
        trainer.check(weights=False)


def checkpoint_due(step: int, config: RunConfig) -> bool:
    every = config.checkpoint.every
    return step == config.optimizer.max_steps or (every > 0 and step > 0 and step % every == 0)


def evaluation_due(step: int, config: RunConfig) -> bool:
    if not config.evaluation.benchmarks and config.evaluation.validation != "loss":
        return False
    every = config.evaluation.every
    if step == 0:
        return config.evaluation.at_start
    return step == config.optimizer.max_steps or (every > 0 and step % every == 0)
