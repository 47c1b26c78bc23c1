"""Intervals and p-values of means over queries, resampling whole clusters of queries.

Questions that share an article, and translations of one question, are not independent: clusters are, so clusters are
what is resampled. Values lie in strata (languages or pairs of languages). Every stratum has its mean over queries, and
the last column of every result here is the macro average, the mean over strata.

Interval: the bootstrap-t (Davison and Hinkley 1997, sections 2.4 and 5.2). Each replicate draws K of the K clusters
with replacement, and its t-value is (mean* - mean) / standard error*, where the standard error is the linearised
cluster-robust one; the quantiles of those t-values stand where a t-interval has those of Student's t. Percentile and
BCa intervals, measured beside it in benchmarks/coverage.py, cover less of skewed differences at 24 and 48 clusters.
Where fewer than ``FEW_CLUSTERS`` clusters have any difference, resamples without one make the bootstrap-t erratic, and
Student's t with the same standard error is used.

Where all clusters are alike, as all of two equal systems' differences are 0, there is no spread to resample, and what
can be said is how rare another cluster is: by the rule of three (Hanley and Lippman-Hand 1983), K clusters that are
alike leave at most 1 - 0.05^(1/K) of all clusters that are not, with 95 % confidence. From ``ENOUGH_ALIKE`` on that is
less than one in twenty, and the interval has a width of zero; with fewer there is none.

p-value: sign flips. If it does not matter which of two runs is which, exchanging them within a whole cluster leaves the
distribution as it is, so the signs of all of a cluster's differences flip together.

Several data sets (a suite) share no cluster and are fixed: another draw would hold other queries of the same data sets.
So clusters are drawn within each data set, and the variance of the mean over data sets is the sum of theirs over D^2.

Shapes: N values, K clusters, H strata, B replicates or flips, D data sets; H + 1 columns with the macro average.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from engine.evaluation.arrays import Flags, Ints, Values

REPLICATES = 2999
FLIPS = 9999
FEW_CLUSTERS = 20
ENOUGH_ALIKE = 59  # 0.95^59 < 0.05

_ROUNDING = 1e-6  # of a mean of equal values: what their standard error comes to
_EXACT_CLUSTERS = 13  # 2**13 sign vectors are fewer than FLIPS: all of them are taken
_BATCH = 250  # replicates at once, if they are not ...
_CELLS = 2_500_000  # ... more than so many weights or signs: 20 MB


@dataclass(frozen=True, slots=True)
class ClusterTotals:
    """Sums of values and numbers of queries by cluster and stratum: all that means and resamples depend on."""

    totals: Values  # [K, H]
    sizes: Values  # [K, H]
    informative: Ints  # [H + 1] clusters with a value other than 0

    @property
    def clusters(self) -> Ints:
        """[H + 1] clusters with a query."""
        present = self.sizes > 0
        found: Ints = np.append(present.sum(axis=0), present.any(axis=1).sum())
        return found

    def means(self) -> Values:
        """[H + 1] mean of each stratum and their mean; NaN for a stratum without queries."""
        found: Values = _resample(self, np.ones((1, len(self.totals))))[0][0]
        return found


def cluster_totals(values: Values, stratum: Ints, clusters: Sequence[str], strata: int) -> ClusterTotals:
    """Totals of ``values`` [N], where ``stratum`` [N] and ``clusters`` [N] say where each belongs."""
    names, member = np.unique(np.asarray(clusters), return_inverse=True)
    cell, shape = member * strata + stratum, (len(names), strata)

    def by_cell(weights: Values | None) -> Values:
        counted: Values = np.bincount(cell, weights, minlength=len(names) * strata).astype(np.float64)
        return counted.reshape(shape)

    differing = by_cell((values != 0).astype(np.float64)) > 0
    informative = np.append(differing.sum(axis=0), differing.any(axis=1).sum())
    return ClusterTotals(by_cell(values), by_cell(None), informative)


@dataclass(frozen=True, slots=True)
class Intervals:
    """All but the mean and the freedom are NaN where nothing can be said: of one cluster, and of fewer than
    ``ENOUGH_ALIKE`` that are all alike."""

    mean: Values  # [H + 1] NaN for a stratum without queries
    standard_error: Values  # [H + 1] linearised, cluster-robust
    freedom: Values  # [H + 1] degrees of freedom of the standard error
    low: Values  # [H + 1] of the two-sided interval
    high: Values  # [H + 1]
    lower_bound: Values  # [H + 1] of the one-sided interval that is open above
    upper_bound: Values  # [H + 1] of the one that is open below


def bootstrap_intervals(
    data: ClusterTotals, *, level: float = 0.95, replicates: int = REPLICATES, seed: int = 0
) -> Intervals:
    """Bootstrap-t intervals of the stratum means and of their mean; the same seed gives the same intervals."""
    mean, variance = (found[0] for found in _resample(data, np.ones((1, len(data.totals)))))
    error = np.sqrt(variance)
    error[(data.clusters < 2) | too_few_alike(mean, error, data.clusters)] = np.nan
    freedom = np.maximum(data.clusters - 1, 1).astype(np.float64)
    if len(data.totals) < 2:
        return Intervals(mean, error, freedom, error, error, error, error)
    means, variances = _bootstrap(data, replicates, _drawing(np.random.default_rng(seed)))
    drawn = _t_values(means - mean, np.sqrt(variances))
    return _intervals(mean, error, freedom, drawn, data.informative < FEW_CLUSTERS, level)


def suite_intervals(
    data_sets: Sequence[ClusterTotals], *, level: float = 0.95, replicates: int = REPLICATES, seed: int = 0
) -> Intervals:
    """Bootstrap-t interval of the mean over data sets of their macro averages, one column.

    Each replicate draws clusters within every data set. The degrees of freedom are Satterthwaite's; where they are
    fewer than those of ``FEW_CLUSTERS`` clusters, which a small data set with a large variance brings about, or where
    too few clusters have any difference, Student's t takes the place of the bootstrap-t. NaN, but for the mean, where
    a data set has fewer than two clusters, or where all clusters are alike and there are too few of them.
    """
    found = [_resample(data, np.ones((1, len(data.totals)))) for data in data_sets]
    mean = np.array([np.mean([means[0, -1] for means, _ in found])])
    parts = np.array([variances[0, -1] for _, variances in found]) / len(data_sets) ** 2  # [D]
    inside = np.array([len(data.totals) - 1 for data in data_sets])
    if inside.min() < 1:
        unknown = np.array([np.nan])
        return Intervals(mean, unknown, np.ones(1), unknown, unknown, unknown, unknown)
    total, spread = parts.sum(), (parts**2 / inside).sum()
    freedom = np.array([total**2 / spread if spread > 0 else inside.sum()])
    drawn_means, drawn_variances = np.zeros(replicates), np.zeros(replicates)
    for number, data in enumerate(data_sets):  # a stream of random numbers each, or equal sizes would be drawn alike
        means, variances = _bootstrap(data, replicates, _drawing_one_by_one(np.random.default_rng([seed, number])))
        drawn_means += means[:, -1] / len(data_sets)
        drawn_variances += variances[:, -1] / len(data_sets) ** 2
    drawn = _t_values((drawn_means - mean)[:, None], np.sqrt(drawn_variances)[:, None])
    informative = sum(int(data.informative[-1]) for data in data_sets)
    erratic = (freedom < FEW_CLUSTERS - 1) | (informative < FEW_CLUSTERS)
    error = np.sqrt(np.array([total]))
    # What is alike in all of them could be another thing in the smallest, which has an equal part in the mean.
    fewest = np.array([len(data_sets) * min(len(data.totals) for data in data_sets)])
    error[too_few_alike(mean, error, fewest)] = np.nan
    return _intervals(mean, error, freedom, drawn, erratic, level)


def too_few_alike(mean: Values, error: Values, clusters: Ints) -> Flags:
    """[E] Whether all clusters are alike and too few to say how rare others are."""
    found: Flags = (error <= _ROUNDING * np.abs(mean)) & (clusters < ENOUGH_ALIKE)
    return found


def _bootstrap(data: ClusterTotals, replicates: int, draw: Callable[[int, int], Values]) -> tuple[Values, Values]:
    """Means [B, H + 1] and their squared standard errors in resamples of all K clusters.

    ``draw(B, K)`` says how often each cluster is in each resample, [B, K].
    """
    clusters = len(data.totals)
    drawn = [_resample(data, draw(size, clusters)) for size in _batches(replicates, _batch(clusters))]
    return np.concatenate([means for means, _ in drawn]), np.concatenate([variances for _, variances in drawn])


def _drawing(rng: np.random.Generator) -> Callable[[int, int], Values]:
    """By numpy's multinomial distribution."""

    def draw(size: int, clusters: int) -> Values:
        return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=size).astype(np.float64)

    return draw


