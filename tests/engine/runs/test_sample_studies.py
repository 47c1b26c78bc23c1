"""Every sample study loads and asks what it says, and the data set that one of them needs can be made."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from engine.benchmark_names import parse_benchmark
from engine.config import BATCH_MODES, sample_configs_folder
from engine.data.readers.beir import beir_benchmark
from engine.runs.study import Study, load_study

STUDIES = sample_configs_folder() / "studies"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders that samples name, empty but for the language files."""
    monkeypatch.chdir(tmp_path)
    for name in ("data/xquad-r", "models/e5-small"):
        Path(name).mkdir(parents=True)
    for language in ("de", "en", "zh"):
        Path(f"data/xquad-r/{language}.json").touch()
    return tmp_path


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.toml")), ids=lambda path: path.name)
def test_every_sample_study_is_valid(path: Path, folder: Path) -> None:
    """Each condition trains with the batches that its name says; they differ in nothing else but the model."""
    study = load_study(path)
    trained = [run for run in study.runs if run.config.kind == "training"]
    assert study.name == path.stem
    assert {run.config.study for run in study.runs} == {study.name}
    for run in trained:
        assert run.config.batch.mode == run.condition.removeprefix("xlmr-").removeprefix("labse-")
        assert run.config.batch.language == "en"
    assert len({run.config.optimizer for run in trained}) == len({run.config.evaluation for run in trained}) == 1
    by_condition: dict[str, list[int]] = {}
    for run in trained:
        by_condition.setdefault(run.condition, []).append(run.config.seed)
    assert len({tuple(seeds) for seeds in by_condition.values()}) == 1
    on_cpu = study.name in ("cldr-batches", "paper-small")
    assert (study.slow_on_cpu is None) == on_cpu


def test_the_study_without_downloads_has_standard_training_for_its_baseline(folder: Path) -> None:
    study = load_study(STUDIES / "cldr-batches.toml")
    assert (study.baseline, study.keys) == ("mixed", ("cldr", "cldr-en"))
    assert {run.condition for run in study.runs} == set(BATCH_MODES)
    assert {claim.benchmark for claim in study.record.claims} == {"cldr", "cldr-en"}
    assert {claim.relation for claim in study.record.claims} == {"not inferior", "better", "lower"}


def test_the_papers_claims_have_its_differences(folder: Path) -> None:
    """As PAPER tables print them: what is published against itself is so here."""
    study = load_study(STUDIES / "paper.toml")
    claims = study.record.claims
    published = {(claim.condition, claim.against, claim.benchmark, claim.measure): claim for claim in claims}
    assert len(published) == len(claims)
    against = sorted(
        (claim.benchmark, claim.condition.partition("-")[0], claim.measure, claim.against.partition("-")[2])
        for claim in claims
        if claim.published is not None
        and claim.relation != "not inferior"
        and (claim.published >= 0 if claim.relation == "lower" else claim.published <= 0)
    )
    assert against == [
        ("mlqa-r", "labse", "recall_at_10_multilingual", "cross"),
        ("mlqa-r", "xlmr", "map_monolingual", "mono"),
        ("mlqa-r", "xlmr", "rank_distance", "cross"),
        ("xquad-r", "xlmr", "map_multilingual", "cross"),
    ]
    assert published["xlmr-hybrid", "xlmr-mono", "xquad-r", "rank_distance"].published == -123.6
    assert study.record.left_out == ("miracl",)


def test_the_small_study_of_the_paper_takes_what_is_there(folder: Path) -> None:
    def load() -> Study:
        return load_study(STUDIES / "paper-small.toml")

    assert (load().record.benchmarks, load().record.left_out) == (("xquad-r",), ("mlqa-r", "beir/*"))
    make_beir(folder)
    Path("data/mlqa-r").mkdir()
    study = load()
    assert (study.record.benchmarks, study.record.left_out) == (("xquad-r", "mlqa-r", "beir/*"), ())
    assert {run.condition for run in study.runs if run.config.kind == "evaluation"} == {"e5", "e5-lir", "bm25"}


def test_paragraphs_as_a_data_set_of_beir_are_of_articles_that_are_not_trained_on(folder: Path) -> None:
    benchmark = beir_benchmark("beir/xquad-en", make_beir(folder))
    assert list(benchmark.candidate_texts) == ["Two words Paragraph 2.0", "Two words Paragraph 2.1"]
    assert sorted(benchmark.query_texts) == ["Question 2.0?", "Question 2.1?"]
    assert benchmark.relevant.tolist() == [0, 1]
    configs = [run.config for run in load_study(STUDIES / "paper-small.toml").runs]
    articles = {config.evaluation.articles for config in configs}
    sources = {source.articles for config in configs for source in config.sources}
    assert (articles, sources) == ({"2::3"}, {"!2::3"})
    assert parse_benchmark("beir/xquad-en=data/beir/xquad-en")[1] == folder / "data/beir/xquad-en"


def make_beir(folder: Path) -> Path:
    """What the script beside the sample makes of four articles of two paragraphs."""
    articles = [
        {
            "title": "Two_words",
            "paragraphs": [
                {
                    "context": f"Paragraph {number}.{place}",
                    "qas": [{"id": f"{number}-{place}", "question": f"Question {number}.{place}?"}],
                }
                for place in range(2)
            ],
        }
        for number in range(4)
    ]
    source = folder / "articles"
    source.mkdir(exist_ok=True)
    (source / "en.json").write_text(json.dumps({"data": articles}))
    spec = importlib.util.spec_from_file_location("xquad_r_as_beir", STUDIES / "xquad_r_as_beir.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.write_as_beir(source, folder / "data/beir/xquad-en")
    return folder / "data/beir/xquad-en"
