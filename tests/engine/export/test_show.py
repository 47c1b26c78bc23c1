"""`show` as plain text: nothing that drives a terminal, no spike lost, the evaluation's own numbers."""

from __future__ import annotations

import math

import pytest
from export_cases import LANGUAGES, make_evaluation

from engine.export.show import render_show

RESULT = make_evaluation().result
FLAT = [2.0] * 5000
MODES = ["mono", "cross"] * 2500


def plot_of(text):
    return [line for line in text.splitlines() if line.count("│") >= 1 or "┤" in line]


def test_numbers_are_the_evaluations():
    text = render_show("run-1", FLAT[:10], MODES[:10], {"cldr": RESULT}, 80)
    assert text.startswith("run-1\n")
    for row in RESULT.matrix.values():
        assert all(f"{100 * value:.1f}" in text for value in row.values())
    for name, value in RESULT.metrics.items():
        shown = f"{value:.1f}" if name.startswith("rank_distance") else f"{value:.4f}"
        assert any(line.split() == [name, shown] for line in text.splitlines())
    for language in LANGUAGES:
        found = RESULT.rank_distance[language]
        assert any(
            line.startswith(language) and f"{found.median:,.1f}" in line and f"{found.p90:,.1f}" in line
            for line in text.splitlines()
        )


def test_a_spike_of_one_step_stays_in_sight():
    """One step of 5,000 at four times the loss marks the top row of a plot that has room for 80 columns."""
    spiked = FLAT.copy()
    spiked[1234] = 8.0
    top = plot_of(render_show("r", spiked, MODES, {}, 80))[0]
    assert "8.0" in top
    assert top.count("o") + top.count("x") == 1


def test_each_mode_is_a_curve_of_its_own():
    losses = [1.0 if mode == "mono" else 3.0 for mode in MODES]
    text = render_show("r", losses, MODES, {}, 80)
    assert "o mono: 2,500 batches, first 1.000, last 1.000" in text
    assert "x cross: 2,500 batches, first 3.000, last 3.000" in text
    plot = plot_of(text)
    assert "x" in plot[0]
    assert "o" not in plot[0]
    assert any("o" in line for line in plot[1:])


def test_numbers_that_are_not_finite_are_counted_and_never_drawn():
    losses = [*FLAT[:100], math.nan, math.inf, *FLAT[:100]]
    text = render_show("r", losses, MODES[: len(losses)], {}, 80)
    assert "not finite at 2 steps, first at 101" in text
    only_nan = render_show("r", [math.nan], ["mono"], {}, 80)
    assert "not finite at 1 step, first at 1" in only_nan


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("width", [1, 60, 120])
def test_text_fits_and_has_no_control_characters(width, ascii_only):
    text = render_show("r\x1b[31m", FLAT, MODES, {"cldr": RESULT}, width, ascii_only=ascii_only)
    assert "\x1b" not in text
    assert all(character == "\n" or character.isprintable() for character in text)
    assert all(len(line) <= max(width, 30) for line in plot_of(text))
    if ascii_only:
        assert text.split("\n", 1)[1].isascii()


def test_the_width_asked_for_wins_over_the_terminals(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "5")
    assert max(map(len, plot_of(render_show("r", FLAT, MODES, {}, 110)))) == 110


def test_a_run_without_steps_or_evaluation_says_so():
    assert render_show("r", [], [], {}, 80) == "r\n\nno steps yet\n\nno evaluation yet\n"
    single = make_evaluation(languages=("en",)).result
    assert "rank distance by" not in render_show("r", [], [], {"cldr": single}, 80)


def test_an_evaluation_says_what_it_measures_and_has_no_losses():
    text = render_show("eval-x", [], [], {}, 80, system="models/x")
    assert text == "eval-x\n\nmeasures models/x\n\nno evaluation yet\n"


def test_every_benchmark_is_shown_under_its_own_name():
    other = make_evaluation(languages=("en",)).result
    text = render_show("r", FLAT[:10], MODES[:10], {"cldr": RESULT, "beir/x": other}, 80)
    parts = [line for line in text.splitlines() if line.endswith("candidates")]
    assert [line.partition(":")[0] for line in parts] == ["cldr", "beir/x"]
    assert text.count("map_multilingual") == 2


def test_vectors_are_shown_beside_their_null_and_not_where_there_are_none():
    shown = render_show("r", [], [], {"cldr": RESULT}, 80)
    alignment = RESULT.vectors["queries"].measures["alignment"]
    (line,) = (line for line in shown.splitlines() if line.startswith("alignment, queries"))
    assert line.split()[2] == f"{alignment.mean:.4f}"
    assert line.split()[-1] == f"{alignment.null:.4f}"
    alone = make_evaluation(languages=("en",)).result
    assert "vectors of translations" not in render_show("r", [], [], {"x": alone}, 80)
