"""What the simulation of docs/measures.md shows: each measure moves with its own cause, and not with the others'."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "vector_simulation.py"


@pytest.fixture(scope="module")
def found():
    spec = importlib.util.spec_from_file_location("vector_simulation", SCRIPT)
    simulation = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(simulation)
    return {case: simulation.simulate(case) for case in simulation.CASES}


def test_without_an_effect_of_language_every_measure_is_at_its_null(found):
    one = found["no language effect"]
    assert one["language_probe"].mean == pytest.approx(one["language_probe"].null, abs=0.05)
    assert one["uniformity"].interval[0] < one["uniformity"].null < one["uniformity"].interval[1]
    assert one["language_offset"].mean == pytest.approx(one["language_offset"].null, rel=0.2)
    assert one["alignment"].mean < 0.5 * one["alignment"].null


def test_an_offset_is_seen_by_all_of_them(found):
    one, none = found["language offset"], found["no language effect"]
    assert one["language_offset"].mean > 4 * one["language_offset"].null
    assert one["language_probe"].mean > 0.9
    assert one["uniformity"].mean < one["uniformity"].null - 0.5
    assert one["alignment"].mean > 1.5 * none["alignment"].mean


def test_a_model_that_ignores_language_has_neither_offset_nor_distance(found):
    one = found["ignores language"]
    assert one["alignment"].mean == pytest.approx(0, abs=1e-6)
    assert one["language_offset"].mean == pytest.approx(0, abs=1e-6)
    assert one["language_probe"].mean <= one["language_probe"].null
    assert one["uniformity"].mean == pytest.approx(one["uniformity"].null)


def test_a_bad_language_is_seen_in_its_pairs_and_is_no_offset(found):
    one, none = found["one bad language"], found["no language effect"]
    pairs = one["alignment"].by_pair
    assert min(pairs["de"].values()) > 1.5 * pairs["en"]["th"]
    assert pairs["en"]["th"] == pytest.approx(none["alignment"].by_pair["en"]["th"], rel=0.1)
    assert one["language_offset"].mean == pytest.approx(one["language_offset"].null, rel=0.2)
