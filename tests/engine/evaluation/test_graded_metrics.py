"""Graded metrics against two independent programs: ties, grades, queries without relevance, cut-off rankings."""

from __future__ import annotations

import itertools
from dataclasses import replace

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from evaluation_cases import cases, make_benchmark, query_scores
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, R, nDCG

from engine.evaluation.metrics import compute_metrics
from engine.evaluation.ranking import rank
from engine.evaluation.ranks import NOT_RETRIEVED
from engine.measures import Measure

MEASURES = {"ndcg_at_10": nDCG @ 10, "recall_at_100": R @ 100, "average_precision": AP}
FORMULAS = {
    "ndcg_at_10": ("nDCG", 10),
    "recall_at_100": ("recall", 100),
    "average_precision": ("average precision", None),
}
TREC = {"ndcg_at_10": "ndcg_cut_10", "recall_at_100": "recall_100", "average_precision": "map"}


@st.composite
def graded_cases(draw):
    benchmark, queries, candidates = draw(cases())
    seed = draw(st.integers(0, 2**32 - 1))
    grades = np.random.default_rng(seed).integers(1, 4, len(benchmark.grades)).astype(np.int16)
    return replace(benchmark, grades=grades), queries, candidates


def in_languages(scores):
    """Measure -> "query/passage language" -> value."""
    found = {}
    for name, (formula, k) in FORMULAS.items():
        values = found[name] = {}
        for cells in ("own language", "other languages"):
            part = scores.of(Measure("", cells, formula, k))
            keys = [f"{query}/{language}" for query, language in zip(part.query, part.language, strict=True)]
            values.update(zip(keys, part.value.tolist(), strict=True))
    return found


def as_trec(benchmark, scores):
    """Judgements and rankings of every (query, passage language) that has a relevant passage."""
    judged, ranked = {}, {}
    language = benchmark.candidate_language
    for query in range(len(scores)):
        for row in range(benchmark.offsets[query], benchmark.offsets[query + 1]):
            passage = benchmark.relevant[row]
            key = f"{query}/{language[passage]}"
            judged.setdefault(key, {})[benchmark.candidate_ids[passage]] = int(benchmark.grades[row])
            pool = np.flatnonzero(language == language[passage])
            ranked[key] = {benchmark.candidate_ids[c]: float(scores[query, c]) for c in pool}
    return judged, ranked


@given(graded_cases())
@settings(max_examples=100, deadline=None)
def test_every_querys_scores_are_those_of_trec_eval_and_ir_measures(case):
    """Queries without a relevant passage have no score here; both others leave them out as well."""
    benchmark, queries, candidates = case
    ranks, _ = rank(benchmark, queries, candidates)
    cells = in_languages(query_scores(benchmark, ranks))
    judged, ranked = as_trec(benchmark, queries @ candidates.T)
    keys = list(cells["average_precision"])
    assert sorted(keys) == sorted(judged)
    if not judged:
        return
    trec = pytrec_eval.RelevanceEvaluator(judged, {"ndcg_cut.10", "recall.100", "map"}).evaluate(ranked)
    other = {
        (metric.query_id, str(metric.measure)): metric.value
        for metric in ir_measures.iter_calc(list(MEASURES.values()), judged, ranked)
    }
    for name, measure in MEASURES.items():
        for key, value in cells[name].items():
            assert value == pytest.approx(trec[key][TREC[name]], abs=1e-9)
            assert value == pytest.approx(other[key, str(measure)], abs=1e-9)


@given(graded_cases(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_what_was_not_retrieved_counts_as_in_trec_eval(case, random):
    """A ranking that is cut off: the judgement stays, the passage is missing from the run."""
    benchmark, queries, candidates = case
    scores = queries @ candidates.T
    ranks, _ = rank(benchmark, queries, candidates)
    missing = np.array([random.random() < 0.4 for _ in ranks.query], bool)
    for row in np.flatnonzero(missing):  # below all others, so that no other rank changes
        scores[ranks.query[row], ranks.passage[row]] = -1e6 - row
    judged, ranked = as_trec(benchmark, scores)
    for row in np.flatnonzero(missing):
        passage = ranks.passage[row]
        key = f"{ranks.query[row]}/{benchmark.candidate_language[passage]}"
        del ranked[key][benchmark.candidate_ids[passage]]
    cut = _ranks_of(benchmark, scores, missing)
    cells = in_languages(query_scores(benchmark, cut))
    trec = pytrec_eval.RelevanceEvaluator(judged, {"ndcg_cut.10", "recall.100", "map"}).evaluate(ranked)
    for name in MEASURES:
        for key, value in cells[name].items():
            expected = trec.get(key, {}).get(TREC[name], 0.0)  # no score at all: nothing retrieved
            assert value == pytest.approx(expected, abs=1e-9)


def _ranks_of(benchmark, scores, missing):
    """The ranks of given scores, as if they were dot products with unit vectors."""
    ranks, _ = rank(benchmark, scores.astype(np.float32), np.eye(scores.shape[1], dtype=np.float32))
    columns = ("rank_pool", "rank_language", "above_pool", "above_language")
    changed = {name: np.where(missing, NOT_RETRIEVED, getattr(ranks, name)) for name in columns}
    zero = {name: np.where(missing, 0, getattr(ranks, name)) for name in ("tied_pool", "tied_language")}
    return replace(ranks, **changed, **zero)


@given(st.lists(st.integers(0, 2), min_size=2, max_size=6), st.data())
@settings(max_examples=60, deadline=None)
def test_bounds_of_ndcg_are_those_of_all_orders_of_tied_candidates(levels, data):
    size = len(levels)
    grades = data.draw(st.dictionaries(st.integers(0, size - 1), st.integers(1, 3), min_size=1))
    benchmark = make_benchmark(["de"] * size, ["de"], {0: sorted(grades)})
    benchmark = replace(benchmark, grades=np.array([grades[c] for c in sorted(grades)], np.int16))
    ranks, _ = rank(benchmark, np.ones((1, 1), np.float32), np.array(levels, np.float32)[:, None])

    def ndcg(order):
        gains = [grades.get(candidate, 0) for candidate in order]
        ideal = sorted(grades.values(), reverse=True)
        dcg = [sum(gain / np.log2(2 + place) for place, gain in enumerate(some[:10])) for some in (gains, ideal)]
        return dcg[0] / dcg[1]

    possible = [
        ndcg(order)
        for order in itertools.permutations(range(size))
        if all(levels[a] >= levels[b] for a, b in itertools.pairwise(order))
    ]
    scores = query_scores(benchmark, ranks)
    found = {kind: scores.of("ndcg_at_10", kind).value[0] for kind in ("optimistic", "pessimistic")}
    assert found == pytest.approx({"optimistic": max(possible), "pessimistic": min(possible)})


def test_graded_metrics_average_each_language_against_its_own_candidates():
    """A query whose relevant passages are all in another language has no monolingual score."""
    benchmark = make_benchmark(["de", "de", "en"], ["de", "de", "en"], {0: [0, 2], 1: [2], 2: [2]})
    queries = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    candidates = np.array([[1, 0], [2, 0], [0, 1]], np.float32)
    metrics = compute_metrics(query_scores(benchmark, rank(benchmark, queries, candidates)[0]))
    assert metrics.macro["ndcg_at_10"] == pytest.approx((1 / np.log2(3) + 1) / 2)
    assert metrics.macro["recall_at_100"] == 1.0
