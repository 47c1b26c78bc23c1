"""Language bias: distributions, the sign of the own-language advantage, and its interval."""

from __future__ import annotations

import itertools
from statistics import mean

import msgspec
import numpy as np
import pytest
from evaluation_cases import LANGUAGES, cases, make_benchmark, query_scores
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.evaluation.bias.by_language import histogram_edges, own_language_advantages, rank_distances
from engine.evaluation.ranking import rank
from engine.events import Advantage


def simulated(bonus: float, seed: int = 0):
    """60 facts in three languages; every passage is near its fact, and ``bonus`` pulls a language's texts together."""
    rng = np.random.default_rng(seed)
    facts, names = 60, np.repeat(LANGUAGES, 60).tolist()
    benchmark = make_benchmark(
        names, names, {q: [q % facts + facts * index for index in range(3)] for q in range(3 * facts)}, clusters=12
    )
    fact, tongue = rng.standard_normal((facts, 16)), rng.standard_normal((3, 16))

    def texts():
        noise = rng.standard_normal((3, facts, 16))
        return (fact + noise + bonus * tongue[:, None]).reshape(-1, 16).astype(np.float32)

    ranks, _ = rank(benchmark, texts(), texts())
    return benchmark, ranks


def test_advantage_finds_a_planted_bonus_and_no_bonus():
    """Interval above 0 in every language with the bonus, and around 0 in most without."""
    biased, mean = own_language_advantages(*_with_advantages(*simulated(bonus=1.0)))
    assert mean.mean == pytest.approx(sum(found.mean for found in biased.values()) / len(LANGUAGES))
    assert mean.interval[0] > 0
    assert all(found.interval[0] > 0 for found in biased.values())
    fair = [
        found
        for seed in range(4)
        for found in own_language_advantages(*_with_advantages(*simulated(bonus=0.0, seed=seed)))[0].values()
    ]
    assert sum(found.interval[0] <= 0 <= found.interval[1] for found in fair) >= 0.75 * len(fair)


def _with_advantages(benchmark, ranks):
    return benchmark, query_scores(benchmark, ranks).of("own_language_advantage")


@given(cases())
@settings(max_examples=80, deadline=None)
def test_advantage_follows_its_formula_with_mid_ranks(case):
    benchmark, queries, candidates = case
    ranks, _ = rank(benchmark, queries, candidates)
    found = query_scores(benchmark, ranks).of("own_language_advantage")
    scores = queries @ candidates.T
    expected = {}
    for q in range(len(queries)):
        sides = {True: [], False: []}
        for c in benchmark.relevant[benchmark.offsets[q] : benchmark.offsets[q + 1]]:
            mid_rank = 1 + (scores[q] > scores[q, c]).sum() + ((scores[q] == scores[q, c]).sum() - 1) / 2
            sides[bool(benchmark.candidate_language[c] == benchmark.query_language[q])].append(np.log2(mid_rank))
        if sides[True] and sides[False]:
            expected[q] = mean(sides[False]) - mean(sides[True])
    assert dict(zip(found.query.tolist(), found.value, strict=True)) == pytest.approx(expected)


def test_distributions_share_edges_that_hold_every_distance():
    benchmark, ranks = simulated(bonus=1.0)
    distances = query_scores(benchmark, ranks).of("rank_distance")
    edges = histogram_edges(len(benchmark.candidate_ids))
    assert edges[:19] == [*range(17), 18, 20]
    assert edges[-5:] == [128, 144, 160, 176, 192]  # of 180 candidates
    assert edges[-1] >= len(benchmark.candidate_ids) > edges[-2]
    found = rank_distances(benchmark, distances, edges)
    assert set(found) == set(LANGUAGES)
    for index, name in enumerate(LANGUAGES):
        mine = distances.value[benchmark.query_language[distances.query] == index]
        assert found[name].queries == sum(found[name].histogram) == 60
        assert found[name].mean == pytest.approx(mine.mean())
        assert found[name].median == pytest.approx(np.median(mine))
        for low, high, count in zip(edges, edges[1:], found[name].histogram, strict=False):
            assert count == ((mine >= low) & (mine < high)).sum()


@given(st.integers(1, 1 << 20))
def test_bins_hold_whole_distances_alike_and_are_parts_of_an_octave(pool):
    """Exact below 16, eight an octave from there on; powers of two are edges, so that old bins are sums of these."""
    edges = histogram_edges(pool)
    assert edges[-1] >= pool
    for low, high in itertools.pairwise(edges):
        octave = 1 << max(low, 1).bit_length() - 1
        assert high - low == max(1, octave // 8)
    powers = {1 << n for n in range(21)}
    assert {edge for edge in powers if edge <= edges[-1]} <= set(edges)


def test_the_largest_possible_distance_is_counted():
    """Pool sizes at and around powers of two."""
    for pool in (2, 7, 8, 9, 16, 17, 33):
        candidates = np.arange(pool, dtype=np.float32)[:, None]
        benchmark = make_benchmark(["de"] * (pool - 1) + ["en"], ["de"], {0: [0, pool - 1]})
        ranks, _ = rank(benchmark, np.ones((1, 1), np.float32), candidates)
        found = rank_distances(benchmark, query_scores(benchmark, ranks).of("rank_distance"), histogram_edges(pool))
        assert sum(found["de"].histogram) == 1
        assert found["de"].mean == pool - 1


def test_equal_values_of_a_few_clusters_are_too_little_data_and_not_a_width_of_zero():
    """Two clusters that agree by chance, and a single one: a mean, and why there is no interval."""
    for clusters in (1, 2):
        benchmark = make_benchmark(["de", "en"], ["de"] * 4, {q: [0, 1] for q in range(4)}, clusters=clusters)
        ranks, _ = rank(benchmark, np.ones((4, 1), np.float32), np.array([[2], [1]], np.float32))
        advantages = query_scores(benchmark, ranks).of("own_language_advantage")
        found, mean = own_language_advantages(benchmark, advantages)
        assert (found["de"].mean, found["de"].interval, mean.interval) == (1.0, None, None)
        assert found["de"].no_interval == f"too little data: {clusters} cluster{'s' if clusters > 1 else ''} of queries"


def test_a_result_without_a_reason_is_written_as_before():
    assert msgspec.json.encode(Advantage(mean=1.0, interval=None)) == b'{"mean":1.0,"interval":null}'
