"""Metrics against trec_eval, against their definitions in plain Python, and against all orders of tied candidates."""

from __future__ import annotations

import itertools
from dataclasses import replace
from statistics import mean

import numpy as np
import pytest
import pytrec_eval
from evaluation_cases import cases, make_benchmark, query_scores, ranking
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.evaluation.metrics import compute_metrics
from engine.evaluation.ranking import rank
from engine.measures import MEASURES, METRICS


def average_precision(order, relevant):
    hits = [position for position, candidate in enumerate(order, 1) if candidate in relevant]
    return sum(found / position for found, position in enumerate(hits, 1)) / len(relevant)


def recall(order, relevant, k):
    return len(relevant & set(order[:k])) / len(relevant)


def dcg(order, relevant, k):
    return sum(1 / np.log2(1 + place) for place, candidate in enumerate(order[:k], 1) if candidate in relevant)


@given(cases())
@settings(max_examples=60, deadline=None)
def test_average_precision_is_trec_evals(case):
    benchmark, queries, candidates = case
    assume(len(benchmark.relevant))
    ranks, _ = rank(benchmark, queries, candidates)
    scores = queries @ candidates.T
    found = query_scores(benchmark, ranks)
    relevant = {
        q: set(benchmark.relevant[benchmark.offsets[q] : benchmark.offsets[q + 1]].tolist())
        for q in range(len(queries))
        if benchmark.offsets[q] < benchmark.offsets[q + 1]
    }

    def trec_map(pools, judged):
        name = benchmark.candidate_ids
        evaluator = pytrec_eval.RelevanceEvaluator({q: {name[c]: 1 for c in judged[q]} for q in judged}, {"map"})
        run = {q: {name[c]: float(scores[int(q.split("/")[0]), c]) for c in pools[q]} for q in judged}
        return {q: values["map"] for q, values in evaluator.evaluate(run).items()}

    everyone = range(len(candidates))
    expected = trec_map({str(q): everyone for q in relevant}, {str(q): relevant[q] for q in relevant})
    pool = found.of("map_multilingual")
    for query, ap in zip(pool.query, pool.value, strict=True):
        assert ap == pytest.approx(expected[str(query)], abs=1e-12)

    language = benchmark.candidate_language
    judged = {
        f"{q}/{language[c]}": {d for d in relevant[q] if language[d] == language[c]}
        for q in relevant
        for c in relevant[q]
    }
    pools = {key: [c for c in everyone if language[c] == int(key.split("/")[1])] for key in judged}
    expected = trec_map(pools, judged)
    parts = [found.of("map_monolingual"), found.of("map_crosslingual")]
    assert sum(len(part.query) for part in parts) == len(expected)
    for query, block, ap in (
        (*row,) for part in parts for row in zip(part.query, part.language, part.value, strict=True)
    ):
        assert ap == pytest.approx(expected[f"{query}/{block}"], abs=1e-12)


