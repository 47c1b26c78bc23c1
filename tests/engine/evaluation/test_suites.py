"""The mean over data sets: resampled within each, data sets fixed, the same runs on all of them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from engine.evaluation.resampling import bootstrap_intervals, cluster_totals, suite_intervals, suite_p_value
from engine.evaluation.statistics import Condition, Paired, compare_paired, compare_suite


def one_stratum(values):
    return cluster_totals(values, np.zeros(len(values), int), [f"c{k}" for k in range(len(values))], 1)


def paired(run, baseline, seeds=(0,)):
    run, baseline = np.atleast_2d(run), np.atleast_2d(baseline)
    count = run.shape[1]
    return Paired(
        Condition(run, tuple(seeds)),
        Condition(baseline, tuple(seeds)),
        np.zeros(count, int),
        [f"q{index}" for index in range(count)],
        1,
    )


def test_the_mean_weighs_data_sets_alike_and_its_variance_is_the_sum_of_theirs():
    rng = np.random.default_rng(0)
    data_sets = [one_stratum(rng.standard_normal(size)) for size in (50, 90, 300)]
    each = [bootstrap_intervals(data, replicates=10) for data in data_sets]
    found = suite_intervals(data_sets, replicates=10)
    assert found.mean[0] == pytest.approx(np.mean([one.mean[-1] for one in each]))
    assert found.standard_error[0] ** 2 == pytest.approx(sum(one.standard_error[-1] ** 2 for one in each) / 9)


def test_data_sets_are_fixed():
    """Large differences between data sets, hardly any within: drawing data sets or mixing them would find a wide
    interval."""
    rng = np.random.default_rng(1)
    data_sets = [one_stratum(level + 0.001 * rng.standard_normal(60)) for level in (-0.3, 0.0, 0.5)]
    found = suite_intervals(data_sets)
    assert found.mean[0] == pytest.approx(0.2 / 3, abs=0.001)
    assert found.high[0] - found.low[0] < 0.001


def test_equal_data_sets_are_drawn_independently():
    """Two data sets of the same differences: drawn in step, the mean would vary as much as one of them."""
    values = np.random.default_rng(2).standard_normal(60)
    one = bootstrap_intervals(one_stratum(values))
    two = suite_intervals([one_stratum(values), one_stratum(values)])
    ratio = (two.high[0] - two.low[0]) / (one.high[0] - one.low[0])
    assert ratio == pytest.approx(1 / np.sqrt(2), rel=0.06)


def test_the_intervals_of_one_data_set_are_those_of_a_benchmark():
    """But for the random numbers: a suite has a stream for each data set."""
    data = one_stratum(np.random.default_rng(3).exponential(size=80))
    suite, alone = suite_intervals([data]), bootstrap_intervals(data)
    for name in ("low", "high", "lower_bound", "upper_bound"):
        assert getattr(suite, name)[0] == pytest.approx(getattr(alone, name)[0], abs=0.02)
    assert suite.freedom[0] == alone.freedom[0] == 79


def test_a_small_data_set_with_a_large_variance_brings_students_t_with_its_degrees_of_freedom():
    """Welch's test of a mean against the negative of another's is that of the sum of two means."""
    rng = np.random.default_rng(4)
    small, large = 3 * rng.standard_normal(6), rng.standard_normal(200)
    found = suite_intervals([one_stratum(small), one_stratum(large)], replicates=50)
    peer = stats.ttest_ind(small, -large, equal_var=False)
    low, high = peer.confidence_interval(0.95)
    assert (found.low[0], found.high[0]) == pytest.approx((low / 2, high / 2))
    assert found.freedom[0] == pytest.approx(peer.df)


def test_sign_flips_go_over_the_clusters_of_all_data_sets():
    """All 2 ** 9 of them by hand; a query of the smaller data set moves the mean more."""
    rng = np.random.default_rng(5)
    first, second = rng.standard_normal(4) + 0.4, rng.standard_normal(5) + 0.4
    moves = np.concatenate([first / 4, second / 5])
    flipped = [abs(np.dot(signs, moves)) for signs in product((-1, 1), repeat=9)]
    expected = np.mean(np.array(flipped) >= abs(moves.sum()) - 1e-12)
    assert suite_p_value([one_stratum(first), one_stratum(second)])[0] == pytest.approx(expected)


def test_each_data_set_is_compared_as_alone():
    rng = np.random.default_rng(6)
    data_sets = [paired(rng.random(size), rng.random(size)) for size in (40, 60)]
    found = compare_suite(data_sets, replicates=200, flips=200)
    assert found.data_sets == [compare_paired(one, replicates=200, flips=200) for one in data_sets]
    assert found.mean.clusters == 100
    assert found.mean.value == pytest.approx(np.mean([one.macro.value for one in found.data_sets]))
    assert found.mean.difference == pytest.approx(found.mean.value - found.mean.baseline_value)


def test_seeds_are_those_of_the_mean():
    """A seed that is good on one data set and bad on another is neither: the interval over seeds is scipy's of the
    means."""
    rng = np.random.default_rng(7)
    of_seed = 0.3 * rng.standard_normal(5)
    runs = [sign * of_seed[:, None] + rng.standard_normal((5, size)) for sign, size in ((1, 50), (-1, 80))]
    baselines = [rng.standard_normal((5, size)) for size in (50, 80)]
    found = compare_suite(
        [paired(run, baseline, range(5)) for run, baseline in zip(runs, baselines, strict=True)],
        replicates=200,
        flips=200,
    ).mean
    means = [np.mean([values.mean(axis=1) for values in side], axis=0) for side in (runs, baselines)]
    peer = stats.ttest_rel(*means).confidence_interval(0.95)
    assert found.basis == "over seeds"
    assert found.seed_interval == pytest.approx((peer.low, peer.high))


def test_one_query_says_nothing_of_the_mean():
    found = compare_suite([paired(np.ones(30), np.zeros(30)), paired([0.5], [0.2])], replicates=50, flips=50).mean
    assert (found.interval, found.lower_bound, found.upper_bound, found.p) == (None, None, None, None)
    assert found.difference == pytest.approx((1 + 0.3) / 2)


def test_data_sets_of_other_runs_are_refused():
    run, other = paired(np.ones(9), np.zeros(9)), paired(np.ones((2, 9)), np.zeros((2, 9)), (0, 1))
    for data_sets in ([run, other], []):
        with pytest.raises(ValueError, match="the same runs on every data set"):
            compare_suite(data_sets)
