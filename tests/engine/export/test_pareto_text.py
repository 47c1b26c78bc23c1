"""The Pareto view in plain text: every condition a letter, its numbers those of the table, nothing cut off."""

from __future__ import annotations

import pytest
from export_cases import make_evaluation, make_run

from engine.export.tables import build_table
from engine.export.tables.pareto_table import with_conditions
from engine.export.tables.pareto_text import pareto_view


@pytest.fixture
def frame(tmp_path):
    runs = [
        make_run(tmp_path, name, name, {4: {"toy": make_evaluation(5, noise)}})
        for name, noise in (("mono", 2.0), ("cross", 1.0), ("hybrid", 0.5))
    ]
    return build_table("pareto", runs)


def test_every_condition_is_drawn_and_named(frame):
    text = pareto_view(with_conditions(frame, {"mono": "m\x1b"}))
    plot = text[text.index("┌") : text.rindex("┘")]
    assert [plot.count(letter) for letter in "ABC"] == [1, 1, 1]
    lines = dict(line.split("  ", 1) for line in text.splitlines()[-3:])
    for letter, row in zip("ABC", frame.iter_rows(named=True), strict=True):
        assert f"{row['map_monolingual']:.4f}" in lines[letter]
        assert f"{row['rank_distance']:,.1f}" in lines[letter]
        assert lines[letter].endswith("on the front") == row["front"]
    assert "\x1b" not in text


def test_a_schedule_stands_by_its_condition_and_counts_as_its_mean_share(tmp_path):
    options = {"mono_share": 1.0, "mono_share_schedule": "linear", "mono_share_end": 0.25}
    runs = [
        make_run(tmp_path, name, "hybrid", {4: {"toy": make_evaluation(5, noise)}}, **more)
        for name, noise, more in (("still", 2.0, {}), ("moving", 1.0, options))
    ]
    frame = build_table("pareto", runs)
    assert frame.select("mono_share", "mono_share_schedule").rows() == [(0.5, None), (0.625, "1->0.25 linear")]
    assert build_table("summary", runs)["mono_share_schedule"].to_list() == [None, "1->0.25 linear"]
    text = pareto_view(frame)
    assert "B  moving (1->0.25 linear): map_monolingual" in text
    assert "A  still: map_monolingual" in text


def test_better_is_up_and_left(frame):
    lines = pareto_view(frame).splitlines()
    place = {
        letter: (number, line.index(letter))
        for number, line in enumerate(lines[1:18])
        for letter in "AC"
        if letter in line
    }
    (poor_row, poor_column), (good_row, good_column) = place["A"], place["C"]
    assert good_row < poor_row
    assert good_column < poor_column


def test_one_condition_and_none_can_be_shown(tmp_path, frame):
    assert "A" in pareto_view(frame.head(1))
    english = make_run(tmp_path, "en", "english", {1: {"toy": make_evaluation(languages=("en",))}})
    assert pareto_view(build_table("pareto", [english])) == "no condition has both map_monolingual and rank_distance\n"