@given(cases())
@settings(max_examples=60, deadline=None)
def test_metrics_follow_their_definitions(case):
    """Macro and micro means, the matrix and the number of settings, written out as loops."""
    benchmark, queries, candidates = case
    ranks, _ = rank(benchmark, queries, candidates)
    metrics = compute_metrics(query_scores(benchmark, ranks))
    scores = queries @ candidates.T
    asked, answered = benchmark.query_language, benchmark.candidate_language
    ap, r1, r100, ndcg, ndcg20, pool_ap, pool_r10, pool_ndcg, distance = {}, {}, {}, {}, {}, {}, {}, {}, {}
    for q in range(len(queries)):
        relevant = set(benchmark.relevant[benchmark.offsets[q] : benchmark.offsets[q + 1]].tolist())
        if not relevant:
            continue
        for b in {answered[c] for c in relevant}:
            own = {c for c in relevant if answered[c] == b}
            order = ranking(scores[q], [c for c in range(len(candidates)) if answered[c] == b])
            ap.setdefault((asked[q], b), []).append(average_precision(order, own))
            r1.setdefault((asked[q], b), []).append(recall(order, own, 1))
            if asked[q] == b:
                r100.setdefault(b, []).append(recall(order, own, 100))
                ideal = [*own, *(c for c in order if c not in own)]
                ndcg.setdefault(b, []).append(dcg(order, own, 10) / dcg(ideal, own, 10))
                ndcg20.setdefault(b, []).append(dcg(order, own, 20) / dcg(ideal, own, 20))
        order = ranking(scores[q], range(len(candidates)))
        pool_ap.setdefault(asked[q], []).append(average_precision(order, relevant))
        pool_r10.setdefault(asked[q], []).append(recall(order, relevant, 10))
        best = [*relevant, *(c for c in order if c not in relevant)]
        pool_ndcg.setdefault(asked[q], []).append(dcg(order, relevant, 20) / dcg(best, relevant, 20))
        if len({answered[c] for c in relevant}) > 1:
            places = [order.index(c) for c in relevant]
            distance.setdefault(asked[q], []).append(max(places) - min(places))

    def split(table):
        return {k: v for k, v in table.items() if k[0] == k[1]}, {k: v for k, v in table.items() if k[0] != k[1]}

    (ap_own, ap_other), (r1_own, r1_other) = split(ap), split(r1)
    if len(benchmark.languages) == 1:  # the pool of one language is no pool of languages
        pool_ap, pool_r10, pool_ndcg = {}, {}, {}
    tables = {
        "map_monolingual": ap_own,
        "map_crosslingual": ap_other,
        "map_multilingual": pool_ap,
        "recall_at_1_monolingual": r1_own,
        "recall_at_1_crosslingual": r1_other,
        "recall_at_10_multilingual": pool_r10,
        "rank_distance": distance,
        "ndcg_at_10": ndcg,
        "ndcg_at_20": ndcg20,
        "ndcg_at_20_multilingual": pool_ndcg,
        "recall_at_100": r100,
    }
    assert tables.keys() == set(METRICS)
    for name, table in tables.items():
        if not table:
            assert metrics.macro[name] is None
            assert metrics.micro[name] is None
            continue
        assert metrics.macro[name] == pytest.approx(mean(mean(values) for values in table.values())), name
        assert metrics.micro[name] == pytest.approx(mean(value for values in table.values() for value in values)), name
    names = benchmark.languages
    assert metrics.settings == {
        "monolingual": len(tables["map_monolingual"]),
        "crosslingual": len(tables["map_crosslingual"]),
        "multilingual": len(tables["map_multilingual"]),
    }
    flat = {(a, b): value for a, row in metrics.matrix.items() for b, value in row.items()}
    assert flat == pytest.approx({(names[a], names[b]): mean(values) for (a, b), values in ap.items()})
    assert metrics.map_multilingual_by_language == pytest.approx({names[a]: mean(v) for a, v in pool_ap.items()})


@given(
    st.lists(st.integers(0, 2), min_size=2, max_size=6),
    st.data(),
)
@settings(max_examples=80, deadline=None)
def test_bounds_are_the_best_and_worst_order_of_tied_candidates(levels, data):
    """Every order of the tied candidates is tried: none beats the optimistic value, and one reaches it."""
    size = len(levels)
    relevant = data.draw(st.sets(st.integers(0, size - 1), min_size=1))
    german = data.draw(st.integers(1, size - 1))
    benchmark = make_benchmark(["de"] * german + ["en"] * (size - german), ["de"], {0: sorted(relevant)})
    ranks, _ = rank(benchmark, np.ones((1, 1), np.float32), np.array(levels, np.float32)[:, None])
    orders = [
        order
        for order in itertools.permutations(range(size))
        if all(levels[a] >= levels[b] for a, b in itertools.pairwise(order))
    ]

    def values(order):
        places = [order.index(c) for c in relevant]
        return average_precision(order, relevant), recall(order, relevant, 1), max(places) - min(places)

    possible = np.array([values(order) for order in orders])

    def found(placement):
        scores = query_scores(benchmark, ranks)
        first = scores.of(replace(MEASURES["recall_at_10_multilingual"], k=1), placement).value[0]
        return [scores.of("map_multilingual", placement).value[0], first, *scores.of("rank_distance", placement).value]

    best, worst = possible.max(axis=0), possible.min(axis=0)
    several = {c < german for c in relevant} == {True, False}  # else there is no rank distance
    count = 3 if several else 2
    assert found("optimistic") == pytest.approx([best[0], best[1], worst[2]][:count])
    assert found("pessimistic") == pytest.approx([worst[0], worst[1], best[2]][:count])
    assert found("id") == pytest.approx(values(ranking(levels, range(size)))[:count])


def test_one_language_has_no_crosslingual_metric():
    benchmark = make_benchmark(["de", "de"], ["de"], {0: [0]})
    ranks, _ = rank(benchmark, np.ones((1, 1), np.float32), np.array([[1], [2]], np.float32))
    metrics = compute_metrics(query_scores(benchmark, ranks))
    assert metrics.macro["map_crosslingual"] is None
    assert metrics.macro["rank_distance"] is None
    assert metrics.macro["map_multilingual"] is metrics.macro["recall_at_10_multilingual"] is None
    assert metrics.macro["map_monolingual"] == 0.5
    assert metrics.settings == {"monolingual": 1, "crosslingual": 0, "multilingual": 0}
