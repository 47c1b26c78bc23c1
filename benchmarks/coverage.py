"""Measures by simulation what engine.evaluation.statistics promises: coverage, one-sided errors, uniform p-values.

    python benchmarks/coverage.py [--json] [--repetitions 1000] [--only benchmarks|suites]

Two runs are compared again and again on freshly drawn benchmarks whose true difference is known. A benchmark has four
languages in two levels of clusters: questions lie in articles (the clusters, of unequal size), and each question is
asked in all four languages. Differences between the runs have a part that an article shares, one that a question's
translations share, one that a language of an article shares, and one of each query alone; and, between seeds, one that
a seed shares and one of each seed and article. Coverage is of

- the mean for these seeds over all articles, by the interval over clusters (1 and 3 seeds);
- the mean over all seeds on these queries, by Student's t over seeds (3 and 5 seeds);
- the mean over all seeds and articles, by the interval "over seeds" (5 seeds).

Suites are simulated beside: 2, 5 and 12 data sets of 50 to 600 queries, each a cluster, whose true differences and
spreads differ from data set to data set and stay as they are while queries (and seeds) are drawn. Coverage is of the
mean over the data sets, by the interval that resamples queries within each.

Peers, on the same draws of 48 articles: scipy's percentile and BCa bootstraps over clusters, and the own interval with
every query as its own cluster, which is what ignoring clusters does. Of suites: the own interval of all queries in one
bag, which lets the sizes of the data sets vary and their differences count as chance.
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

from engine.evaluation.statistics import Condition, Paired, compare_conditions, suite_mean

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
    return shares([one.covered for one in judged])


def shares(covered: list[dict[str, bool]]) -> dict[str, float]:
    """Name -> share of draws of which it is true."""
    counts: Counter[str] = Counter()
    for one in covered:
        counts.update(one)
    return {name: counts[name] / len(covered) for name in covered[0]}


@dataclass(frozen=True)
class SuiteDraw:
    """One simulated comparison on several data sets and its true means."""

    data_sets: list[Paired]
    of_these_seeds: float  # over all queries of these data sets
    of_all: float  # over all seeds as well


def draw_suite(rng: np.random.Generator, noise: Noise, count: int, seeds: int, largest: int = 600) -> SuiteDraw:
    """Sizes, true differences and spreads are fixed; a seed shifts all data sets, and each of them by itself."""
    sizes = np.geomspace(50, largest, count).astype(int)
    true = 0.5 * np.cos(np.arange(count))  # larger than what chance moves a mean by
    spreads = np.linspace(1.5, 0.5, count)  # the smallest data set varies most
    of_seed, of_seed_and_set = 0.05 * rng.standard_normal(seeds), 0.05 * rng.standard_normal((seeds, count))
    data_sets, numbers = [], tuple(range(seeds))
    for index, size in enumerate(sizes):
        shared, alone = noise(rng, (int(size),)), np.stack([noise(rng, (int(size),)) for _ in range(seeds)])
        values = true[index] + spreads[index] * (0.7 * shared + 0.7 * alone)
        values = values + (of_seed + of_seed_and_set[:, index])[:, None]
        nothing = np.zeros_like(values)
        data_sets.append(
            Paired(
                Condition(values, numbers),
                Condition(nothing, numbers),
                np.zeros(size, np.int64),
                [f"q{query}" for query in range(size)],
                1,
            )
        )
    mean = float(true.mean())
    return SuiteDraw(data_sets, mean + float(of_seed.mean() + of_seed_and_set.mean()), mean)


def judge_suite(found: SuiteDraw, seed: int, *, peers: bool) -> dict[str, bool]:
    """Which intervals of the mean hold the true mean."""

    def holds(interval: tuple[float, float] | None, true: float) -> bool:
        return interval is not None and interval[0] <= true <= interval[1]

    own = suite_mean(found.data_sets, replicates=REPLICATES, flips=1, seed=seed)
    if own.basis == "over seeds":
        covered = {"all seeds": holds(own.interval, found.of_all)}
    else:
        assert own.lower_bound is not None
        covered = {
            "these seeds": holds(own.interval, found.of_these_seeds),
            "non-inferiority bound": own.lower_bound <= found.of_these_seeds,
        }
    if peers:
        covered["one bag"] = holds(_of_one_bag(found, seed), found.of_these_seeds)
    return covered


def _of_one_bag(found: SuiteDraw, seed: int) -> tuple[float, float] | None:
    """Every data set a stratum, but clusters drawn from all of them together."""
    strata = [np.full(len(one.stratum), index) for index, one in enumerate(found.data_sets)]
    run, baseline = (
        Condition(np.concatenate([getattr(one, side).values for one in found.data_sets], axis=1), (0,))
        for side in ("run", "baseline")
    )
    names = [f"{index} {name}" for index, one in enumerate(found.data_sets) for name in one.clusters]
    return compare_conditions(
        run, baseline, np.concatenate(strata), names, len(strata), replicates=REPLICATES, flips=1, seed=seed
    ).macro.interval


def simulate_suites(
    noise: Noise, count: int, seeds: int, repetitions: int, *, largest: int = 600, peers: bool = False
) -> list[dict[str, bool]]:
    rng = np.random.default_rng([count, seeds, repetitions])
    draws = (draw_suite(rng, noise, count, seeds, largest) for _ in range(repetitions))
    return [judge_suite(found, index, peers=peers) for index, found in enumerate(draws)]


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


def measure_suites(repetitions: int) -> dict[str, dict[str, float | str]]:
    rows: dict[str, dict[str, float | str]] = {}
    for noise in (normal, skewed, sparse):
        for count, seeds in ((2, 1), (5, 1), (12, 1), (5, 5)):
            found = shares(simulate_suites(noise, count, seeds, repetitions, peers=(count, seeds) == (5, 1)))
            beside = found.pop("one bag", None)
            label = f"{noise.__name__}, {count} data sets, {seeds} seed{'s' if seeds > 1 else ''}"
            for name, rate in found.items():
                rows[f"{label}: {name}"] = {"value": 100 * rate, "unit": "%"}
            if beside is not None:
                own = found["these seeds"]
                rows[f"{label}: beside one bag"] = _beside("one bag", own, beside)
    return rows


def _beside(peer: str, own: float, rate: float) -> dict[str, float | str]:
    return {"value": 100 * own, "unit": "%", "peer": peer, "peer_value": 100 * rate, "ratio": own / rate}


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
                rows[f"{label}: beside {name}"] = _beside(name, own, rate)
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
    parser.add_argument("--only", choices=("benchmarks", "suites"), help="default: both")
    options = parser.parse_args()
    found = {} if options.only == "suites" else measure(options.repetitions)
    found |= {} if options.only == "benchmarks" else measure_suites(options.repetitions)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, row in found.items():
        peer = f"   ({row['peer']}: {row['peer_value']:.1f})" if "peer" in row else ""
        print(f"{name}: {row['value']:.3g} {row['unit']}{peer}")


if __name__ == "__main__":
    main()