def _drawing_one_by_one(rng: np.random.Generator) -> Callable[[int, int], Values]:
    """The same distribution from other random numbers, many times faster: a suite has thousands of clusters.

    Benchmarks stay with the former, or all intervals that were ever reported would change in their last digits.
    """

    def draw(size: int, clusters: int) -> Values:
        drawn = rng.integers(0, clusters, (size, clusters)) + clusters * np.arange(size)[:, None]
        counts: Values = np.bincount(drawn.ravel(), minlength=size * clusters).astype(np.float64)
        return counts.reshape(size, clusters)

    return draw


def _t_values(difference: Values, errors: Values) -> Values:
    # A resample without variation says nothing about scale: its t is 0 or without bound.
    unbounded = np.where(np.isclose(difference, 0, atol=1e-12), 0.0, np.copysign(np.inf, difference))
    return np.divide(difference, errors, out=unbounded, where=errors > 0)


def _intervals(mean: Values, error: Values, freedom: Values, drawn: Values, erratic: Flags, level: float) -> Intervals:
    """From t-values [B, E] of resamples; where they are ``erratic`` [E], from Student's t."""
    tail = 1 - level
    wanted = [tail / 2, 1 - tail / 2, level, tail]
    quantiles = np.quantile(drawn, wanted, axis=0, method="closest_observation")  # [4, E]
    erratic = erratic | ~np.isfinite(quantiles).all(axis=0)
    quantiles = np.where(erratic, stdtrit(freedom, np.array(wanted)[:, None]), quantiles)
    high, low, lower_bound, upper_bound = mean - quantiles * error
    return Intervals(mean, error, freedom, low, high, lower_bound, upper_bound)


