"""Measures of bias on rankings whose bias is known: each moves where it should, and stays where it should."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.bias_simulation import (
    BEGIN,
    CONDITIONS,
    END,
    draw,
    measured,
    parallel_pool,
    simulate,
    table,
    values,
    write_table,
)  # fmt: skip
from engine.measures import FOUR_WAY, METRICS, NEEDS, RANK_DISTANCE_NULL

DOCS = Path(__file__).parents[2] / "docs" / "measures.md"
FAIR, BIASED, SERVING, IGNORING, BAD = CONDITIONS
PREFERENCES = ("language_preference", "language_preference_pairwise", "language_preference_first")
WRONG_OWN = "first_wrong_own_language"


@pytest.fixture(scope="module")
def found():
    import numpy as np

    benchmark = parallel_pool(facts=30)
    return {
        condition: values(measured(benchmark, draw(condition, benchmark, np.random.default_rng(number))))
        for number, condition in enumerate(CONDITIONS)
    }


def gap(found, condition, name):
    """What a measure is above its null."""
    value, null = found[condition][name]
    return value - null


@pytest.mark.parametrize("condition", [FAIR, IGNORING])
def test_without_bias_everything_is_at_its_null(found, condition):
    """Whether the asked language is served or ignored: neither is biased."""
    for name in (*PREFERENCES, *FOUR_WAY, "language_aware_ndcg_at_10", "complete_at_10", "language_share_at_10"):
        assert abs(gap(found, condition, name)) < 0.1, name
    assert abs(gap(found, condition, "own_language_advantage")) < 0.25
    assert abs(gap(found, condition, "worst_relevant_rank_normalised")) < 2
    value, null = found[condition]["rank_distance"]
    assert value == pytest.approx(null, rel=0.05)


def test_a_bonus_moves_preferences_and_brings_up_wrong_passages(found):
    for name in PREFERENCES:
        assert gap(found, BIASED, name) > 0.2, name
    assert gap(found, BIASED, "first_right_own_language") > 0.15
    assert gap(found, BIASED, "first_right_other_language") < -0.15
    assert gap(found, BIASED, WRONG_OWN) > 0.02
    assert gap(found, BIASED, "language_share_at_10") > 0.3
    assert gap(found, BIASED, "language_aware_ndcg_at_10") > 0.03


def test_serving_the_asked_language_is_no_bonus_for_wrong_passages(found):
    """Preference is as high as with the bonus; precision is not lost, and no wrong passage gains."""
    for name in PREFERENCES:
        assert gap(found, SERVING, name) > 0.2, name
    assert abs(gap(found, SERVING, "language_share_at_10")) < 0.1
    assert found[SERVING][WRONG_OWN][0] < found[BIASED][WRONG_OWN][0]
    assert (
        found[SERVING]["map_multilingual"][0]
        > found[FAIR]["map_multilingual"][0]
        > found[BIASED]["map_multilingual"][0]
    )
    assert found[SERVING]["language_aware_ndcg_at_10"][0] > found[BIASED]["language_aware_ndcg_at_10"][0]


def test_ignoring_the_language_shows_in_the_correlation_of_translations_alone(found):
    assert found[IGNORING]["mrc_at_10"][0] == pytest.approx(1)
    assert found[FAIR]["mrc_at_10"][0] < 0.6


def test_a_bad_language_keeps_queries_from_being_complete(found):
    for name in ("complete_at_10", "worst_relevant_rank_normalised", "language_aware_ndcg_at_10"):
        assert found[BAD][name][0] < found[FAIR][name][0], name
    assert abs(gap(found, BAD, "language_share_at_10")) < 0.1  # it gains nothing for being bad


def test_the_documented_table_has_a_row_for_every_measure_and_is_the_one_that_the_script_writes(tmp_path):
    text = DOCS.read_text()
    lines = text[text.index(BEGIN) : text.index(END)].splitlines()[1:]
    names = re.findall(r"^\| `(\w+)` \|", "\n".join(lines), re.MULTILINE)
    assert len(names) == len(set(names))
    assert set(names) == {*METRICS, *NEEDS, RANK_DISTANCE_NULL}
    assert [cell.strip() for cell in lines[0].split("|")[2:-1]] == list(CONDITIONS)
    copy = tmp_path / "measures.md"
    copy.write_text(text)
    write_table(copy, lines)
    assert copy.read_text() == text


def test_cells_have_nulls_and_stars():
    found = simulate(2, facts=6)
    (line,) = [line for line in table(found) if line.startswith("| `language_preference_pairwise` |")]
    assert line.count("(0.50)") == len(CONDITIONS)
    assert "\\*" not in line.split("|")[2]  # without language effect: what the others are held against
