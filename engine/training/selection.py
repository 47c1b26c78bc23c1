"""Which step is the best one by validation, and when to stop waiting for a better one.

A pure function of the values so far, in the order of their steps; the log holds them, so a resumed run decides as one
that never stopped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.config import EvaluationConfig

_LOWER_IS_BETTER = ("loss", "rank_distance")


@dataclass(frozen=True, slots=True)
class Standing:
    """After a validation."""

    best_step: int | None = None  # None: no value was a number yet
    best_value: float | None = None
    since_best: int = 0  # validations after it

    def after(self, step: int, value: float, *, lower_is_better: bool) -> Standing:
        """The standing after ``value`` at ``step``: the first of equal values is the best, NaN never is."""
        if not math.isfinite(value):
            return Standing(self.best_step, self.best_value, self.since_best + 1)
        if self.best_value is not None:
            better = value < self.best_value if lower_is_better else value > self.best_value
            if not better:
                return Standing(self.best_step, self.best_value, self.since_best + 1)
        return Standing(step, value, 0)


def metric_of(evaluation: EvaluationConfig, languages: int) -> str:
    """The metric of a benchmark of so many languages that a config validates by.

    The pool of one language is that language, where the default, mAP in the pool of all, is called map_monolingual.
    """
    metric = evaluation.validation_metric
    return "map_monolingual" if metric == "map_multilingual" and languages == 1 else metric


def lower_is_better(measure: str) -> bool:
    """``measure``: as events name it, "loss" or benchmark and metric."""
    return measure.split()[-1] in _LOWER_IS_BETTER
