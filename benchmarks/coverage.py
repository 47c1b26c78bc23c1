"""Measures by simulation what engine.evaluation.statistics promises: coverage, one-sided errors, uniform p-values.

    python benchmarks/coverage.py [--json] [--repetitions 1000]

Two runs are compared again and again on freshly drawn benchmarks whose true difference is known. A benchmark has four
languages in two levels of clusters: questions lie in articles (the clusters, of unequal size), and each question is
asked in all four languages. Differences between the runs have a part that an article shares, one that a question's
translations share, one that a language of an article shares, and one of each query alone; and, between seeds, one that
a seed shares and one of each seed and article. Coverage is of

- the mean for these seeds over all articles, by the interval over clusters (1 and 3 seeds);
- the mean over all seeds on these queries, by Student's t over seeds (3 and 5 seeds);
- the mean over all seeds and articles, by the interval "over seeds" (5 seeds).

Peers, on the same draws of 48 articles: scipy's percentile and BCa bootstraps over clusters, and the own interval with
every query as its own cluster, which is what ignoring clusters does.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from engine.evaluation.statistics import Condition, compare_conditions

LANGUAGES = 4
REPLICATES, FLIPS = 999, 999

Values = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, tuple[int, ...]], Values]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
    return rng.standard_normal(shape)


def skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Exponential, centred: skewness 2."""
    return rng.exponential(size=shape) - 1


