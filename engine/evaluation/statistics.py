"""Two conditions on the same queries: difference, interval, p-value, and what may be said of them.

A condition is one run, or several that differ only in their seed. Values are averaged over a condition's runs query by
query, and the differences of the same queries are resampled by cluster (engine.evaluation.resampling), beside an
interval over seeds (engine.evaluation.seeds). Two flags come out, and both can be true:

- different: the p-value, adjusted by Holm over the cells of one metric and setting, is below 0.05;
- not inferior: the lower bound of the one-sided 95 % interval lies above -margin, the margin stated before training.

Several data sets are compared as a suite: each by itself, and the mean over them, whose interval resamples clusters
within each data set. The data sets are fixed: nothing is said of others.

Promised, and measured by benchmarks/coverage.py: 95 % intervals cover 93 to 97 % from 24 clusters on for normal and for
exponential differences in two levels of clusters, with 1, 3 and 5 seeds. Where 85 % of the differences are 0, those of
whole clusters included, they cover 92 % at 24 and 48 clusters and 94 % at 140 (the percentile bootstrap: 90 % at 48).
Intervals of means over 2, 5 and 12 data sets of 50 to 600 queries cover 93 to 96 %, and over five seeds 95 to 97 %.

Where no cluster has a difference, or all have the same, there is an interval from 59 clusters on, of width zero: then
fewer than one cluster in twenty is another, with 95 % confidence. That bounds how often a difference occurs, not how
large it is. With fewer clusters there is too little data to say: no interval, no bound, and so "undecided".

Shapes: S runs of a condition, N values (a query, or a query and a passage language), H strata, D data sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.evaluation.arrays import Ints, Values
from engine.evaluation.resampling import (
    FLIPS,
    REPLICATES,
    ClusterTotals,
    Intervals,
    bootstrap_intervals,
    cluster_totals,
    sign_flip_p_values,
    suite_intervals,
    suite_p_value,
)
from engine.evaluation.seeds import ENOUGH_SEEDS, Combined, SeedSpread, combine, seed_spread
from engine.measures import Wanted

LEVEL = 0.95

# "for these models": nothing was trained, so that there are no seeds to speak of.
Basis = Literal["for these models", "for these seeds", "over seeds"]


@dataclass(frozen=True, slots=True)
class Condition:
    """The values of one or several runs on the same queries."""

    values: Values  # [S, N]
    seeds: tuple[int, ...]  # S; empty: a system that was not trained

    @property
    def runs(self) -> tuple[int, tuple[int, ...]]:
        """How many, and their seeds."""
        return len(self.values), self.seeds


@dataclass(frozen=True, slots=True)
class Difference:
    """Run minus baseline in one stratum, or macro-averaged over strata. None: too few clusters or seeds to say."""

    value: float
    baseline_value: float
    difference: float
    interval: tuple[float, float] | None  # 95 %, over clusters, and over seeds too where ``basis`` says so
    lower_bound: float | None  # of the one-sided 95 % interval that is open above, on the same basis
    upper_bound: float | None  # of the one that is open below; the two bounds are the ends of the 90 % interval
    p: float | None  # not adjusted
    seed_interval: tuple[float, float] | None  # 95 %, Student's t over seeds, on these queries
    basis: Basis
    clusters: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """All strata that have queries, by their number, and their mean."""

    macro: Difference
    strata: dict[int, Difference]


@dataclass(frozen=True, slots=True)
class Paired:
    """Two conditions on the same N values of one benchmark."""

    run: Condition
    baseline: Condition
    stratum: Ints  # [N] below ``strata``
    clusters: Sequence[str]  # [N]
    strata: int

    def __post_init__(self) -> None:
        """Raises ValueError where the shapes do not fit, or there are no values."""
        count = len(self.stratum)
        shapes = self.run.values.shape, self.baseline.values.shape
        if not count or any(shape[1:] != (count,) for shape in shapes):
            raise ValueError(f"{shapes[0]} and {shapes[1]} values for {count} queries")

    def difference_totals(self) -> ClusterTotals:
        """Of the difference of the two means over runs."""
        return self._totals(self.run.values.mean(axis=0) - self.baseline.values.mean(axis=0))

    def means(self) -> tuple[Values, Values]:
        """[S, H + 1] of the run and of the baseline: the mean of each stratum and their mean."""
        run, baseline = (
            np.stack([self._totals(values).means() for values in side.values]) for side in (self.run, self.baseline)
        )
        return run, baseline

    def _totals(self, values: Values) -> ClusterTotals:
        return cluster_totals(values, self.stratum, self.clusters, self.strata)


@dataclass(frozen=True, slots=True)
class SuiteComparison:
    """The mean over data sets, and each of them."""

    mean: Difference  # of the macro averages of the data sets
    data_sets: list[Comparison]  # in the order given


def compare_conditions(
    run: Condition,
    baseline: Condition,
    stratum: Ints,
    clusters: Sequence[str],
    strata: int,
    *,
    replicates: int = REPLICATES,
    flips: int = FLIPS,
    seed: int = 0,
) -> Comparison:
    """Compares two conditions on the same N values; ``stratum`` [N] below ``strata``, ``clusters`` [N].

    The same ``seed`` gives the same resamples, and so the same intervals and p-values.

    Raises:
        ValueError: the shapes do not fit, or there are no values.
    """
    return compare_paired(
        Paired(run, baseline, stratum, clusters, strata), replicates=replicates, flips=flips, seed=seed
    )


def compare_paired(paired: Paired, *, replicates: int = REPLICATES, flips: int = FLIPS, seed: int = 0) -> Comparison:
    """The same for what is paired already."""
    data = paired.difference_totals()
    found = _differences(
        bootstrap_intervals(data, level=LEVEL, replicates=replicates, seed=seed),
        sign_flip_p_values(data, flips=flips, seed=seed),
        paired.means(),
        (paired.run.seeds, paired.baseline.seeds),
        data.clusters,
    )
    return Comparison(found[-1], {index: found[index] for index in np.unique(paired.stratum).tolist()})


def compare_suite(
    data_sets: Sequence[Paired], *, replicates: int = REPLICATES, flips: int = FLIPS, seed: int = 0
) -> SuiteComparison:
    """Compares the same two conditions, run for run, on several data sets that share no cluster.

    Raises:
        ValueError: there are no data sets, or not all are of the same runs.
    """
    if (
        len({(len(one.run.values), one.run.seeds, len(one.baseline.values), one.baseline.seeds) for one in data_sets})
        != 1
    ):
        raise ValueError("a suite needs the same runs on every data set")
    each = [compare_paired(one, replicates=replicates, flips=flips, seed=seed) for one in data_sets]
    return SuiteComparison(suite_mean(data_sets, replicates=replicates, flips=flips, seed=seed), each)


def suite_mean(
    data_sets: Sequence[Paired], *, replicates: int = REPLICATES, flips: int = FLIPS, seed: int = 0
) -> Difference:
    """The mean over data sets alone; of each run it is the mean of its macro averages."""
    totals = [one.difference_totals() for one in data_sets]
    means = [one.means() for one in data_sets]
    run, baseline = (np.mean([of_one[side][:, -1:] for of_one in means], axis=0) for side in (0, 1))  # [S, 1]
    (found,) = _differences(
        suite_intervals(totals, level=LEVEL, replicates=replicates, seed=seed),
        suite_p_value(totals, flips=flips, seed=seed),
        (run, baseline),
        (data_sets[0].run.seeds, data_sets[0].baseline.seeds),
        np.array([sum(int(data.clusters[-1]) for data in totals)]),
    )
    return found


def _differences(
    intervals: Intervals,
    p: Values,
    means: tuple[Values, Values],
    seeds: tuple[Sequence[int], Sequence[int]],
    clusters: Ints,
) -> list[Difference]:
    """One a column, of intervals over clusters, p-values [E], ``means`` [S, E] of run and baseline, clusters [E]."""
    run, baseline = means
    spread = seed_spread(run, baseline, *seeds)
    basis: Basis = "over seeds" if min(len(run), len(baseline)) >= ENOUGH_SEEDS else "for these seeds"
    if not any(seeds):
        basis = "for these models"
    on_basis: Intervals | Combined = intervals
    if spread is not None and basis == "over seeds":
        on_basis = combine(intervals, spread, LEVEL)
        p = on_basis.p
    seed_low, seed_high = _seed_interval(spread, intervals)
    return [
        Difference(
            value=float(run[:, column].mean()),
            baseline_value=float(baseline[:, column].mean()),
            difference=float(intervals.mean[column]),
            interval=_pair(on_basis.low[column], on_basis.high[column]),
            lower_bound=_finite(on_basis.lower_bound[column]),
            upper_bound=_finite(on_basis.upper_bound[column]),
            p=_finite(p[column]),
            seed_interval=_pair(seed_low[column], seed_high[column]),
            basis=basis,
            clusters=int(clusters[column]),
        )
        for column in range(len(clusters))
    ]


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment (1979): p-values that hold together; None stays None and is not counted."""
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for position, (p, index) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - position)))
        adjusted[index] = largest
    return adjusted


