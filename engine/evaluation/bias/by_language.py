"""Language bias by query language: how far apart the relevant passages rank, and which way.

Rank distance is a dispersion: it grows with the level of the ranks even where languages play no part, and it does not
change when languages are permuted. The own-language advantage has a sign: 0 when the answer's language does not
matter, d when passages in the question's language rank d doublings better than the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Ints, Values
from engine.evaluation.resampling import bootstrap_intervals, cluster_totals
from engine.evaluation.scores import Scores
from engine.events import Advantage, RankDistances

_REPLICATES = 999  # an evaluation during training waits for them


_BINS_AN_OCTAVE = 8


def histogram_edges(pool: int) -> list[int]:
    """Bins [low, high) of whole distances: one for each below 16, then eight an octave, up to the size of the pool.

    Edges are whole numbers, because distances are, and an octave is cut into eight equal parts (16, 18, 20, ..., 30):
    so each holds equally many distances, and no bin looks fuller than its neighbour by construction. Every power of two
    is an edge: bins of a whole octave, which earlier versions had, are sums of these.
    """
    edges = list(range(_BINS_AN_OCTAVE + 1))
    while edges[-1] < pool:
        edges.append(edges[-1] + max(1, 2 ** (edges[-1].bit_length() - 1) // _BINS_AN_OCTAVE))
    return edges


def rank_distances(benchmark: Benchmark, distances: Scores, edges: Sequence[int]) -> dict[str, RankDistances]:
    """Distribution of max - min rank by query language; languages without such queries are left out."""
    language = benchmark.query_language[distances.query]
    summaries = {}
    for index, name in enumerate(benchmark.languages):
        mine = distances.value[language == index]
        if len(mine):
            median, p90 = np.quantile(mine, [0.5, 0.9])
            summaries[name] = RankDistances(
                queries=len(mine),
                mean=float(mine.mean()),
                median=float(median),
                p90=float(p90),
                histogram=np.histogram(mine, edges)[0].tolist(),
            )
    return summaries


def own_language_advantages(benchmark: Benchmark, advantages: Scores) -> tuple[dict[str, Advantage], Advantage | None]:
    """(mean over each language's queries, mean over languages), with 95 % bootstrap intervals over clusters.

    Languages that are harder for every query cancel out of the mean over languages, where each is asked and answered
    alike; it is None where no query has an advantage.
    """
    language = benchmark.query_language[advantages.query].astype(np.int64)
    clusters = np.asarray(benchmark.query_cluster)[advantages.query].tolist()
    data = cluster_totals(advantages.value, language, clusters, len(benchmark.languages))
    found = bootstrap_intervals(data, replicates=_REPLICATES)
    summaries = [
        _advantage(mean, low, high, int(count)) if np.isfinite(mean) else None
        for mean, low, high, count in zip(found.mean, found.low, found.high, data.clusters, strict=True)
    ]
    by_language = zip(benchmark.languages, summaries[:-1], strict=True)
    return {name: summary for name, summary in by_language if summary is not None}, summaries[-1]


def mean_interval(benchmark: Benchmark, queries: Ints, values: Values) -> tuple[float, float] | None:
    """95 % bootstrap interval over clusters of the mean over query languages of ``values`` [n] of ``queries`` [n].

    None where there are too few clusters to tell.
    """
    clusters = np.asarray(benchmark.query_cluster)[queries].tolist()
    language = benchmark.query_language[queries].astype(np.int64)
    present, stratum = np.unique(language, return_inverse=True)
    found = bootstrap_intervals(
        cluster_totals(values, stratum.astype(np.int64), clusters, len(present)), replicates=_REPLICATES
    )
    low, high = float(found.low[-1]), float(found.high[-1])
    return (low, high) if np.isfinite(low) and np.isfinite(high) else None


def _advantage(mean: float, low: float, high: float, clusters: int) -> Advantage:
    """With its interval, where the clusters are enough to tell of one."""
    if not np.isfinite(low):
        plural = "" if clusters == 1 else "s"
        return Advantage(
            mean=float(mean), interval=None, no_interval=f"too little data: {clusters} cluster{plural} of queries"
        )
    return Advantage(mean=float(mean), interval=(float(low), float(high)))