def sign_flip_p_values(data: ClusterTotals, *, flips: int = FLIPS, seed: int = 0) -> Values:
    """[H + 1] two-sided p-values of a mean of 0; exact with few clusters, else at least 1 / (flips + 1).

    NaN below two clusters.
    """
    return np.where(data.clusters < 2, np.nan, _flipped(_contributions(data), flips, seed))


def suite_p_value(data_sets: Sequence[ClusterTotals], *, flips: int = FLIPS, seed: int = 0) -> Values:
    """[1] the same of the mean over data sets of their macro averages, flipping the clusters of all of them.

    Where differences of single data sets are true but cancel out, it errs towards 1. NaN where a data set has fewer
    than two clusters.
    """
    if min(len(data.totals) for data in data_sets) < 2:
        return np.array([np.nan])
    contributions = np.concatenate([_contributions(data)[:, -1:] for data in data_sets]) / len(data_sets)
    return _flipped(contributions, flips, seed)


def _contributions(data: ClusterTotals) -> Values:
    """[K, H + 1] what each cluster adds to the mean of each stratum and to their mean."""
    counts = data.sizes.sum(axis=0)  # [H]
    shares = np.divide(data.totals, counts, out=np.zeros_like(data.totals), where=counts > 0)
    return np.column_stack([shares, shares.sum(axis=1) / max(1, np.count_nonzero(counts))])


