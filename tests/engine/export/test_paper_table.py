"""The published rows are those of the paper, and the user's rows stand beneath them in the same columns."""

from __future__ import annotations

from statistics import mean

import msgspec
import pytest
from export_cases import make_evaluation, make_run

from engine.config import ConfigError
from engine.export.tables import build_table, write
from engine.export.tables.published import PUBLISHED, SOURCE
from engine.runs.folder import RunFolder, read_spec

# The paper's table of rank distances by question language: ar de el en es hi ru th tr vi zh (XLM-R, then LaBSE).
BY_LANGUAGE = {
    ("XLM-R", "mono"): (552.8, 356.6, 431.6, 320, 371.4, 505.6, 367.9, 431.6, 422.4, 395, 357.3),
    ("XLM-R", "X-Y"): (371.5, 252.8, 307.8, 239.6, 264.5, 368.5, 271.7, 316.9, 309, 289.4, 258.1),
    ("XLM-R", "hybrid"): (376, 242.1, 311.9, 219, 267, 351.7, 245.6, 304.4, 288.4, 295.6, 251.2),
    ("LaBSE", "mono"): (332.4, 214.9, 251.3, 189.3, 235.4, 299.8, 226.5, 391.5, 253.8, 245.2, 236.3),
    ("LaBSE", "X-Y"): (279, 192, 224.4, 162.1, 210, 250.8, 195.5, 325.9, 225.4, 208.6, 203.9),
    ("LaBSE", "hybrid"): (285.4, 175.1, 228.4, 150, 188, 255.6, 189.3, 323.9, 222.9, 204.8, 209),
}
COLUMNS = [f"{key}_{setting}" for key in ("xquad_r", "mlqa_r") for setting in ("mo", "cr", "mul")]
FIRST, SECOND = make_evaluation(0, 1.0), make_evaluation(1, 0.7)


def seeded(run, seed, name):
    spec = read_spec(RunFolder(run))
    config = msgspec.structs.replace(spec.config, seed=seed, name=name)
    (run / "spec.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(spec, config=config)))
    return run


@pytest.fixture
def runs(tmp_path):
    return [
        seeded(make_run(tmp_path, "hybrid-1", "hybrid", {9: {"xquad-r": FIRST, "mlqa-r": SECOND}}), 0, "hybrid"),
        seeded(make_run(tmp_path, "hybrid-2", "hybrid", {9: {"xquad-r": SECOND, "mlqa-r": SECOND}}), 1, "hybrid"),
        seeded(make_run(tmp_path, "mono-1", "mono", {9: {"xquad-r": FIRST}}), 0, "mono"),
    ]


def test_rank_distances_are_the_means_of_those_by_language():
    """A slip in copying would not agree with the paper's other table, to within its rounding."""
    for row in PUBLISHED:
        assert mean(BY_LANGUAGE[row.model, row.batches]) == pytest.approx(row.rank_distance["xquad-r"], abs=0.1)


def test_published_rows_come_first_in_every_block(runs):
    frame = build_table("paper", runs)
    assert frame.columns == ["measure", "model", "batches", "source", "seeds", *COLUMNS, "note"]
    for measure in ("mAP", "R@1, R@1, R@10", "rank distance"):
        block = frame.filter(measure=measure)
        assert block["source"].to_list() == ["published"] * 6 + ["hybrid", "mono-1"]
        assert set(block["note"].to_list()[:6]) == {SOURCE}
    first = frame.row(0, named=True)
    assert (first["model"], first["batches"]) == ("XLM-R", "mono")
    assert [first[name] for name in COLUMNS] == [0.792, 0.674, 0.5479, 0.648, 0.584, 0.473]
    assert [frame.row(-3, named=True)[name] for name in COLUMNS] == [None, None, 221.1, None, None, 195.0]


def test_own_rows_are_means_over_seeds(runs):
    frame = build_table("paper", runs)
    own = frame.filter(measure="mAP", source="hybrid").row(0, named=True)
    assert (own["model"], own["batches"], own["seeds"]) == ("tiny", "hybrid 0.5", 2)
    for metric, setting in (("monolingual", "mo"), ("crosslingual", "cr"), ("multilingual", "mul")):
        values = [found.summary.metrics[f"map_{metric}"] for found in (FIRST, SECOND)]
        assert own[f"xquad_r_{setting}"] == pytest.approx(mean(values))
        assert own[f"mlqa_r_{setting}"] == pytest.approx(values[1])
    mono = frame.filter(measure="rank distance", source="mono-1").row(0, named=True)
    assert [mono[name] for name in COLUMNS] == [None, None, FIRST.summary.metrics["rank_distance"], None, None, None]


def test_what_differs_from_the_published_protocol_is_noted(runs):
    note = build_table("paper", runs).filter(source="mono-1")["note"][0]
    assert note == "xquad-r: 60 of 13,090 queries, 60 of 13,014 candidates; xquad-r: a candidate is fact"


def test_a_benchmark_without_published_figures_is_refused(tmp_path):
    run = make_run(tmp_path, "demo", "hybrid", {9: {"cldr": FIRST}})
    with pytest.raises(ConfigError, match="demo has no results on xquad-r or mlqa-r"):
        build_table("paper", [run])


def test_reading_formats_round_as_the_paper_does(runs):
    markdown = write(build_table("paper", runs), "markdown")
    assert "| mAP | XLM-R | mono | published |  | 0.792 | 0.674 | 0.548 | 0.648 | 0.584 | 0.473 |" in markdown
    assert "| rank distance | XLM-R | mono | published |  |  |  | 410.2 |  |  | 287.5 |" in markdown
