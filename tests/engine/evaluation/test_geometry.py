"""Measures of vectors: each equals its formula, leaves out whole clusters, and is of the same sample everywhere."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from bias_cases import parallel_benchmark
from evaluation_cases import ENCODING, make_benchmark

from engine.evaluation import benchmarking
from engine.evaluation.benchmarking import evaluate, evaluate_model
from engine.evaluation.geometry import sample as sampling
from engine.evaluation.geometry.distances import language_offset, pair_distances
from engine.evaluation.geometry.jackknife import Statistic, jackknife_interval
from engine.evaluation.geometry.measure import VECTOR_MEASURES, VectorLookup, vector_geometry
from engine.evaluation.geometry.probe import probe_language
from engine.evaluation.geometry.sample import sample_translations
from engine.evaluation.results import read_summary, write_results
from engine.evaluation.systems.saved_vectors import save_vectors
from engine.evaluation.systems.system import SavedVectors, TrecRun, evaluate_system

RNG = np.random.default_rng(3)
CLUSTER = np.array([0, 1, 1, 2, 0, 3, 4, 4, 5, 2, 5, 3])
BENCHMARK = parallel_benchmark(3, 24, clusters=6)


def unit(*shape):
    vectors = RNG.standard_normal(shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


FIRST, SECOND = unit(12, 5), unit(12, 5)


def slow_distances(first, second):
    """As the formulas stand in docs/measures.md."""
    squares = ((first[:, None].astype(float) - second[None].astype(float)) ** 2).sum(axis=2)
    others = ~np.eye(len(first), dtype=bool)
    return np.diag(squares).mean(), squares[others].mean(), np.log(np.exp(-2 * squares[others]).mean())


def test_alignment_and_uniformity_are_those_of_wang_and_isola():
    found = pair_distances(FIRST, SECOND, CLUSTER, 6)
    alignment, apart, uniformity = slow_distances(FIRST, SECOND)
    assert found.alignment.value == pytest.approx(alignment, rel=1e-6)
    assert found.alignment.value == pytest.approx(2 - 2 * (FIRST * SECOND).sum(axis=1).mean(), rel=1e-6)
    assert found.apart == pytest.approx(apart, rel=1e-6)
    assert found.uniformity.value == pytest.approx(uniformity, rel=1e-6)


@pytest.mark.parametrize("second", [SECOND, FIRST], ids=["two languages", "one"])
def test_what_is_left_without_a_cluster_is_what_the_others_give(second):
    found = pair_distances(FIRST, second, CLUSTER, 7)
    offset, _ = language_offset(FIRST, second, CLUSTER, 7)
    for left_out in range(7):  # there is no text in the last one
        kept = left_out != CLUSTER
        alignment, _, uniformity = slow_distances(FIRST[kept], second[kept])
        assert found.alignment.without[left_out] == pytest.approx(alignment, abs=1e-6)
        assert found.uniformity.without[left_out] == pytest.approx(uniformity, rel=1e-6)
        norm = np.linalg.norm((FIRST[kept].astype(float) - second[kept]).mean(axis=0))
        assert offset.without[left_out] == pytest.approx(norm, abs=1e-9)


def test_the_null_of_the_offset_is_the_root_mean_square_over_all_exchanges_of_clusters():
    offset, null = language_offset(FIRST, SECOND, CLUSTER, 6)
    differences = FIRST.astype(float) - SECOND
    sizes = [
        np.linalg.norm((differences * np.array(signs)[CLUSTER, None]).mean(axis=0))
        for signs in product((-1, 1), repeat=6)
    ]
    assert null == pytest.approx(np.sqrt(np.mean(np.square(sizes))))
    assert offset.value == pytest.approx(sizes[-1])


def slow_ridge(vectors, language, others, languages):
    """Weighted least squares with an unpenalised constant, as an ordinary augmented system."""
    weight = 1 / np.bincount(language, minlength=languages)[language]
    mean = np.average(vectors, axis=0, weights=weight)
    ridge = 0.01 * (weight[:, None] * (vectors - mean) ** 2).sum() / vectors.shape[1]
    design = np.column_stack([vectors, np.ones(len(vectors))])
    penalty = np.diag([ridge] * vectors.shape[1] + [0.0])
    solved = np.linalg.solve(
        design.T @ (weight[:, None] * design) + penalty, design.T @ (weight[:, None] * np.eye(languages)[language])
    )
    return (np.column_stack([others, np.ones(len(others))]) @ solved).argmax(axis=1)


@pytest.mark.parametrize("width", [6, 200], ids=["fewer dimensions than texts", "more"])
def test_the_probe_is_a_ridge_classifier_on_clusters_it_has_not_seen(width):
    clusters = np.repeat(np.arange(5), 12)
    language = np.tile(np.arange(3), 20)
    vectors = unit(60, width) + 0.5 * unit(3, width)[language]
    found, by_language = probe_language(vectors, language, clusters, 5)
    told = np.empty(60, int)
    for cluster in range(5):  # of equal size: each is a fold
        held_out = clusters == cluster
        told[held_out] = slow_ridge(vectors[~held_out].astype(float), language[~held_out], vectors[held_out], 3)
    right = told == language
    np.testing.assert_allclose(by_language, [right[language == one].mean() for one in range(3)])
    assert found.value == pytest.approx(np.mean(by_language))
    assert found.without[2] == pytest.approx(right[clusters != 2].mean())


def test_content_alone_does_not_tell_the_language():
    """Were a translation on both sides of a fold, a text would be known by what it says."""
    content = unit(40, 64)
    vectors = np.repeat(content, 2, axis=0) + 0.01 * unit(80, 64)
    found, _ = probe_language(vectors, np.tile([0, 1], 40), np.repeat(np.arange(20), 4), 20)
    assert 0.3 < found.value < 0.7


def test_an_interval_is_that_of_a_mean_where_the_statistic_is_one():
    values = RNG.standard_normal(30)
    without = (values.sum() - values) / 29
    low, high = jackknife_interval(Statistic(values.mean(), without))
    error = values.std(ddof=1) / np.sqrt(30)
    assert (high - low) / 2 == pytest.approx(2.0452 * error, rel=1e-4)
    assert jackknife_interval(Statistic(1.0, np.ones(58))) is None
    assert jackknife_interval(Statistic(1.0, np.ones(59))) == (1.0, 1.0)
    assert jackknife_interval(Statistic(1.0, np.ones(1))) is None
    assert jackknife_interval(Statistic(1.0, np.array([1.0, np.nan, 2.0]))) is None


def test_the_sample_is_whole_sets_of_translations_and_no_text_twice(monkeypatch):
    monkeypatch.setattr(sampling, "MOST_SETS", 10)
    monkeypatch.setattr(sampling, "_FEWEST_SETS", 1)
    for side in ("queries", "candidates"):
        found = sample_translations(BENCHMARK, side)
        assert found.text.shape == (10, 3)
        assert len(set(found.text.ravel().tolist())) == 30
        assert (found.text % 24 == found.text[:, :1] % 24).all()  # the same fact
        assert len(np.unique(found.cluster)) > 1
        assert found.text.tolist() == sample_translations(BENCHMARK, side).text.tolist()
    monkeypatch.setattr(sampling, "_MOST_TEXTS", 9)
    assert len(sample_translations(BENCHMARK, "queries").text) == 3


def test_candidates_of_which_a_language_has_several_answers_are_no_translations():
    benchmark = make_benchmark(
        ["ar", "ar", "de", "de", "en"], ["en", "en"], {0: [0, 2, 4], 1: [1, 2, 3]}
    )  # the second has two answers in German, and one left in Arabic
    benchmark = replace(benchmark, query_group=["a", "b"])
    found = sample_translations(benchmark, "candidates")
    assert found.text.tolist() == [[0, 2, 4]]
    assert len(sample_translations(benchmark, "queries").text) == 0


def lookups(queries, candidates):
    return VectorLookup(queries.__getitem__, candidates.__getitem__)


QUERIES, CANDIDATES = unit(72, 8), unit(72, 8)


def test_pairs_and_means_of_the_whole_are_those_of_the_parts():
    found = vector_geometry(BENCHMARK, lookups(3 * QUERIES, CANDIDATES))["queries"]
    assert (found.texts, found.sets, found.clusters, found.not_applicable) == (72, 24, 6, {})
    assert set(found.measures) == set(VECTOR_MEASURES)
    vectors = QUERIES.reshape(3, 24, 8)  # normalised, whatever the model ranks by
    slow = {(a, b): slow_distances(vectors[a], vectors[b]) for a in range(3) for b in range(a, 3)}
    alignment, uniformity = found.measures["alignment"], found.measures["uniformity"]
    assert alignment.by_pair["ar"]["de"] == pytest.approx(slow[0, 1][0], rel=1e-5)
    assert alignment.mean == pytest.approx(np.mean([slow[pair][0] for pair in slow if pair[0] != pair[1]]), rel=1e-5)
    assert alignment.null == pytest.approx(np.mean([slow[pair][1] for pair in slow if pair[0] != pair[1]]), rel=1e-5)
    assert uniformity.by_pair["de"]["de"] == pytest.approx(slow[1, 1][2], rel=1e-5)
    assert uniformity.null == pytest.approx(np.mean([slow[a, a][2] for a in range(3)]), rel=1e-5)
    offset, probe = found.measures["language_offset"], found.measures["language_probe"]
    assert list(offset.by_pair) == ["ar", "de"]
    assert offset.interval[0] < offset.mean < offset.interval[1]
    assert probe.null == pytest.approx(1 / 3)
    assert set(probe.by_language) == {"ar", "de", "el"}


def test_results_keep_them_and_memory_files_and_saved_vectors_tell_the_same(tmp_path, monkeypatch):
    evaluation = evaluate(BENCHMARK, QUERIES, CANDIDATES, ENCODING)
    write_results(evaluation, tmp_path / "results")
    assert read_summary(tmp_path / "results").vectors == evaluation.summary.vectors == evaluation.result.vectors
    save_vectors(tmp_path / "saved", BENCHMARK, QUERIES, CANDIDATES)
    saved = evaluate_system(SavedVectors(tmp_path / "saved"), BENCHMARK)
    assert saved.summary.vectors == evaluation.summary.vectors


def test_through_files_they_are_of_the_vectors_that_were_ranked(tmp_path, monkeypatch):
    from test_debias import BiasedEncoder, benchmark, estimate

    encoder, case = BiasedEncoder(), replace(benchmark(), query_group=[f"g{number}" for number in range(18)])
    debias, offsets = estimate(encoder, tmp_path, debias="lir"), []
    for candidates, correction in product((50_000, 0), (None, debias)):
        monkeypatch.setattr(benchmarking, "IN_MEMORY", candidates)
        found = evaluate_model([encoder], case, cache=tmp_path, debias=correction).summary.vectors
        offsets.append(found["candidates"].measures["language_offset"].mean)
    assert offsets[2:] == pytest.approx(offsets[:2], abs=1e-3)
    assert offsets[1] < 0.7 * offsets[0]


@pytest.mark.parametrize("side", ["queries", "candidates"])
def test_what_cannot_be_measured_has_its_reason(tmp_path, side):
    def reasons(found):
        assert found[side].measures == {}
        assert set(found[side].not_applicable) == set(VECTOR_MEASURES)
        (reason,) = set(found[side].not_applicable.values())
        return reason

    run = tmp_path / "run"
    run.write_text(f"{BENCHMARK.query_ids[0]} Q0 {BENCHMARK.candidate_ids[0]} 1 0.5 tag\n")
    assert reasons(evaluate_system(TrecRun(run), BENCHMARK).summary.vectors) == "the system has no vectors"
    alone = parallel_benchmark(1, 24)
    assert reasons(vector_geometry(alone, lookups(QUERIES, CANDIDATES))) == "the benchmark has one language"
    broken = np.full_like(QUERIES, np.nan)
    assert reasons(vector_geometry(BENCHMARK, lookups(broken, broken))) == "some vectors are not finite"
    one_cluster = replace(BENCHMARK, query_cluster=["c"] * 72)
    found = vector_geometry(one_cluster, lookups(QUERIES, CANDIDATES))[side]
    assert list(found.not_applicable) == ["language_probe"]
    assert found.measures["alignment"].interval is None
