"""Percentile bootstrap intervals of means, resampling clusters instead of queries.

Queries that share an article are not independent: resampling them one by one makes intervals too narrow. Each
replicate draws as many clusters as there are, with replacement; that is a weight per cluster, so that a replicate is
one row of a matrix product and no query is copied.

Shapes: N values, K clusters, B replicates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

REPLICATES = 2000
_BATCH = 250  # replicates weighted at once: bounds memory at 250 x K


def mean_interval(
    values: npt.NDArray[np.float64],
    clusters: Sequence[str],
    *,
    level: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> tuple[float, float] | None:
    """The interval of the mean of ``values`` [N]; ``clusters`` [N] says where each belongs.

    None below two clusters: there is nothing to resample. The same seed gives the same interval.
    """
    names, member = np.unique(np.asarray(clusters), return_inverse=True)
    if len(names) < 2:
        return None
    totals = np.bincount(member, values)  # [K]
    sizes = np.bincount(member).astype(np.float64)  # [K]
    rng = np.random.default_rng(seed)
    even = np.full(len(names), 1 / len(names))
    means = []
    for start in range(0, replicates, _BATCH):
        weights = rng.multinomial(len(names), even, size=min(_BATCH, replicates - start)).astype(np.float64)  # [B, K]
        means.append((weights @ totals) / (weights @ sizes))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
