"""What several training seeds add: the spread between runs that differ in nothing but chance.

Resampling clusters says how a difference would move with other queries *for these seeds*; the interval over seeds says
how it would move with other seeds *on these queries*. From ``ENOUGH_SEEDS`` on a side the two variances are added, and
the sum speaks about other queries and other seeds at once. The part of the variance that belongs to query and seed
together is in both, which makes that sum a little too large rather than too small (Owen 2007, "The pigeonhole
bootstrap"). Fewer seeds estimate their spread too poorly for that.

Shapes: S runs of one condition, E columns (strata and their mean).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.evaluation.arrays import Values
from engine.evaluation.resampling import Intervals, t_interval, t_p_value

ENOUGH_SEEDS = 5


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """The standard error over seeds of a difference between two conditions, with its degrees of freedom."""

    mean: Values  # [E]
    standard_error: Values  # [E]
    freedom: Values  # [E]

    def interval(self, level: float = 0.95) -> tuple[Values, Values]:
        """Student's t over seeds."""
        return t_interval(self.mean, self.standard_error, self.freedom, level)


def seed_spread(
    run: Values, baseline: Values, run_seeds: Sequence[int], baseline_seeds: Sequence[int]
) -> SeedSpread | None:
    """Spread over seeds of mean(run) - mean(baseline); ``run`` is [S, E], ``baseline`` [S', E].

    Runs with the same seeds are paired by seed; others are two samples of their own variances (Welch). None where a
    side has a single run, which shows no spread.
    """
    if len(run) < 2 or len(baseline) < 2:
        return None
    mean = run.mean(axis=0) - baseline.mean(axis=0)
    if sorted(run_seeds) == sorted(baseline_seeds):
        paired = run[np.argsort(run_seeds)] - baseline[np.argsort(baseline_seeds)]
        error = paired.std(axis=0, ddof=1) / np.sqrt(len(paired))
        return SeedSpread(mean, error, np.full(mean.shape, len(paired) - 1.0))
    first, second = (side.var(axis=0, ddof=1) / len(side) for side in (run, baseline))
    freedom = _satterthwaite((first, len(run) - 1), (second, len(baseline) - 1))
    return SeedSpread(mean, np.sqrt(first + second), freedom)


@dataclass(frozen=True, slots=True)
class Combined:
    """A difference over other queries and other seeds."""

    low: Values  # [E]
    high: Values  # [E]
    lower_bound: Values  # [E]
    upper_bound: Values  # [E]
    p: Values  # [E]


def combine(queries: Intervals, seeds: SeedSpread, level: float = 0.95) -> Combined:
    """Student's t with both variances and Satterthwaite's degrees of freedom."""
    between, within = seeds.standard_error**2, queries.standard_error**2
    error = np.sqrt(between + within)
    freedom = _satterthwaite((between, seeds.freedom), (within, queries.freedom))
    low, high = t_interval(queries.mean, error, freedom, level)
    lower_bound, upper_bound = t_interval(queries.mean, error, freedom, 2 * level - 1)
    return Combined(low, high, lower_bound, upper_bound, t_p_value(queries.mean, error, freedom))


def _satterthwaite(first: tuple[Values, Values | int], second: tuple[Values, Values | int]) -> Values:
    """Degrees of freedom of a sum of two independent variances of means, each with its own."""
    (a, a_freedom), (b, b_freedom) = first, second
    spread = a**2 / a_freedom + b**2 / b_freedom
    total = np.asarray(np.minimum(a_freedom, b_freedom) + np.zeros_like(a))
    return np.divide((a + b) ** 2, spread, out=total.astype(np.float64), where=spread > 0)
