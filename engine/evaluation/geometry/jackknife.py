"""Intervals of statistics that are no means of queries, by leaving out one cluster at a time.

Efron and Tibshirani 1993, chapter 11: the standard error of a statistic t is the root of (K - 1) / K * sum over
clusters c of (t without c - mean of these)^2, and the interval is Student's with K - 1 degrees of freedom.

Shapes: K clusters, S statistics that are averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.evaluation.arrays import Values
from engine.evaluation.resampling import t_interval, too_few_alike


@dataclass(frozen=True, slots=True)
class Statistic:
    """A statistic, and what it is without each cluster."""

    value: float
    without: Values  # [K]


def mean_of(statistics: list[Statistic]) -> Statistic:
    """The mean over S statistics of the same clusters, as a statistic."""
    return Statistic(
        float(np.mean([one.value for one in statistics])), np.mean([one.without for one in statistics], axis=0)
    )


def jackknife_interval(statistic: Statistic) -> tuple[float, float] | None:
    """95 %; None where there are fewer than two clusters, where one of them holds all there is, or where all are alike
    and too few to say how rare others are."""
    clusters = len(statistic.without)
    if clusters < 2 or not np.isfinite(statistic.without).all():
        return None
    spread = ((statistic.without - statistic.without.mean()) ** 2).sum()
    value, error = np.array([statistic.value]), np.array([np.sqrt((clusters - 1) / clusters * spread)])
    if too_few_alike(value, error, np.array([clusters]))[0]:
        return None
    low, high = t_interval(value, error, clusters - 1)
    return float(low[0]), float(high[0])