def _flipped(contributions: Values, flips: int, seed: int) -> Values:
    """Two-sided p-values of sums of ``contributions`` [K, E] whose signs flip row by row."""
    observed = np.abs(contributions.sum(axis=0))
    # A flip that gives the same sum may differ in last bits.
    limit = observed - 1e-9 * np.abs(contributions).sum(axis=0)
    clusters = len(contributions)
    exact = clusters <= _EXACT_CLUSTERS
    reached = np.zeros(contributions.shape[1])
    for signs in _all_signs(clusters) if exact else _random_signs(clusters, flips, seed):
        reached += (np.abs(signs @ contributions) >= limit).sum(axis=0)
    found: Values = reached / 2**clusters if exact else (1 + reached) / (1 + flips)
    return found


def t_interval(mean: Values, error: Values, freedom: Values | int, level: float = 0.95) -> tuple[Values, Values]:
    """Two-sided interval mean -+ t * error with ``freedom`` degrees of freedom."""
    half = stdtrit(freedom, (1 + level) / 2) * error
    return mean - half, mean + half


def t_p_value(mean: Values, error: Values, freedom: Values) -> Values:
    """Two-sided p-value of a mean of 0; 1 where neither the mean nor its error differs from 0."""
    ratio = np.divide(np.abs(mean), error, out=np.where(mean == 0, 0.0, np.inf), where=error > 0)
    return np.asarray(2 * stdtr(freedom, -ratio))


def _resample(data: ClusterTotals, weights: Values) -> tuple[Values, Values]:
    """Means [B, H + 1] and their squared standard errors for ``weights`` [B, K], how often each cluster was drawn.

    The mean of a stratum is a ratio of two sums over clusters; cluster k moves it by (total_k - mean * size_k) / size,
    and the macro average by the mean of that over strata. The variance is K / (K - 1) * sum of squared moves.
    """
    totals, sizes = data.totals, data.sizes
    strata = sizes.any(axis=0)
    counts = weights @ sizes  # [B, H]
    present = counts > 0
    means = np.divide(weights @ totals, counts, out=np.full(counts.shape, np.nan), where=present)
    inverse = np.divide(1.0, counts, out=np.zeros_like(counts), where=present)
    known = np.where(present, means, 0.0)
    moves = weights @ totals**2 - 2 * known * (weights @ (totals * sizes)) + known**2 * (weights @ sizes**2)
    drawn = present.sum(axis=1, keepdims=True)
    macro = known.sum(axis=1, keepdims=True) / np.maximum(drawn, 1)
    share = inverse / np.maximum(drawn, 1)  # [B, H]
    macro_moves = share @ totals.T - (known * share) @ sizes.T  # [B, K]
    of_macro = (weights * macro_moves**2).sum(axis=1, keepdims=True)
    inside = np.append((sizes > 0).sum(axis=0), len(totals))  # clusters that a stratum's mean depends on
    correction = np.divide(inside, inside - 1, out=np.ones(len(inside)), where=inside > 1)
    variances = np.column_stack([np.maximum(moves, 0) * inverse**2, of_macro]) * correction
    means = np.column_stack([means, np.where(strata.any() and drawn > 0, macro, np.nan)])
    # Rounding leaves dust where all moves are 0.
    scale = np.column_stack([known**2, macro**2]) + 1e-300
    return means, np.where(variances < 1e-24 * scale, 0.0, variances)


def _batches(total: int, largest: int) -> Iterator[int]:
    for start in range(0, total, largest):
        yield min(largest, total - start)


def _batch(clusters: int) -> int:
    """Replicates at once."""
    return max(1, min(_BATCH, _CELLS // clusters))


def _random_signs(clusters: int, flips: int, seed: int) -> Iterator[Values]:
    rng = np.random.default_rng(seed)
    for size in _batches(flips, _batch(clusters)):
        yield (rng.integers(0, 2, size=(size, clusters)) * 2 - 1).astype(np.float64)


def _all_signs(clusters: int) -> Iterator[Values]:
    vectors = np.arange(2**clusters)
    for start in range(0, len(vectors), _BATCH):
        yield ((vectors[start : start + _BATCH, None] >> np.arange(clusters) & 1) * 2 - 1).astype(np.float64)
