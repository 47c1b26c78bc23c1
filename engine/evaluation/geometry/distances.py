"""Alignment, uniformity and offset of two languages, from unit vectors of translations.

Shapes: n sets of translations that both languages have, D dimensions, K clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.evaluation.arrays import Floats, Ints, Values
from engine.evaluation.geometry.jackknife import Statistic
from engine.evaluation.products import product

_SHARPNESS = 2.0  # t of Wang and Isola


@dataclass(frozen=True, slots=True)
class PairDistances:
    """What two languages, or a language and itself, have between them.

    Attributes:
        alignment: mean ||x_i - y_i||^2 over translations: 2 - 2 cos; a language with itself has none.
        apart: mean ||x_i - y_j||^2 over i != j, texts that are no translations: alignment by chance.
        uniformity: log mean exp(-2 ||x_i - y_j||^2) over i != j (Wang and Isola, arXiv 2005.10242, between languages).
    """

    alignment: Statistic
    apart: float
    uniformity: Statistic


def pair_distances(first: Floats, second: Floats, cluster: Ints, clusters: int) -> PairDistances:
    """Of unit vectors [n, D] of translations, row by row; ``cluster`` [n] below ``clusters``, which is K."""
    count = len(first)
    between = np.maximum(2.0 - 2.0 * product(first, second.T).astype(np.float64), 0.0)  # [n, n]
    parallel = np.maximum(2.0 - 2.0 * np.einsum("nd,nd->n", first.astype(np.float64), second.astype(np.float64)), 0.0)
    sizes = np.bincount(cluster, minlength=clusters).astype(np.float64)
    sums = np.bincount(cluster, parallel, minlength=clusters)
    alignment = Statistic(float(parallel.mean()), _divided(sums.sum() - sums, count - sizes))
    others = count * (count - 1)
    apart = float((between.sum() - np.trace(between)) / others) if others else np.nan
    near = np.exp(-_SHARPNESS * between)
    np.fill_diagonal(near, 0.0)
    total = near.sum()
    # Without cluster c: neither its rows nor its columns; where they cross is taken away once.
    rows, columns = near.sum(axis=1), near.sum(axis=0)
    order = np.argsort(cluster, kind="stable")
    starts = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    by_cluster = np.add.reduceat(near[order], starts, axis=0)  # [clusters that are there, n]
    place = np.zeros(clusters, np.int64)
    place[cluster[order][starts]] = np.arange(len(starts))
    inside = by_cluster[place[cluster], np.arange(count)]  # [n] of each column, the rows of its own cluster
    lost = np.bincount(cluster, rows + columns - inside, minlength=clusters)
    left = count - sizes
    with np.errstate(divide="ignore", invalid="ignore"):
        without = np.log(_divided(total - lost, left * (left - 1)))
        uniformity = float(np.log(total / others)) if others else np.nan
    return PairDistances(alignment, apart, Statistic(uniformity, without))


def language_offset(first: Floats, second: Floats, cluster: Ints, clusters: int) -> tuple[Statistic, float]:
    """(||mean of x_i - y_i||, the same if languages were exchanged at random).

    The null flips the sign of a whole cluster's differences, as if who is which language had been drawn for each: the
    root mean square over all such draws is sqrt(sum over clusters of ||D_c||^2) / n, D_c the sum of differences in c.
    """
    differences = first.astype(np.float64) - second.astype(np.float64)
    sums = np.zeros((clusters, differences.shape[1]))
    np.add.at(sums, cluster, differences)
    sizes = np.bincount(cluster, minlength=clusters).astype(np.float64)
    total, count = sums.sum(axis=0), len(differences)
    without = _divided(np.linalg.norm(total - sums, axis=1), count - sizes)
    return Statistic(float(np.linalg.norm(total) / count), without), float(np.sqrt((sums**2).sum()) / count)


def _divided(values: Values, by: Values) -> Values:
    """NaN where nothing is left to divide by."""
    found: Values = np.full(values.shape, np.nan)
    return np.divide(values, by, out=found, where=by > 0)
