"""Bias measures: simulations whose bias is known, and every formula against scipy or a slow, obvious version."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from statistics import fmean as mean

import numpy as np
import pytest
from bias_cases import NAMES, parallel_benchmark, simulated
from evaluation_cases import ENCODING, cases, ranking
from hypothesis import given, settings
from scipy import stats

from engine.evaluation.benchmarking import evaluate
from engine.evaluation.bias.interaction import interaction
from engine.evaluation.bias.rank_tests import peer
from engine.evaluation.bias.relevant import precision_lost
from engine.evaluation.bias.top_lists import rank_correlations
from engine.evaluation.judgements import ranked_judgements
from engine.evaluation.ranks import Ranks, TopK
from engine.measures import ONE_LANGUAGE


def own_effect(bias):
    return mean(row[asked] for asked, row in bias.language_effect.effect.items())


@pytest.mark.parametrize("languages", [2, 4, 11])
def test_signed_measures_find_a_bonus_and_only_a_bonus(languages):
    """No effect, and passage languages of unequal difficulty, leave them near 0; a planted bonus does not."""
    facts = 40
    for fair in (simulated(languages, facts, seed=1), simulated(languages, facts, hard=0.4, seed=2)):
        bias = fair.summary.bias
        assert abs(bias.own_language_advantage.mean) < 0.35
        assert abs(own_effect(bias)) < 0.35
        assert (
            abs(bias.measures["map_lost_without_own_language"] - bias.measures["map_lost_without_another_language"])
            < 0.03
        )
    biased = simulated(languages, facts, bonus=0.8, seed=3).summary.bias
    assert biased.own_language_advantage.interval[0] > 0.5
    assert own_effect(biased) < -0.5
    assert biased.language_effect.p == pytest.approx(1 / (1 + biased.language_effect.permutations))
    lost = biased.measures
    assert lost["map_lost_without_own_language"] > lost["map_lost_without_another_language"] + 0.05
    for asked in NAMES[:languages]:
        assert biased.language_share_at_10[asked][asked] > 1.3 * biased.pool_share[asked]


def test_rank_distance_alone_does_not_tell_bias_from_noise():
    """A noisier fair model has the larger rank distance; only beside its null does the biased one stand out."""
    noisy = simulated(3, 80, noise=1.5, seed=4).summary
    biased = simulated(3, 80, noise=0.7, bonus=0.7, seed=5).summary
    distance = {name: found.metrics["rank_distance"] for name, found in (("noisy", noisy), ("biased", biased))}
    null = {name: found.metrics["rank_distance_null"] for name, found in (("noisy", noisy), ("biased", biased))}
    assert distance["noisy"] > 1.5 * distance["biased"]
    assert distance["noisy"] == pytest.approx(null["noisy"], rel=0.05)
    assert distance["biased"] > 1.5 * null["biased"]
    assert abs(noisy.bias.own_language_advantage.mean) < 0.3 < 1 < biased.bias.own_language_advantage.mean


@pytest.mark.parametrize(("languages", "noise"), [(2, 0.7), (2, 2.5), (3, 1.2), (11, 0.4), (11, 1.2), (11, 2.5)])
def test_null_of_rank_distance_is_the_distance_where_languages_do_not_matter(languages, noise):
    """At every level of the ranks: near the floor of distinct places, in between, and near chance."""
    metrics = simulated(languages, 80, noise=noise, seed=6).summary.metrics
    assert metrics["rank_distance_null"] == pytest.approx(metrics["rank_distance"], rel=0.05, abs=0.3)


def test_rank_distance_is_blind_to_which_language_is_which():
    """Exchanging passage languages within queries leaves the distance and turns the advantage over."""
    biased = simulated(2, 60, bonus=0.8, seed=7)
    benchmark, ranks = biased.benchmark, biased.ranks
    swapped = np.arange(len(ranks.query)) ^ 1  # the two judgements of every query
    mirrored = Ranks(ranks.query, ranks.passage, *(getattr(ranks, name)[swapped] for name in Ranks.__slots__[2:]))
    found, other = (ranked_judgements(benchmark, one) for one in (ranks, mirrored))

    def distance(one):
        return np.abs(one.rank_pool[::2] - one.rank_pool[1::2])

    def advantage(one):
        log_rank, own = np.log2(one.mid_rank), one.asked == one.answered
        return log_rank[~own].mean() - log_rank[own].mean()

    assert (distance(found) == distance(other)).all()
    assert advantage(found) == pytest.approx(-advantage(other))
    assert advantage(found) > 1


@pytest.mark.exhaustive
def test_interaction_p_is_uniform_without_an_interaction():
    """Even where some languages are harder and translations share their passages, which dependence would spoil."""
    p_values = [simulated(3, 24, hard=0.5, seed=seed).summary.bias.language_effect.p for seed in range(100, 200)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    assert stats.binomtest(sum(p <= 0.05 for p in p_values), 100, 0.05).pvalue > 0.001


def test_interaction_is_the_double_centred_mean():
    """Balanced: cell means of log2 ranks minus row and column means plus the grand mean."""
    evaluation = simulated(3, 30, bonus=0.5, seed=8)
    one = ranked_judgements(evaluation.benchmark, evaluation.ranks)
    cells = np.log2(one.mid_rank).reshape(3, 30, 3).mean(axis=1)
    expected = cells - cells.mean(axis=1, keepdims=True) - cells.mean(axis=0) + cells.mean()
    assert interaction(one).effect == pytest.approx(expected)


@given(cases())
@settings(max_examples=30, deadline=None)
def test_measures_of_relevant_passages_follow_their_formulas(case):
    """Other-language recall and worst rank on mid-ranks; lost precision by ranking again without the passages."""
    benchmark, queries, candidates = case
    evaluation = evaluate(benchmark, queries, candidates, ENCODING)
    scores = queries @ candidates.T
    languages = benchmark.candidate_language
    recall, worst, normalised, own_lost, other_lost = {}, {}, {}, {}, {}

    def precision(q, relevant, gone):
        order = ranking(scores[q], [c for c in range(len(candidates)) if c not in gone])
        places = sorted(order.index(c) + 1 for c in relevant)
        return mean(number / place for number, place in enumerate(places, 1))

    for q in range(len(queries)):
        asked = benchmark.query_language[q]
        relevant = benchmark.relevant[benchmark.offsets[q] : benchmark.offsets[q + 1]].tolist()
        mid = [1 + (scores[q] > scores[q, c]).sum() + ((scores[q] == scores[q, c]).sum() - 1) / 2 for c in relevant]
        other = [rank for rank, c in zip(mid, relevant, strict=True) if languages[c] != asked]
        if other:
            recall[q] = mean(rank <= 10 for rank in other)
        if relevant:
            worst[q] = max(*mid, len(relevant))
            if len(relevant) < len(candidates):
                log = np.log2([len(candidates), worst[q], len(relevant)])
                normalised[q] = 100 * (log[0] - log[1]) / (log[0] - log[2])
        lost = {}
        for language in {languages[c] for c in relevant}:
            gone = [c for c in relevant if languages[c] == language]
            if len(gone) < len(relevant):
                left = [c for c in relevant if c not in gone]
                lost[language] = precision(q, relevant, ()) - precision(q, left, gone)
        if asked in lost:
            own_lost[q] = lost.pop(asked)
            other_lost[q] = mean(lost.values())

    def macro(values):
        by_language = {}
        for q, value in values.items():
            by_language.setdefault(benchmark.query_language[q], []).append(value)
        return mean(mean(part) for part in by_language.values())

    bias = evaluation.summary.bias
    if all(len({languages[c] for c in row}) < 2 for row in np.split(benchmark.relevant, benchmark.offsets[1:-1])):
        worst, normalised = {}, {}  # nothing to compare in any query
        recall = recall if len(benchmark.languages) > 1 else {}
    for name, values in [
        ("other_language_recall_at_10", recall),
        ("worst_relevant_rank", worst),
        ("worst_relevant_rank_normalised", normalised),
        ("map_lost_without_own_language", own_lost),
        ("map_lost_without_another_language", other_lost),
    ]:
        if values:
            assert bias.measures[name] == pytest.approx(macro(values)), name
        else:
            assert name in bias.not_applicable
        assert (name in bias.measures) != (name in bias.not_applicable)
    assert precision_lost(ranked_judgements(benchmark, evaluation.ranks))[0].tolist() == sorted(own_lost)


def test_peer_is_scipys_kruskal_where_languages_have_several_relevant():
    """Two grades, ties, two relevant passages per language as in MIRACL-like data."""
    rng = np.random.default_rng(9)
    benchmark = parallel_benchmark(3, 12, per_language=4)
    benchmark.grades[:] = np.tile([1, 1, 2, 2], len(benchmark.grades) // 4)
    texts = [
        rng.integers(-2, 3, (len(ids), 3)).astype(np.float32) for ids in (benchmark.query_ids, benchmark.candidate_ids)
    ]
    evaluation = evaluate(benchmark, *texts, ENCODING)
    one = ranked_judgements(benchmark, evaluation.ranks)
    expected = {name: [] for name in benchmark.languages}
    for q in range(len(benchmark.query_ids)):
        mine = one.only(np.flatnonzero(one.query == q))
        p = {}
        for grade in (1, 2):
            level = mine.only(np.flatnonzero(mine.grade == grade))
            groups = [level.mid_rank[level.answered == language] for language in range(3)]
            p[grade] = 1.0 if np.ptp(level.mid_rank) == 0 else stats.kruskal(*groups).pvalue
        expected[benchmark.languages[benchmark.query_language[q]]].append((p[1] + 2 * p[2]) / 3)
    bias = evaluation.summary.bias
    assert "peer" not in bias.not_applicable
    assert bias.by_language["peer"] == pytest.approx({name: mean(values) for name, values in expected.items()})
    assert bias.measures["peer"] == pytest.approx(mean(map(mean, expected.values())))


def test_peer_is_not_applicable_with_one_relevant_per_language():
    for bonus in (0.0, 1.0):
        bias = simulated(11, 12, bonus=bonus, seed=10).summary.bias
        assert "peer" not in bias.measures
        assert "0.4405" in bias.not_applicable["peer"]


@given(cases())
@settings(max_examples=80, deadline=None)
def test_peer_is_called_constant_exactly_where_no_ranking_changes_it(case):
    """Against other rankings without ties: values move for some of them if and only if the detection says so."""
    benchmark, queries, candidates = case
    one = ranked_judgements(benchmark, evaluate(benchmark, queries, candidates, ENCODING).ranks)
    rng = np.random.default_rng(0)

    def shuffled():
        above = rng.permutation(len(one.query))
        return peer(replace(one, above_pool=above, tied_pool=np.zeros_like(above)))

    found = [shuffled() for _ in range(30)]
    moves = any(not np.allclose(other.value, found[0].value) for other in found)
    assert moves == found[0].varies


@pytest.mark.parametrize("languages", [3, 11])
def test_friedman_is_scipys(languages):
    """Across the queries of a language; harder passage languages are found, also cluster by cluster."""
    evaluation = simulated(languages, 50, hard=0.6, seed=11)
    one = ranked_judgements(evaluation.benchmark, evaluation.ranks)
    table = one.mid_rank.reshape(languages, 50, languages)
    found = evaluation.summary.bias.friedman
    assert tuple(found) == NAMES[:languages]
    for index, name in enumerate(found):
        peer = stats.friedmanchisquare(*table[index].T)
        assert found[name].statistic == pytest.approx(peer.statistic)
        assert found[name].p == pytest.approx(peer.pvalue)
        assert found[name].agreement == pytest.approx(peer.statistic / (50 * (languages - 1)))
        assert found[name].queries == 50
        assert found[name].p_clusters < 0.05


def test_rank_correlation_is_spearmans_over_the_union():
    """Random lists that overlap in part, with ties, against scipy on the written-out union."""
    rng = np.random.default_rng(12)
    benchmark = parallel_benchmark(3, 20)
    passages = np.stack([rng.permutation(16)[:10] for _ in range(60)])
    scores = -np.sort(rng.integers(0, 8, (60, 10)), axis=1).astype(np.float32)
    one = ranked_judgements(
        benchmark, evaluate(benchmark, np.ones((60, 2), np.float32), np.ones((60, 2), np.float32), ENCODING).ranks
    )
    found = rank_correlations(one, TopK(passages, scores))
    for a, b in combinations(range(3), 2):
        expected = []
        for fact in range(20):
            lists = [
                dict(zip(passages[q].tolist(), stats.rankdata(-scores[q]), strict=True))
                for q in (a * 20 + fact, b * 20 + fact)
            ]
            union = sorted({*lists[0], *lists[1]})
            expected.append(stats.spearmanr(*[[places.get(c, 99) for c in union] for places in lists]).statistic)
        assert found[a, b] == found[b, a] == pytest.approx(np.nanmean(expected))
    assert np.isnan(np.diag(found)).all()


def test_rank_correlation_is_one_where_the_question_s_language_does_not_matter():
    benchmark = parallel_benchmark(3, 20)
    rng = np.random.default_rng(13)
    asked = np.tile(rng.standard_normal((20, 8)), (3, 1)).astype(np.float32)
    bias = evaluate(benchmark, asked, rng.standard_normal((60, 8)).astype(np.float32), ENCODING).summary.bias
    assert bias.measures["mrc_at_10"] == pytest.approx(1)


def test_shares_leave_relevant_passages_out():
    """Counted again by hand: 4 of the top 10 are relevant and not the model's choice of language."""
    evaluation = simulated(4, 30, noise=0.3, seed=14)
    benchmark, top = evaluation.benchmark, evaluation.top
    wrong = {name: [] for name in benchmark.languages}
    for q, best in enumerate(top.passage[:, :10]):
        relevant = set(benchmark.relevant[benchmark.offsets[q] : benchmark.offsets[q + 1]].tolist())
        wrong[benchmark.languages[benchmark.query_language[q]]] += [
            benchmark.languages[benchmark.candidate_language[c]] for c in best.tolist() if c not in relevant
        ]
    for asked, shares in evaluation.summary.bias.language_share_at_10.items():
        for answered, share in shares.items():
            assert share == pytest.approx(wrong[asked].count(answered) / len(wrong[asked]))
        assert sum(shares.values()) == pytest.approx(1)
    assert evaluation.summary.bias.pool_share == dict.fromkeys(benchmark.languages, 0.25)


def test_one_language_has_no_bias_and_says_why():
    bias = simulated(1, 20).summary.bias
    assert bias.measures == bias.by_language == {}
    assert bias.language_effect is bias.own_language_advantage is None
    assert {"peer", "friedman", "language_effect", "rank_distance_null", "mrc_at_10", "language_share_at_10"} < set(
        bias.not_applicable
    )
    assert set(bias.not_applicable.values()) == {ONE_LANGUAGE}


def test_a_collapsed_model_has_no_advantage():
    """All scores tie: mid-ranks are equal, whatever order ids give them."""
    benchmark = parallel_benchmark(3, 20)
    same = np.ones((60, 4), np.float32)
    bias = evaluate(benchmark, same, same, ENCODING).summary.bias
    assert bias.own_language_advantage.mean == 0
    assert all(value == pytest.approx(0) for row in bias.language_effect.effect.values() for value in row.values())
    assert bias.language_effect.p == 1
    assert {found.p for found in bias.friedman.values()} == {1.0}
    assert "mrc_at_10" in bias.not_applicable
