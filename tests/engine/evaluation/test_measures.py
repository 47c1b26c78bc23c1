"""The table of measures, and whoever else lists them."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from evaluation_cases import ENCODING, make_benchmark

from engine.config import ValidationMetric
from engine.evaluation.benchmarking import evaluate
from engine.evaluation.results import read_summary, write_results
from engine.export.tables.latex import _HEADINGS
from engine.measures import MEASURES, METRICS, RANK_DISTANCE_NULL, primary_measure


def test_a_config_validates_by_any_of_the_metrics():
    """engine.config is below the table, and so has a list of its own."""
    assert set(get_args(ValidationMetric)) == set(METRICS)


@pytest.mark.parametrize(
    ("key", "has_parallel", "expected"),
    [
        ("cldr", True, "map_monolingual"),
        ("xquad-r", True, "map_monolingual"),
        ("cldr-en", False, "ndcg_at_10"),
        ("beir/scifact", False, "ndcg_at_10"),
        ("miracl", False, "ndcg_at_10"),
        ("nanobeir/NQ", True, "ndcg_at_10"),
        ("neuclir", False, "ndcg_at_20"),
        ("mteb/MuPLeR-retrieval", True, "ndcg_at_10"),
        ("own", True, "map_monolingual"),
        ("own/faq", False, "ndcg_at_10"),
    ],
)
def test_the_primary_measure_follows_the_key_and_of_a_users_own_data_what_is_judged(key, has_parallel, expected):
    assert primary_measure(key, has_parallel) == expected
    assert MEASURES[expected].cells == "own language"  # single-language quality


def test_headings_of_latex_tables_are_of_measures():
    published = {name for name in _HEADINGS if name.startswith(("xquad_r", "mlqa_r"))}
    assert set(_HEADINGS) - published <= set(MEASURES)


def test_every_metric_of_a_summary_has_the_value_of_its_name(tmp_path):
    """Worked out by hand: what stands under a name cannot be another metric's value.

    One German question, whose relevant passages come third of the German three, and first of the two English ones.
    """
    benchmark = make_benchmark(["de", "de", "de", "en", "en"], ["de"], {0: [2, 3]})
    scores = np.array([[5], [4], [3], [2], [1]], np.float32)  # in the pool: third and fourth
    write_results(evaluate(benchmark, np.ones((1, 1), np.float32), scores, ENCODING), tmp_path / "toy")
    metrics = read_summary(tmp_path / "toy").metrics
    assert metrics.pop(RANK_DISTANCE_NULL) is None
    assert metrics == pytest.approx(
        {
            "map_monolingual": 1 / 3,
            "map_crosslingual": 1.0,
            "map_multilingual": (1 / 3 + 2 / 4) / 2,
            "recall_at_1_monolingual": 0.0,
            "recall_at_1_crosslingual": 1.0,
            "recall_at_10_multilingual": 1.0,
            "rank_distance": 1.0,
            "ndcg_at_10": 1 / np.log2(4),
            "ndcg_at_20": 1 / np.log2(4),
            "ndcg_at_20_multilingual": (1 / np.log2(4) + 1 / np.log2(5)) / (1 + 1 / np.log2(3)),
            "recall_at_100": 1.0,
        }
    )
