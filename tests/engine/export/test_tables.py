"""Result tables: the right evaluation of every run, and the same numbers in every format."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import stat
from pathlib import Path

import polars as pl
import pytest
from export_cases import LANGUAGES, make_evaluation, make_run
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import ConfigError
from engine.evaluation.results import read_ranks
from engine.export.tables import TABLES, build_table, write
from engine.export.tables.formats import FORMATS
from engine.measures import METRICS

EARLY, LATE, OTHER = (make_evaluation(seed, noise) for seed, noise in ((0, 2.0), (1, 0.6), (2, 1.0)))


@pytest.fixture
def runs(tmp_path):
    return [
        make_run(tmp_path, "hybrid_a", "hybrid", {0: {"toy": EARLY}, 1000: {"toy": LATE}}),
        make_run(tmp_path, "mono-b", "mono", {400: {"toy": OTHER}}),
    ]


def test_summary_has_one_row_a_run_from_its_newest_step(runs):
    frame = build_table("summary", runs)
    assert frame.columns == [
        "run",
        "mode",
        "mono_share",
        "mono_share_schedule",
        "seed",
        "step",
        "benchmark",
        "queries",
        "sampled_of",
        *METRICS,
        "rank_distance_null",
    ]
    assert frame.rows()[0][:6] == ("hybrid_a", "hybrid", 0.5, None, 7, 1000)
    assert frame.rows()[1][:6] == ("mono-b", "mono", None, None, 7, 400)
    for row, evaluation in zip(frame.iter_rows(named=True), (LATE, OTHER), strict=True):
        assert {name: row[name] for name in evaluation.summary.metrics} == evaluation.summary.metrics


def test_a_given_step_is_taken_and_a_missing_one_refused(runs):
    frame = build_table("summary", runs[:1], step=0)
    assert frame["step"].to_list() == [0]
    assert frame["map_multilingual"].to_list() == [EARLY.summary.metrics["map_multilingual"]]
    with pytest.raises(ConfigError, match="mono-b has no results at step 1,000"):
        build_table("summary", runs, step=1000)


def test_heatmap_is_the_matrix_with_the_mean_of_the_other_languages(runs):
    frame = build_table("heatmap", runs)
    assert frame.columns == ["run", "query_language", *LANGUAGES, "mean_other"]
    assert frame["run"].to_list() == ["hybrid_a"] * 3 + ["mono-b"] * 3
    for row in frame.filter(run="hybrid_a").iter_rows(named=True):
        matrix = LATE.summary.matrix[row["query_language"]]
        assert {name: row[name] for name in LANGUAGES} == matrix
        others = [matrix[name] for name in LANGUAGES if name != row["query_language"]]
        assert row["mean_other"] == pytest.approx(sum(others) / 2)


def test_one_language_has_no_mean_of_others(tmp_path):
    run = make_run(tmp_path, "en", "english", {1: {"toy": make_evaluation(languages=("en",))}})
    assert build_table("heatmap", [run])["mean_other"].to_list() == [None]
    assert build_table("summary", [run])["map_crosslingual"].to_list() == [None]
    assert "None" not in write(build_table("summary", [run]), "markdown")


def test_ranks_are_every_runs_rows(runs):
    frame = build_table("ranks", runs)
    assert frame.columns == ["run", *read_ranks(runs[1] / "results" / "step-000400" / "toy").columns]
    stored = read_ranks(runs[0] / "results" / "step-001000" / "toy")
    assert frame.filter(run="hybrid_a").drop("run").equals(stored)


def test_several_benchmarks_need_a_choice(tmp_path):
    run = make_run(tmp_path, "two", "cross", {5: {"toy": EARLY, "beir/scifact": LATE}, 9: {"toy": OTHER}})
    with pytest.raises(ConfigError, match="beir/scifact, toy"):
        build_table("heatmap", [run])
    assert build_table("heatmap", [run], benchmark="beir/scifact")["de"][0] == LATE.summary.matrix["de"]["de"]
    both = build_table("summary", [run])
    assert both.select("benchmark", "step").rows() == [("beir/scifact", 5), ("toy", 9)]


def test_unfinished_and_foreign_folders_are_not_results(runs):
    results = runs[1] / "results"
    (results / "step-000900" / ".toy.0badc0de.tmp").mkdir(parents=True)
    (results / "step-000900" / ".toy.0badc0de.tmp" / "summary.json").write_text("{")
    (results / "step-000901" / "toy").mkdir(parents=True)
    (results / "notes").mkdir()
    assert build_table("summary", runs[1:])["step"].to_list() == [400]


@pytest.mark.parametrize("kind", ["summary", "heatmap", "ranks", "bias", "geometry", "compare"])
def test_every_format_has_the_same_cells(runs, tmp_path, kind):
    """CSV, JSON and Parquet to the last digit; Markdown in every text and count. LaTeX has tests of its own."""
    frame = build_table(kind, runs)
    rows = list(csv.reader(io.StringIO(write(frame, "csv"))))
    assert rows[0] == frame.columns
    assert [tuple(row) for row in rows[1:]] == [
        tuple("" if value is None else str(value).lower() if isinstance(value, bool) else str(value) for value in row)
        for row in frame.rows()
    ]
    assert json.loads(write(frame, "json")) == frame.to_dicts()
    out = tmp_path / "table.parquet"
    assert write(frame, "parquet", out) == out.read_bytes()
    assert pl.read_parquet(out).equals(frame)
    markdown = write(frame, "markdown").splitlines()
    assert len(markdown) == frame.height + 2
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in markdown} == {frame.width + 1}


def test_reading_formats_round_and_escape(runs):
    frame = build_table("summary", runs)
    markdown, latex = write(frame, "markdown"), write(frame, "latex")
    assert f"| {LATE.summary.metrics['map_monolingual']:.4f} |" in markdown
    assert f"| {LATE.summary.metrics['rank_distance']:.1f} |" in markdown
    assert r"hybrid\_a & hybrid & 0.5 & -- & 7 & 1000 & toy" in latex
    assert r"mono-b & mono & -- & -- & 7 &" in latex
    assert all(rule in latex for rule in (r"\toprule", r"\midrule", r"\bottomrule"))


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_no_text_breaks_a_table(texts):
    """Markdown and CSV keep their columns, whatever the cells hold; LaTeX has tests of its own."""
    frame = pl.DataFrame({"a_b|c": texts, "value": [1.0] * len(texts)})
    markdown = write(frame, "markdown").split("\n")
    assert len(markdown) == len(texts) + 3
    assert all(len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 3 for line in markdown[:-1])
    assert list(csv.reader(io.StringIO(write(frame, "csv"), newline="")))[1:] == [[text, "1.0"] for text in texts]


def test_json_names_numbers_it_cannot_write():
    frame = pl.DataFrame({"value": [math.nan, math.inf, -math.inf, 0.1, None]})
    found = [row["value"] for row in json.loads(write(frame, "json"), parse_constant=pytest.fail)]
    assert found == ["NaN", "Infinity", "-Infinity", 0.1, None]


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_a_file_is_replaced_whole(runs, tmp_path, format):
    out = tmp_path / "table"
    out.write_text("old and much longer than nothing")
    written = write(build_table("summary", runs), format, out)
    assert out.read_bytes() == (written if isinstance(written, bytes) else written.encode())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hybrid_a", "mono-b", "table"]


def test_a_failed_write_leaves_the_old_file(runs, tmp_path, monkeypatch):
    out = tmp_path / "table.csv"
    out.write_text("old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(ConfigError, match="No space left"):
        write(build_table("summary", runs), "csv", out)
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hybrid_a", "mono-b", "table.csv"]


def test_wrong_use_names_what_was_expected(runs, tmp_path):
    frame = build_table("summary", runs)
    for call, named in [
        (lambda: build_table("sumary", runs), ", ".join(TABLES)),
        (lambda: build_table("summary", runs, benchmark="xquad-r"), "hybrid_a has no results on xquad-r"),
        (lambda: build_table("summary", [tmp_path / "nothing"]), "spec.json"),
        (lambda: write(frame, "xls"), ", ".join(FORMATS)),
        (lambda: write(frame, "parquet"), "--out"),
        (lambda: write(frame, "csv", tmp_path), "is a folder"),
        (lambda: write(frame, "csv", tmp_path / "no" / "file.csv"), "no folder"),
        (lambda: write(frame, "csv", Path("/dev/null")), "not an ordinary file"),
    ]:
        with pytest.raises(ConfigError) as error:
            call()
        assert named in str(error.value)
        assert "\n" not in str(error.value)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_damaged_results_are_one_line(runs):
    """A truncated ranks.parquet, as a full disk leaves it, names its file."""
    path = runs[1] / "results" / "step-000400" / "toy" / "ranks.parquet"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ConfigError, match=r"ranks\.parquet") as error:
        build_table("ranks", runs)
    assert "\n" not in str(error.value)


def test_bias_has_every_measure_and_reason(runs):
    frame = build_table("bias", runs)
    for run, evaluation in (("hybrid_a", LATE), ("mono-b", OTHER)):
        mine, summary, bias = frame.filter(run=run), evaluation.summary, evaluation.summary.bias
        means = mine.filter(pl.col("query_language").is_null() & pl.col("passage_language").is_null())
        values = {row["measure"]: row["value"] for row in means.iter_rows(named=True)}
        assert {name: values[name] for name in bias.measures} == bias.measures
        assert values["rank_distance"] == summary.metrics["rank_distance"]
        reasons = {row["measure"]: row["not_applicable"] for row in means.drop_nulls("not_applicable").to_dicts()}
        assert reasons == bias.not_applicable != {}
        for measure, matrix in (
            ("language_effect", bias.language_effect.effect),
            ("language_share_at_10", bias.language_share_at_10),
        ):
            cells = mine.filter(pl.col("query_language").is_not_null(), measure=measure)
            assert {(row[2], row[3]): row[4] for row in cells.rows()} == {
                (asked, answered): value for asked, row in matrix.items() for answered, value in row.items()
            }
        advantage = mine.filter(measure="own_language_advantage", query_language="de").row(0, named=True)
        assert (advantage["interval_low"], advantage["interval_high"]) == summary.own_language_advantage["de"].interval


def test_geometry_has_every_measure_of_both_sides(runs):
    frame = build_table("geometry", runs)
    for run, evaluation in (("hybrid_a", LATE), ("mono-b", OTHER)):
        for side, found in evaluation.summary.vectors.items():
            mine = frame.filter(run=run, side=side)
            means = mine.filter(pl.col("language").is_null())
            values = {name: one.mean for name, one in found.measures.items()}
            assert dict(zip(means["measure"], means["value"], strict=True)) == values
            nulls = {name: one.null for name, one in found.measures.items()}
            assert dict(zip(means["measure"], means["null"], strict=True)) == nulls
            pairs = mine.filter(pl.col("measure") == "alignment", pl.col("other_language").is_not_null())
            assert pairs.rows_by_key(("language", "other_language"), named=True).keys() == {
                (first, second) for first, row in found.measures["alignment"].by_pair.items() for second in row
            }


def test_results_from_before_vectors_were_measured_open_and_say_so(runs):
    summary = runs[1] / "results" / "step-000400" / "toy" / "summary.json"
    document = json.loads(summary.read_text())
    del document["vectors"]
    summary.write_text(json.dumps(document))
    with pytest.raises(ConfigError, match="no measures of vectors: evaluate it again"):
        build_table("geometry", runs)


def test_results_from_before_bias_was_measured_open_and_say_so(runs):
    """Every other table still reads them."""
    path = runs[1] / "results" / "step-000400" / "toy" / "summary.json"
    document = json.loads(path.read_text())
    del document["bias"], document["metrics"]["rank_distance_null"]
    path.write_text(json.dumps(document))
    assert build_table("summary", runs)["rank_distance_null"].to_list()[1] is None
    with pytest.raises(ConfigError, match="mono-b: its results have no measures of bias: evaluate it again"):
        build_table("bias", runs)