def is_different(p_adjusted: float | None) -> bool:
    return p_adjusted is not None and p_adjusted < 1 - LEVEL


def is_not_inferior(found: Difference, margin: float) -> bool | None:
    """None where there is no bound to judge by."""
    return None if found.lower_bound is None else found.lower_bound > -margin


def verdict(found: Difference, *, different: bool, not_inferior: bool | None, margin: float, wanted: Wanted) -> str:
    """The two flags in words.

    Better, worse, worse but not inferior, not inferior or undecided where higher values are wanted; lower, higher or
    undecided for measures of bias, which have no margin.
    """
    if wanted != "higher":
        words = ("lower" if found.difference < 0 else "higher") if different else "undecided"
    elif different and found.difference > 0:
        words = "better"
    else:
        judged = ["worse"] if different else []
        judged += [f"not inferior at the margin of {margin:g}"] if not_inferior else []
        words = " but ".join(judged) or "undecided"
    return f"{words}, for these seeds" if found.basis == "for these seeds" else words


def _seed_interval(spread: SeedSpread | None, intervals: Intervals) -> tuple[Values, Values]:
    if spread is None:
        return np.full_like(intervals.mean, np.nan), np.full_like(intervals.mean, np.nan)
    return spread.interval(LEVEL)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _pair(low: float, high: float) -> tuple[float, float] | None:
    return (float(low), float(high)) if np.isfinite(low) and np.isfinite(high) else None