def sparse(rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Mostly no difference, sometimes a large one, as average precisions of two good runs differ; centred."""
    return (rng.random(shape) < 0.15) * rng.beta(1, 3, shape) * 8 - 0.3


@dataclass(frozen=True)
class Draw:
    """One simulated comparison and its true means."""

    run: Condition
    baseline: Condition
    stratum: npt.NDArray[np.int64]
    articles: list[str]
    of_these_seeds: float  # over all articles
    of_these_queries: float  # over all seeds


def draw(rng: np.random.Generator, noise: Noise, articles: int, seeds: int, seed_spread: float = 0.15) -> Draw:
    """The true mean over all seeds and articles is 0."""
    sizes = np.maximum(2, rng.lognormal(np.log(6), 0.5, articles).astype(int))
    article = np.repeat(np.arange(articles), sizes)  # [questions]
    questions, shape = len(article), (len(article), LANGUAGES)
    shared = 0.4 * noise(rng, (articles,))[article, None] + 0.4 * noise(rng, (questions,))[:, None]
    shared = shared + 0.2 * noise(rng, (articles, LANGUAGES))[article]
    of_seed = seed_spread * rng.standard_normal(seeds)
    of_seed_and_article = 0.2 * rng.standard_normal((seeds, articles))[:, article, None]
    alone = 0.6 * np.stack([noise(rng, shape) for _ in range(seeds)])
    values = (shared + of_seed[:, None, None] + of_seed_and_article + alone).reshape(seeds, -1)
    level = rng.standard_normal(values.shape)  # of the queries; it cancels, being the same for both runs
    numbers = tuple(range(seeds))
    return Draw(
        Condition(level + values, numbers),
        Condition(level, numbers),
        np.tile(np.arange(LANGUAGES), questions),
        [f"a{index}" for index in np.repeat(article, LANGUAGES)],
        float(of_seed.mean()),
        float(shared.mean(axis=0).mean()),
    )


@dataclass(frozen=True)
class Judged:
    """Which intervals of one draw hold their true mean, and its p-value."""

    covered: dict[str, bool]
    p: float


def judge(found: Draw, seed: int, *, peers: bool) -> Judged:
    def compared(clusters: list[str], flips: int) -> Any:
        return compare_conditions(
            found.run, found.baseline, found.stratum, clusters, LANGUAGES, replicates=REPLICATES, flips=flips, seed=seed
        ).macro

    def holds(interval: tuple[float, float] | None, true: float) -> bool:
        return interval is not None and interval[0] <= true <= interval[1]

    own = compared(found.articles, FLIPS)
    covered = {}
    if own.basis == "over seeds":
        covered["all seeds, all articles"] = holds(own.interval, 0.0)
    else:
        covered["these seeds, all articles"] = holds(own.interval, found.of_these_seeds)
        covered["non-inferiority bound"] = own.lower_bound <= found.of_these_seeds
    if own.seed_interval is not None:
        covered["all seeds, these queries"] = holds(own.seed_interval, found.of_these_queries)
    if peers:
        alone = compared([str(index) for index in range(len(found.stratum))], 1)
        covered["clusters ignored"] = holds(alone.interval, found.of_these_seeds)
        for method in ("percentile", "BCa"):
            covered[method] = holds(scipy_interval(found, method, seed), found.of_these_seeds)
    return Judged(covered, own.p)


def scipy_interval(found: Draw, method: str, seed: int) -> tuple[float, float]:
    """scipy's bootstrap of the same mean: one language's mean is the macro average's, all having the same queries."""
    difference = found.run.values.mean(axis=0) - found.baseline.values.mean(axis=0)
    _, member = np.unique(found.articles, return_inverse=True)
    totals, sizes = np.bincount(member, difference), np.bincount(member)

    def mean(total: Values, size: Values, axis: int = -1) -> Values:
        return np.asarray(total.sum(axis=axis) / size.sum(axis=axis))

    interval = stats.bootstrap(
        (totals, sizes), mean, paired=True, vectorized=True, n_resamples=REPLICATES, method=method, rng=seed
    ).confidence_interval
    return float(interval.low), float(interval.high)


def simulate(noise: Noise, articles: int, seeds: int, repetitions: int, *, peers: bool = False) -> list[Judged]:
    rng = np.random.default_rng([articles, seeds, repetitions])
    return [judge(draw(rng, noise, articles, seeds), index, peers=peers) for index in range(repetitions)]


def rates(judged: list[Judged]) -> dict[str, float]:
    """Share of draws in which each interval held its true mean."""
    counts: Counter[str] = Counter()
    for one in judged:
        counts.update(one.covered)
    return {name: counts[name] / len(judged) for name in judged[0].covered}


def null_p_values(articles: int, repetitions: int) -> list[float]:
    """p-values where neither run is better: two draws of the same skewed noise, subtracted."""
    rng = np.random.default_rng([articles, repetitions])
    found = []
    for index in range(repetitions):
        first = draw(rng, skewed, articles, 1, seed_spread=0.0)
        signs = rng.choice([-1.0, 1.0], articles)[np.unique(first.articles, return_inverse=True)[1]]
        difference = first.run.values - first.baseline.values
        symmetric = Condition(signs * difference, (0,))
        nothing = Condition(np.zeros_like(difference), (0,))
        compared = compare_conditions(
            symmetric, nothing, first.stratum, first.articles, LANGUAGES, replicates=1, flips=FLIPS, seed=index
        )
        found.append(compared.macro.p or 0.0)
    return found


def measure(repetitions: int) -> dict[str, dict[str, float | str]]:
    rows: dict[str, dict[str, float | str]] = {}
    for noise in (normal, skewed, sparse):
        for articles, seeds in ((24, 1), (48, 1), (140, 1), (48, 3), (48, 5)):
            found = rates(simulate(noise, articles, seeds, repetitions, peers=(articles, seeds) == (48, 1)))
            peers = {name: found.pop(name) for name in ("percentile", "BCa", "clusters ignored") if name in found}
            label = f"{noise.__name__}, {articles} articles, {seeds} seed{'s' if seeds > 1 else ''}"
            for name, rate in found.items():
                rows[f"{label}: {name}"] = {"value": 100 * rate, "unit": "%"}
            for name, rate in peers.items():
                own = found["these seeds, all articles"]
                rows[f"{label}: beside {name}"] = {
                    "value": 100 * own,
                    "unit": "%",
                    "peer": name,
                    "peer_value": 100 * rate,
                    "ratio": own / rate,
                }
    p_values = null_p_values(48, repetitions)
    for level in (0.01, 0.05, 0.2, 0.5):
        rows[f"p-values at or below {level:g} where runs do not differ"] = {
            "value": 100 * float(np.mean(np.array(p_values) <= level)),
            "unit": "%",
        }
    rows["Kolmogorov-Smirnov p of the uniformity of p-values"] = {
        "value": float(stats.kstest(p_values, "uniform").pvalue),
        "unit": "p",
    }
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--repetitions", type=int, default=1000)
    options = parser.parse_args()
    found = measure(options.repetitions)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, row in found.items():
        peer = f"   ({row['peer']}: {row['peer_value']:.1f})" if "peer" in row else ""
        print(f"{name}: {row['value']:.3g} {row['unit']}{peer}")


if __name__ == "__main__":
    main()
