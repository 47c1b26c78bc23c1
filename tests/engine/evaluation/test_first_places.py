"""Bias and its opposite among the first places: every formula against a slow, obvious version, and their identities."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean as mean

import numpy as np
import pytest
from bias_cases import simulated
from evaluation_cases import ENCODING, cases, make_benchmark, ranking
from hypothesis import given, settings

from engine.evaluation.benchmarking import evaluate
from engine.evaluation.bias.nulls import worst_rank_nulls
from engine.evaluation.judgements import ranked_judgements
from engine.evaluation.ranking import rank
from engine.evaluation.results import Pool, ResultError, query_values, ranks_table, write_results
from engine.evaluation.scores import QueryScores
from engine.measures import FOUR_WAY, MEASURES


def scores_of(benchmark, queries, candidates):
    ranks, top = rank(benchmark, queries, candidates)
    return QueryScores(ranked_judgements(benchmark, ranks, top))


def values_of(scores, measure):
    found = scores.of(measure)
    return dict(zip(found.query.tolist(), found.value.tolist(), strict=True))


def dcg(gains):
    return sum(gain / np.log2(1 + place) for place, gain in enumerate(gains, 1))


def slow(benchmark, queries, candidates):
    """Measure -> query -> value, written out."""
    scores, language = queries @ candidates.T, benchmark.candidate_language
    found = {name: {} for name in MEASURES}
    for q in range(len(queries)):
        relevant = benchmark.relevant[benchmark.offsets[q] : benchmark.offsets[q + 1]].tolist()
        if not relevant:
            continue
        asked, order = benchmark.query_language[q], ranking(scores[q], range(len(candidates)))
        first = order[0]
        for name, right, own in zip(FOUR_WAY, (True, True, False, False), (True, False, True, False), strict=True):
            found[name][q] = float((first in relevant) == right and (language[first] == asked) == own)
        found["language_preference_first"][q] = float(language[first] == asked)
        mid = [1 + (scores[q] > scores[q, c]).sum() + ((scores[q] == scores[q, c]).sum() - 1) / 2 for c in relevant]
        if len(relevant) <= 10:
            found["complete_at_10"][q] = float(max(mid) <= 10)
        gain = {c: 1.0 if language[c] == asked else 0.5 for c in relevant}
        ideal = dcg(sorted(gain.values(), reverse=True)[:10])
        found["language_aware_ndcg_at_10"][q] = dcg([gain.get(c, 0.0) for c in order[:10]]) / ideal
        own = [scores[q, c] for c in relevant if language[c] == asked]
        other = [scores[q, c] for c in relevant if language[c] != asked]
        if own and other:
            found["language_preference"][q] = float(max(own) > max(other))
            found["language_preference_pairwise"][q] = mean(float(a > b) for a in own for b in other)
    return found


@given(cases())
@settings(max_examples=60, deadline=None)
def test_values_follow_their_formulas_with_ties(case):
    benchmark = case[0]
    scores, expected = scores_of(*case), slow(*case)
    rows = np.split(benchmark.relevant, benchmark.offsets[1:-1])
    has_answers = any(len({benchmark.candidate_language[c] for c in row}) > 1 for row in rows)
    for name in ("complete_at_10", "language_aware_ndcg_at_10", "language_preference", "language_preference_pairwise"):
        assert values_of(scores, name) == pytest.approx(expected[name] if has_answers else {}), name
    for name in (*FOUR_WAY, "language_preference_first"):
        assert values_of(scores, name) == (expected[name] if len(benchmark.languages) > 1 else {}), name


@given(cases())
@settings(max_examples=30, deadline=None)
def test_shares_of_the_first_passage_are_whole(case):
    """The four sum to 1; those that answer are P@1, those in the asked language the preference of first passages."""
    scores = scores_of(*case)
    right_own, right_other, wrong_own, wrong_other = (values_of(scores, name) for name in FOUR_WAY)
    in_own = values_of(scores, "language_preference_first")
    precise = values_of(scores, replace(MEASURES["language_aware_ndcg_at_10"], k=1, gains=(1.0, 1.0)))
    for q in right_own:
        assert right_own[q] + right_other[q] + wrong_own[q] + wrong_other[q] == 1
        assert right_own[q] + wrong_own[q] == in_own[q]
        assert precise.get(q, right_own[q] + right_other[q]) == right_own[q] + right_other[q]


@given(cases())
@settings(max_examples=30, deadline=None)
def test_language_aware_ndcg_at_one_with_gains_one_and_none_is_the_share_right_and_asked(case):
    scores = scores_of(*case)
    right_own = values_of(scores, FOUR_WAY[0])
    found = values_of(scores, replace(MEASURES["language_aware_ndcg_at_10"], k=1, gains=(1.0, 0.0)))
    for q, value in found.items():  # without those that no passage in the question's language answers
        assert value == right_own[q]


def test_stored_results_give_the_same_values_and_without_their_first_passages_one_line(tmp_path):
    evaluation = simulated(3, 12, noise=1.0, bonus=0.4, seed=5)
    folder = tmp_path / "toy"
    write_results(evaluation, folder)
    pool = Pool(evaluation.benchmark.languages, len(evaluation.benchmark.candidate_ids), folder)
    scores = QueryScores(ranked_judgements(evaluation.benchmark, evaluation.ranks, evaluation.top))
    table = ranks_table(evaluation)
    for name in MEASURES:
        assert query_values(table, name, pool)["value"].to_list() == scores.of(name).value.tolist()
    for name in (*FOUR_WAY, "worst_relevant_rank_normalised"):
        assert query_values(table, name).is_empty()  # nothing tells of first passages and of the pool
    (folder / "topk.parquet").unlink()
    with pytest.raises(ResultError, match=r"topk\.parquet"):
        query_values(table, FOUR_WAY[0], pool)


def test_what_was_not_retrieved_is_behind_what_was():
    """Preference needs one of the passages; the place of the last one, all."""
    benchmark = make_benchmark(["de", "de", "en", "en"], ["de"] * 3, {0: [0, 2], 1: [0, 2], 2: [0, 2]})
    ranks, top = rank(benchmark, np.ones((3, 1), np.float32), np.array([[4], [3], [2], [1]], np.float32))
    unknown = np.iinfo(np.int32).max
    gone = np.array([False, True, True, False, True, True])  # the English one; the German one; both
    places = {name: np.where(gone, unknown, getattr(ranks, name)) for name in ("rank_pool", "above_pool")}
    scores = QueryScores(ranked_judgements(benchmark, replace(ranks, **places), top))
    assert values_of(scores, "language_preference") == {0: 1.0, 1: 0.0}
    assert values_of(scores, "language_preference_pairwise") == {0: 1.0, 1: 0.0}
    assert values_of(scores, "complete_at_10") == {0: 0.0, 1: 0.0, 2: 0.0}
    assert values_of(scores, "worst_relevant_rank_normalised") == {}


def test_more_relevant_passages_than_places_are_no_failure_to_complete():
    evaluation = simulated(11, 8, seed=1)
    bias = evaluation.summary.bias
    assert bias.not_applicable["complete_at_10"] == "every query has more than 10 relevant passages"
    assert "complete_at_10" not in bias.measures


def test_nulls_are_what_a_model_without_language_bias_measures():
    """Within what 240 questions tell; an own-language bonus moves away from them, and ignoring language does not."""
    fair = simulated(4, 60, noise=1.0, seed=3).summary.bias
    for name in ("language_preference", "language_preference_pairwise", "language_preference_first", *FOUR_WAY,
                 "complete_at_10", "worst_relevant_rank_normalised", "language_aware_ndcg_at_10"):  # fmt: skip
        low, high = fair.intervals[name]
        room = high - low  # twice as wide as the interval
        assert low - room / 2 <= fair.nulls[name] <= high + room / 2, name
    assert sum(fair.nulls[name] for name in FOUR_WAY) == pytest.approx(1)
    assert sum(fair.measures[name] for name in FOUR_WAY) == pytest.approx(1)
    biased = simulated(4, 60, noise=1.0, bonus=1.0, seed=3).summary.bias
    for name in ("language_preference", "language_preference_pairwise", "language_preference_first", FOUR_WAY[0]):
        assert biased.intervals[name][0] > biased.nulls[name], name
    assert biased.intervals[FOUR_WAY[1]][1] < biased.nulls[FOUR_WAY[1]]


def test_nulls_of_worst_ranks_are_of_the_queries_that_the_measures_are_of():
    """Also where some queries are answered in one language alone, as in pools that are parallel in part."""
    relevant = {q: [q, q + 20, q + 40] if q % 2 else [q, q + 20] for q in range(20)}
    names = ["de"] * 40 + ["en"] * 20
    benchmark = make_benchmark(names, ["de"] * 20, relevant)
    rng = np.random.default_rng(0)
    queries, candidates = (rng.standard_normal((n, 8)).astype(np.float32) for n in (20, 60))
    ranks, top = rank(benchmark, queries, candidates)
    judgements = ranked_judgements(benchmark, ranks, top)
    nulls = worst_rank_nulls(judgements, 60)
    for name, (asked, _) in nulls.items():
        assert asked.tolist() == QueryScores(judgements).of(name).query.tolist() == list(range(20)), name


def test_the_null_of_language_aware_ndcg_is_its_mean_over_exchanged_languages():
    """With one relevant passage in each of three languages: the mean over the three places of the own-language one."""
    for seed in range(3):
        evaluation = simulated(3, 10, noise=1.2, bonus=0.5, seed=seed)
        benchmark, one = evaluation.benchmark, evaluation.ranks
        expected = []
        for q in range(len(benchmark.query_ids)):
            places = sorted(one.rank_pool[one.query == q].tolist())
            gains = [[1.0 if place == own else 0.5 for place in places] for own in places]
            shares = [
                sum(gain / np.log2(1 + place) for gain, place in zip(row, places, strict=True) if place <= 10)
                for row in gains
            ]
            expected.append(mean(shares) / dcg([1.0, 0.5, 0.5]))
        assert evaluation.summary.bias.nulls["language_aware_ndcg_at_10"] == pytest.approx(mean(expected))


def test_queries_that_cannot_have_a_preference_are_left_out_and_counted():
    """One asks in a language without an answer, another has no translation."""
    benchmark = make_benchmark(["de", "en", "th"], ["de", "de", "de"], {0: [0, 1], 1: [1, 2], 2: [0]})
    bias = evaluate(
        benchmark, np.ones((3, 1), np.float32), np.array([[3], [2], [1]], np.float32), ENCODING
    ).summary.bias
    assert bias.left_out["language_preference"] == bias.left_out["language_preference_pairwise"] == 2
    assert bias.measures["language_preference"] == 1
    assert "first_right_own_language" not in bias.left_out
