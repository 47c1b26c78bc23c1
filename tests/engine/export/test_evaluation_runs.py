"""Runs that measure a system and train nothing stand in every table beside runs that trained, under their own name."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import polars as pl
import pytest
from export_cases import make_evaluation, make_run

from engine.config import ConfigError, EvaluationConfig, ModelConfig, RunConfig, SystemConfig
from engine.evaluation.results import DebiasProtocol, write_results
from engine.export.compare import compare_runs
from engine.export.conditions import conditions
from engine.export.exchange import write_exchange
from engine.export.figures import draw_figure
from engine.export.queries import Cell, query_report
from engine.export.report.document import to_markdown
from engine.export.report.study_report import study_report, write_report
from engine.export.run_results import Checkpoint, find_results
from engine.export.study_results import StudyResults
from engine.export.tables import TABLES, build_table, write
from engine.runs.folder import Provenance, Spec
from engine.runs.study_record import StudyRecord

GOOD, MIDDLE, POOR = (make_evaluation(seed, noise, clusters=10) for seed, noise in ((1, 0.6), (2, 1.0), (0, 2.0)))
REASON = "7 of 180 relevant passages were not retrieved"


def make_evaluation_run(home, name, by_benchmark, *, model="some/encoder", **system):
    folder = home / name
    folder.mkdir(parents=True)
    config = RunConfig(
        name=name,
        kind="evaluation",
        model=ModelConfig(name=model),
        system=msgspec.convert(system, SystemConfig),
        evaluation=EvaluationConfig(benchmarks=tuple(by_benchmark)),
    )
    (folder / "spec.json").write_bytes(msgspec.json.encode(Spec(config=config, created=0.0, provenance=Provenance())))
    for key, evaluation in by_benchmark.items():
        write_results(evaluation, folder / "results" / "step-000000" / key)
    return folder


def make_partial(folder):
    """As the results of a ranking that stops: no measure made of the ranks of all relevant passages."""
    path = folder / "ranks.parquet"
    ranks = pl.read_parquet(path)
    cut = pl.col("rank_pool") > 60
    columns = [name for name in ranks.columns if name.startswith(("rank_", "tied_", "above_"))]
    ranks.with_columns(pl.when(cut).then(None).otherwise(pl.col(columns)).name.keep()).write_parquet(path)
    path = folder / "summary.json"
    summary = json.loads(path.read_text())
    gone = ("rank_distance", "rank_distance_null", "own_language_advantage", "worst_relevant_rank")
    summary["metrics"] |= {"rank_distance": None, "rank_distance_null": None}
    bias = summary["bias"]
    for name in gone:
        bias["measures"].pop(name, None)
        bias["by_language"].pop(name, None)
    bias |= {"own_language_advantage": None, "language_effect": None, "friedman": {}}
    bias["not_applicable"] |= dict.fromkeys((*gone, "language_effect", "friedman", "peer"), REASON)
    summary |= {"rank_distance": {}, "own_language_advantage": {}}
    path.write_text(json.dumps(summary))


@pytest.fixture
def runs(tmp_path):
    trained = make_run(tmp_path, "hybrid", "hybrid", {0: {"toy": POOR}, 200: {"toy": MIDDLE}, 400: {"toy": GOOD}})
    encoder = make_evaluation_run(tmp_path, "eval-encoder", {"toy": POOR})
    bm25 = make_evaluation_run(tmp_path, "eval-bm25", {"toy": MIDDLE}, kind="bm25")
    trec = make_evaluation_run(tmp_path, "eval-trec", {"toy": POOR}, kind="trec", path="/somewhere/best.run")
    make_partial(trec / "results" / "step-000000" / "toy")
    return {"hybrid": trained, "encoder": encoder, "bm25": bm25, "trec": trec}


def sampled(folder, of=4321):
    """As the results of ``--max-queries``."""
    path = folder / "results" / "step-000000" / "toy" / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sampled_of": of}))
    return folder


@pytest.mark.parametrize("kind", sorted(set(TABLES) - {"paper", "summary"}))
def test_every_table_with_results_of_a_sample_says_so_in_a_column(runs, kind):
    both = [runs["encoder"], runs["bm25"]]
    assert "sampled_of" not in build_table(kind, both).columns
    frame = build_table(kind, [sampled(run) for run in both])
    assert frame.columns[-1] == "sampled_of"
    assert frame["sampled_of"].unique().to_list() == [4321]
    if kind != "compare":  # which refuses results of other queries
        assert set(build_table(kind, [runs["encoder"], runs["hybrid"]])["sampled_of"]) == {4321, None}


def test_a_summary_always_says_how_many_queries_and_of_how_many(runs):
    frame = build_table("summary", [runs["bm25"], sampled(runs["encoder"])])
    assert frame.select("queries", "sampled_of").rows() == [(60, None), (60, 4321)]


def test_an_mteb_file_of_a_sample_bears_it_in_the_name_of_its_task(runs, tmp_path):
    assert '"task_name": "toy (60 of 4,321 queries)"' in write_exchange("mteb", [sampled(runs["bm25"])], out=None)


@pytest.mark.parametrize("kind", ["heatmap", "ranks", "pareto"])
def test_a_figure_of_a_sample_says_so_below(runs, kind):
    pytest.importorskip("matplotlib")
    assert "sample" not in draw_figure(kind, "svg", [runs["encoder"], runs["bm25"]])
    figure = draw_figure(kind, "svg", [sampled(runs["encoder"]), sampled(runs["bm25"])])
    assert "measured on a sample of the 4,321 queries" in figure


def test_queries_of_an_evaluation_have_no_step_and_say_that_they_are_a_sample(runs):
    found = query_report(find_results([sampled(runs["bm25"])])[0], Cell("de", None), 3)
    assert (found.found.step, found.rankings[0].step, found.found.sampled_of) == (None, None, 4321)
    trained = query_report(find_results([runs["hybrid"]])[0], Cell("de", None), 3)
    assert (trained.found.step, trained.rankings[0].step, trained.found.sampled_of) == (400, 400, None)


def test_columns_of_training_are_empty(runs):
    frame = build_table("summary", list(runs.values()))
    assert (
        frame.select("mode", "mono_share", "seed", "step").rows()
        == [("hybrid", 0.5, 7, 400)] + [(None,) * 3 + (0,)] * 3
    )
    pareto = build_table("pareto", list(runs.values()))
    assert pareto["condition"].to_list() == ["hybrid", "encoder", "bm25", "best.run"]
    assert pareto.select("mode", "mono_share", "seeds").rows()[1:] == [(None, None, None)] * 3
    assert pareto["front"].to_list()[-1] is None, "it has no rank distance"


@pytest.mark.parametrize("kind", sorted(set(TABLES) - {"paper"}))
@pytest.mark.parametrize("format", ["csv", "markdown", "latex"])
def test_every_table_holds_every_run(runs, kind, format):
    frame = build_table(kind, list(runs.values()))
    first = frame.columns[0]
    assert frame[first].n_unique() == (3 if kind == "compare" else 4)
    assert write(frame, format)


def test_what_a_partial_ranking_cannot_have_is_there_with_the_reason(runs):
    rows = build_table("bias", [runs["trec"]]).filter(pl.col("not_applicable") == REASON)
    assert {"rank_distance", "own_language_advantage", "friedman"} <= set(rows["measure"])
    assert rows["value"].null_count() == len(rows)
    result = compare_runs([runs["encoder"], runs["trec"]])
    assert result.not_applicable == dict.fromkeys(("rank_distance", "own_language_advantage"), f"eval-trec: {REASON}")
    assert {row.metric for row in result.rows} == {"map_monolingual", "map_crosslingual", "map_multilingual"}
    with pytest.raises(ConfigError, match=f"rank_distance cannot be compared: eval-trec: {REASON}"):
        compare_runs([runs["encoder"], runs["trec"]], metric="rank_distance")


def test_systems_trained_runs_and_checkpoints_are_compared(runs):
    early = Checkpoint(runs["hybrid"], 200)
    result = compare_runs([runs["encoder"], runs["bm25"], early, runs["hybrid"]], baseline=early)
    assert result.baseline == "hybrid@200"
    assert result.conditions == {
        "encoder": ["eval-encoder"],
        "bm25": ["eval-bm25"],
        "hybrid@200": ["hybrid@200"],
        "hybrid": ["hybrid"],
    }
    values = {row.run: row.value for row in result.rows if row.setting == "map_multilingual"}
    expected = {"encoder": POOR, "bm25": MIDDLE, "hybrid": GOOD}
    for name, evaluation in expected.items():
        assert values[name] == pytest.approx(evaluation.summary.metrics["map_multilingual"])
    same = next(row for row in result.rows if (row.run, row.setting) == ("bm25", "map_multilingual"))
    assert (same.difference, same.different) == (0.0, False)
    assert result.selection["hybrid@200"] == "step 200, named for this comparison"
    assert result.selection["eval-bm25"] == "none: bm25 is measured as it is"


def test_only_margins_of_training_count_beside_training(runs):
    path = runs["bm25"] / "spec.json"
    spec = json.loads(path.read_text())
    spec["config"]["evaluation"]["margin"] = 0.05
    path.write_text(json.dumps(spec))
    assert compare_runs([runs["hybrid"], runs["bm25"]]).margin == 0.01
    with pytest.raises(ConfigError, match="different margins"):
        compare_runs([runs["encoder"], runs["bm25"]])


def test_one_system_measured_twice_is_no_pair_of_seeds(runs, tmp_path):
    again = make_evaluation_run(tmp_path, "eval-bm25-again", {"toy": MIDDLE}, kind="bm25")
    other = make_evaluation_run(tmp_path, "eval-other", {"toy": MIDDLE}, model="other/encoder")
    named = [group.name for group in conditions(find_results([runs["bm25"], other, runs["encoder"]]))]
    assert named == ["bm25", "eval-other", "eval-encoder"], "two models with the last part of their names in common"
    with pytest.raises(ConfigError, match="eval-bm25 and eval-bm25-again both measured bm25"):
        compare_runs([runs["bm25"], again, runs["encoder"]])


def test_an_evaluation_of_a_runs_model_is_not_taken_for_the_run(runs, tmp_path):
    measured = make_evaluation_run(tmp_path, "eval-hybrid", {"toy": GOOD}, model=str(runs["hybrid"] / "model"))
    early = str(runs["hybrid"] / "checkpoints" / "step-000200")
    checkpoint = make_evaluation_run(tmp_path, "eval-early", {"toy": MIDDLE}, model=early)
    named = [group.name for group in conditions(find_results([runs["hybrid"], measured, checkpoint]))]
    assert named == ["hybrid", "eval-hybrid", "hybrid@200"]


def test_the_paper_table_names_model_and_reason(tmp_path):
    run = make_evaluation_run(tmp_path, "eval", {"xquad-r": POOR}, kind="trec", path="best.run")
    make_partial(run / "results" / "step-000000" / "xquad-r")
    more = make_evaluation_run(tmp_path, "more", {"mlqa-r": POOR}, kind="trec", path="best.run")
    row = build_table("paper", [run, more]).filter(pl.col("source") == "best.run", measure="mAP").row(0, named=True)
    assert (row["model"], row["batches"], row["seeds"]) == ("best.run", None, None)
    assert row["xquad_r_mul"] == row["mlqa_r_mul"] == POOR.summary.metrics["map_multilingual"]
    assert f"xquad-r: no rank distance, {REASON}" in row["note"]


@pytest.mark.parametrize("folder", ["own/faq", "own-faq"])
def test_a_benchmark_within_another_is_its_own(tmp_path, folder):
    """Results on "own/faq" lie beside those on "own", and in older runs within them."""
    run = make_evaluation_run(tmp_path, "nested", {"own": POOR, folder: GOOD})
    frame = build_table("summary", [run])
    assert dict(frame.select("benchmark", "map_multilingual").rows()) == {
        "own": POOR.summary.metrics["map_multilingual"],
        "own/faq": GOOD.summary.metrics["map_multilingual"],
    }
    for key, evaluation in (("own", POOR), ("own/faq", GOOD)):
        (result,) = find_results([run], key)
        assert result.summary.matrix == evaluation.summary.matrix
    only = make_evaluation_run(tmp_path, "inner", {folder: GOOD})
    with pytest.raises(ConfigError, match="inner has no results on own"):
        find_results([only], "own")


def test_other_formats_queries_and_figures(runs, tmp_path):
    for name in ("bm25", "trec"):
        assert '"task_name": "toy"' in write_exchange("mteb", [runs[name]])
        write_exchange("trec", [runs[name]], out=tmp_path / f"{name}.out")
        report = query_report(find_results([runs[name]])[0], Cell("de", None), 3)
        assert [row.standing.rank for row in report.found.rows]
    pytest.importorskip("matplotlib")
    for kind in ("heatmap", "ranks", "pareto"):
        assert "<svg" in draw_figure(kind, "svg", list(runs.values()))
    with pytest.raises(ConfigError, match="eval-bm25 is an evaluation: it has no losses"):
        draw_figure("loss", "svg", [runs["bm25"]])


def test_a_report_of_systems_says_that_nothing_was_trained(runs, tmp_path):
    conditions_of = {"before": [runs["encoder"]], "words": [runs["bm25"]]}
    record = StudyRecord(name="systems", condition="", baseline="before", benchmarks=("toy",))
    report, blocks = study_report(StudyResults(record, conditions_of))
    write_report(report, blocks, tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert "2 conditions (before, words), compared with before. None of them was trained." in text
    assert "updates of" not in text
    assert "| words | eval-bm25 | bm25 | - | 0 | none: bm25 is measured as it is |" in text


def test_a_report_has_the_protocol_of_each_condition_and_not_that_of_the_first(runs, tmp_path):
    lir = DebiasProtocol(method="lir", formula="less", rank=1, sources=["pairs"], pairs={"de": 9}, digest="0a")
    protocol = msgspec.structs.replace(POOR.summary.protocol, system="BM25", debias=lir)
    other = replace(POOR, summary=msgspec.structs.replace(POOR.summary, protocol=protocol))
    words = make_evaluation_run(tmp_path, "eval-words", {"toy": other}, model="bm25", kind="bm25")
    record = StudyRecord(name="systems", condition="", baseline="before", benchmarks=("toy",))
    _, blocks = study_report(StudyResults(record, {"before": [runs["encoder"]], "words": [words]}))
    text = to_markdown(blocks).partition("## How it was measured")[2]
    assert "| words | system | BM25 |" in text
    assert "| before | debias | none |" in text
    assert "| words | debias | method lir; formula less; rank 1; sources pairs; pairs de 9; digest 0a |" in text
    assert text.count("| tie_rule |") == 1  # which is the same for both
