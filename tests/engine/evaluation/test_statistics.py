"""Comparisons: what is promised by simulation, seeds, Holm, and the words of a verdict."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.evaluation.statistics import (
    Condition,
    Difference,
    compare_conditions,
    holm,
    is_different,
    is_not_inferior,
    verdict,
)

REPETITIONS = 150
# Two-sided limits that a rate of 95 % leaves once in a thousand experiments of this size.
LOW, HIGH = (stats.binom.ppf(q, REPETITIONS, p) / REPETITIONS for q, p in ((0.0005, 0.93), (0.9995, 0.97)))


@pytest.fixture(scope="module")
def coverage():
    path = Path(__file__).parents[3] / "benchmarks" / "coverage.py"
    spec = importlib.util.spec_from_file_location("coverage_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_intervals_cover_skewed_differences(coverage, seeds):
    """Exponential differences in articles and questions: each interval holds the mean that it is about."""
    found = coverage.rates(coverage.simulate(coverage.skewed, 48, seeds, REPETITIONS))
    expected = {
        1: {"these seeds, all articles", "non-inferiority bound"},
        3: {"these seeds, all articles", "non-inferiority bound", "all seeds, these queries"},
        5: {"all seeds, all articles", "all seeds, these queries"},
    }
    assert set(found) == expected[seeds]
    assert all(LOW <= rate <= HIGH for rate in found.values()), found


@pytest.mark.parametrize("seeds", [1, 5])
def test_intervals_of_a_mean_over_data_sets_cover_it(coverage, seeds):
    """Exponential differences of single queries, whose data sets differ in size, spread and true difference."""
    found = coverage.shares(coverage.simulate_suites(coverage.skewed, 3, seeds, REPETITIONS, largest=100))
    assert set(found) == ({"these seeds", "non-inferiority bound"} if seeds == 1 else {"all seeds"})
    assert all(LOW <= rate <= HIGH for rate in found.values()), found


def test_ignoring_clusters_is_too_optimistic(coverage):
    """Every query as its own cluster: the intervals of the same draws hold the true mean far less often."""
    rng = np.random.default_rng(0)

    def holds(found, clusters):
        interval = compare_conditions(found.run, found.baseline, found.stratum, clusters, 4, replicates=99, flips=1)
        return interval.macro.interval[0] <= found.of_these_seeds <= interval.macro.interval[1]

    draws = [coverage.draw(rng, coverage.skewed, 24, 1) for _ in range(40)]
    by_article = np.mean([holds(found, found.articles) for found in draws])
    by_query = np.mean([holds(found, [str(index) for index in range(len(found.articles))]) for found in draws])
    assert by_query < 0.75 < by_article


def test_p_values_are_uniform_where_runs_do_not_differ(coverage):
    p_values = coverage.null_p_values(24, 400)
    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    assert stats.binomtest(sum(p <= 0.05 for p in p_values), 400, 0.05).pvalue > 0.001


def compared(run, baseline, run_seeds, baseline_seeds, clusters=30):
    queries = np.shape(run)[1]
    return compare_conditions(
        Condition(np.asarray(run), run_seeds),
        Condition(np.asarray(baseline), baseline_seeds),
        np.arange(queries) % 2,
        [f"c{index % clusters}" for index in range(queries)],
        2,
        replicates=200,
        flips=200,
    )


def macro(values):
    return np.array([(row[::2].mean() + row[1::2].mean()) / 2 for row in values])


def test_seed_interval_is_scipys_paired_or_welch_t():
    rng = np.random.default_rng(0)
    run, baseline = rng.standard_normal((3, 61)), rng.standard_normal((4, 61))
    paired = compared(run, baseline[:3], (2, 0, 1), (0, 1, 2))
    peer = stats.ttest_rel(macro(run)[[1, 2, 0]], macro(baseline[:3])).confidence_interval(0.95)
    assert paired.macro.seed_interval == pytest.approx((peer.low, peer.high))
    welch = compared(run, baseline, (0, 1, 2), (0, 1, 2, 3))
    peer = stats.ttest_ind(macro(run), macro(baseline), equal_var=False).confidence_interval(0.95)
    assert welch.macro.seed_interval == pytest.approx((peer.low, peer.high))
    assert compared(run[:1], baseline, (0,), (0, 1, 2, 3)).macro.seed_interval is None


def test_values_are_means_over_seeds_and_strata():
    rng = np.random.default_rng(1)
    run, baseline = rng.random((3, 61)), rng.random((2, 61))
    found = compared(run, baseline, (0, 1, 2), (0, 1))
    assert found.macro.value == pytest.approx(macro(run).mean())
    assert found.macro.baseline_value == pytest.approx(macro(baseline).mean())
    assert found.macro.difference == pytest.approx(found.macro.value - found.macro.baseline_value)
    assert found.strata[1].value == pytest.approx(run[:, 1::2].mean())
    assert set(found.strata) == {0, 1}


def test_a_verdict_about_systems_that_were_not_trained_speaks_of_no_seeds():
    rng = np.random.default_rng(3)
    run, baseline = rng.standard_normal((1, 60)) + 2, rng.standard_normal((1, 60))
    found = compared(run, baseline, (), ()).macro
    trained = compared(run, baseline, (0,), ()).macro
    assert (found.basis, trained.basis) == ("for these models", "for these seeds")
    assert found.interval == trained.interval
    assert verdict(found, different=True, not_inferior=True, margin=0.01, wanted="higher") == "better"


def test_five_seeds_speak_of_other_seeds():
    """A difference that is large on these queries and changes sign from seed to seed is undecided over seeds."""
    rng = np.random.default_rng(2)
    signs = np.array([0.3, -0.2, 0.4, -0.25, 0.1])
    run = signs[:, None] + 0.01 * rng.standard_normal((5, 60))
    nothing = np.zeros((5, 60))
    five = compared(run, nothing, range(5), range(5)).macro
    assert five.basis == "over seeds"
    assert five.interval[0] < 0 < five.interval[1]
    assert five.p > 0.3
    four = compared(run[:4], nothing[:4], range(4), range(4)).macro
    assert four.basis == "for these seeds"
    assert four.interval[0] > 0
    assert four.p < 0.01
    assert four.seed_interval[0] < 0 < four.seed_interval[1]


def test_equal_runs_are_not_different_and_not_inferior():
    values = np.random.default_rng(3).random((1, 120))
    found = compared(values, values, (0,), (0,), clusters=60).macro
    assert (found.difference, found.interval, found.p) == (0.0, (0.0, 0.0), 1.0)
    assert is_not_inferior(found, 0.01)
    assert not is_different(found.p)


def test_one_cluster_says_nothing():
    rng = np.random.default_rng(4)
    found = compared(rng.random((1, 20)), rng.random((1, 20)), (0,), (0,), clusters=1).macro
    assert (found.interval, found.p, found.lower_bound) == (None, None, None)
    assert verdict(found, different=False, not_inferior=None, margin=0.01, wanted="higher").startswith("undecided")


@pytest.mark.parametrize("constant", [0.0, 0.25])
@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2, 3, 4)])
def test_few_clusters_without_any_spread_are_too_little_data(seeds, constant):
    """Also the mean over strata; with the p-value that they have, so that a family of tests stays as large."""
    values = np.random.default_rng(4).random((1, 118)).repeat(len(seeds), axis=0).round(2)
    for clusters, enough in ((58, False), (59, True)):
        found = compared(values + constant, values, seeds, seeds, clusters=clusters)
        for one in (found.macro, *found.strata.values()):
            assert one.difference == pytest.approx(constant)
            assert one.p == pytest.approx(1.0) if constant == 0 else one.p < 0.05
            if enough:
                assert one.interval == pytest.approx((constant, constant))
                assert one.lower_bound == pytest.approx(constant)
            else:
                assert (one.interval, one.lower_bound) == (None, None)
                assert is_not_inferior(one, 0.01) is None


def test_a_single_cluster_that_differs_makes_an_interval():
    values = np.zeros((1, 24))
    other = values.copy()
    other[0, 3] = 1.0
    low, high = compared(other, values, (0,), (0,), clusters=24).macro.interval
    assert low < 0 < high


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="for 3 queries"):
        compare_conditions(
            Condition(np.zeros((1, 3)), (0,)), Condition(np.zeros((1, 2)), (0,)), np.zeros(3, int), ["c"] * 3, 1
        )


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=12))
def test_holm_follows_its_definition(p_values):
    """Adjusted p of the i-th smallest is the largest of (m - j + 1) p_j over j <= i, at most 1."""
    ordered = sorted(p for p in p_values if p is not None)
    expected = {
        p: min(1.0, max((len(ordered) - j) * ordered[j] for j in range(i + 1))) for i, p in enumerate(ordered)
    }  # of equal values the last, which is the largest
    first = {}
    for i, p in enumerate(ordered):
        first.setdefault(p, min(1.0, max((len(ordered) - j) * ordered[j] for j in range(i + 1))))
    found = holm(p_values)
    for p, adjusted in zip(p_values, found, strict=True):
        if p is None:
            assert adjusted is None
        else:
            assert first[p] - 1e-12 <= adjusted <= expected[p] + 1e-12
            assert adjusted >= p


def test_holm_keeps_the_family_wise_error():
    """Twenty true null hypotheses: some adjusted p falls below 0.05 in at most about one of twenty families."""
    families = np.random.default_rng(5).random((600, 20))
    wrong = sum(min(holm(family.tolist())) < 0.05 for family in families)
    assert stats.binomtest(wrong, 600, 0.05, alternative="greater").pvalue > 0.001


FOUND = Difference(
    value=0.5, baseline_value=0.5, difference=0.0, interval=(0, 0), lower_bound=0.0, upper_bound=0.0, p=0.5,
    seed_interval=None, basis="over seeds", clusters=30,
)  # fmt: skip


@pytest.mark.parametrize(
    ("difference", "different", "not_inferior", "wanted", "words"),
    [
        (0.02, True, True, "higher", "better"),
        (-0.004, True, True, "higher", "worse but not inferior at the margin of 0.01"),
        (-0.04, True, False, "higher", "worse"),
        (-0.001, False, True, "higher", "not inferior at the margin of 0.01"),
        (0.001, False, False, "higher", "undecided"),
        (-30.0, True, None, "lower", "lower"),
        (30.0, True, None, "lower", "higher"),
        (30.0, False, None, "lower", "undecided"),
    ],
)
def test_verdicts(difference, different, not_inferior, wanted, words):
    for basis, text in (("over seeds", words), ("for these seeds", f"{words}, for these seeds")):
        found = replace(FOUND, difference=difference, basis=basis)
        said = verdict(found, different=different, not_inferior=not_inferior, margin=0.01, wanted=wanted)
        assert said == text
