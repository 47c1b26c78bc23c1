"""Resampling by cluster: against literal resamples, against scipy, and at its degenerate ends."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.evaluation.resampling import _resample, bootstrap_intervals, cluster_totals, sign_flip_p_values


def drawn(rng, queries, clusters, strata):
    stratum = rng.integers(0, strata, queries)
    return rng.standard_normal(queries), stratum, [f"c{index}" for index in rng.integers(0, clusters, queries)]


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 6), st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_a_weighted_resample_is_a_copy_of_whole_clusters(seed, queries, clusters, strata):
    """Means by stratum and their mean equal those of the queries literally repeated as often as their cluster."""
    rng = np.random.default_rng(seed)
    values, stratum, names = drawn(rng, queries, clusters, strata)
    data = cluster_totals(values, stratum, names, strata)
    known = sorted(set(names))
    weights = rng.multinomial(len(known), np.full(len(known), 1 / len(known)))
    copies = np.repeat(np.arange(queries), [weights[known.index(name)] for name in names])
    by_stratum = [values[copies][stratum[copies] == index] for index in range(strata)]
    means = [part.mean() if len(part) else np.nan for part in by_stratum]
    found = _resample(data, weights[None].astype(float))[0][0]
    assert found == pytest.approx([*means, np.nanmean(means)], nan_ok=True)


def test_standard_error_is_that_of_cluster_means():
    """With equal clusters in one stratum it is the textbook standard error of the mean of their means."""
    values = np.random.default_rng(0).standard_normal((12, 5))
    data = cluster_totals(values.ravel(), np.zeros(60, int), np.repeat([f"c{k}" for k in range(12)], 5).tolist(), 1)
    found = bootstrap_intervals(data, replicates=10)
    assert found.standard_error == pytest.approx([stats.sem(values.mean(axis=1))] * 2)
    assert found.mean == pytest.approx([values.mean()] * 2)


def test_few_differing_clusters_take_students_t():
    values = np.zeros(60)
    values[:5] = [0.3, 0.1, 0.4, 0.1, 0.5]
    data = cluster_totals(values, np.zeros(60, int), [f"c{k:02}" for k in range(60)], 1)
    found = bootstrap_intervals(data, replicates=200)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low[0], found.high[0]) == pytest.approx((low, high))
    assert found.lower_bound[0] == pytest.approx(stats.ttest_1samp(values, 0).confidence_interval(0.90).low)


def test_the_interval_leans_with_the_skew():
    """Right-skewed values: the mean is more likely too low than too high, so the interval reaches further up."""
    values = np.random.default_rng(3).exponential(size=60)
    found = bootstrap_intervals(cluster_totals(values, np.zeros(60, int), [f"c{k}" for k in range(60)], 1))
    assert found.high[0] - found.mean[0] > 1.1 * (found.mean[0] - found.low[0])
    assert found.low[0] < found.lower_bound[0] < found.mean[0]


def test_sign_flips_are_exact_with_few_clusters():
    """Every one of the 2 ** 6 sign vectors, by hand."""
    rng = np.random.default_rng(1)
    values, names = rng.standard_normal(30) + 0.5, np.repeat([f"c{k}" for k in range(6)], 5).tolist()
    sums = values.reshape(6, 5).sum(axis=1)
    flipped = [abs(np.dot(signs, sums)) for signs in product((-1, 1), repeat=6)]
    expected = np.mean(np.array(flipped) >= abs(sums.sum()) - 1e-9)
    found = sign_flip_p_values(cluster_totals(values, np.zeros(30, int), names, 1))
    assert found == pytest.approx([expected] * 2)


def test_sign_flips_agree_with_scipy():
    values = np.random.default_rng(2).standard_normal(40) + 0.3
    found = sign_flip_p_values(cluster_totals(values, np.zeros(40, int), [f"c{k}" for k in range(40)], 1))
    peer = stats.permutation_test((values,), np.sum, permutation_type="samples", n_resamples=9999, rng=0)
    assert found[0] == pytest.approx(peer.pvalue, abs=0.015)


def test_macro_average_weighs_strata_alike():
    """One language with 1 query and one with 99: its difference counts half."""
    values, stratum = np.array([1.0] + [0.0] * 99), np.array([0] + [1] * 99)
    assert cluster_totals(values, stratum, [str(k) for k in range(100)], 2).means() == pytest.approx([1, 0, 0.5])


def test_nothing_to_resample():
    one = cluster_totals(np.arange(4.0), np.zeros(4, int), ["c"] * 4, 1)
    assert np.isnan(bootstrap_intervals(one, replicates=5).low).all()
    assert np.isnan(sign_flip_p_values(one)).all()
    same = cluster_totals(np.zeros(120), np.arange(120) % 2, [f"c{k}" for k in range(120)], 2)
    found = bootstrap_intervals(same, replicates=50)
    assert found.low.tolist() == found.high.tolist() == [0.0] * 3
    assert sign_flip_p_values(same).tolist() == [1.0] * 3


def test_copies_within_a_cluster_carry_nothing_new():
    """Ten copies of each value in its cluster give the interval of one; as clusters of their own they seem to."""
    values, once = np.random.default_rng(0).standard_normal(40), np.zeros(40, int)
    names = [f"c{index}" for index in range(40)]
    single = bootstrap_intervals(cluster_totals(values, once, names, 1))
    ten = np.repeat(values, 10), np.zeros(400, int)
    copied = bootstrap_intervals(cluster_totals(*ten, np.repeat(names, 10).tolist(), 1))
    naive = bootstrap_intervals(cluster_totals(*ten, [f"q{index}" for index in range(400)], 1))
    assert (copied.low[0], copied.high[0]) == pytest.approx((single.low[0], single.high[0]))
    assert naive.high[0] - naive.low[0] < 0.5 * (single.high[0] - single.low[0])
