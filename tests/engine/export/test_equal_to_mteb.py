"""A task of mteb, from a local copy: the scores that mteb's own evaluation of the same model arrives at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from export_cases import make_run
from peers import sentence_transformer
from retrieval_files import write_jsonl

from engine.config import ModelConfig
from engine.data.cldr import cldr_corpus, english_benchmark
from engine.data.sources import load_benchmark
from engine.encoder import load_encoder
from engine.evaluation.benchmarking import evaluate_model
from engine.evaluation.results import Evaluation
from engine.export.exchange import write_exchange
from engine.model_description import OPTIONS_FILE

mteb = pytest.importorskip("mteb")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets-cache")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder that was trained on nothing, with prompts of its own, one of them for a task."""
    import torch

    folder = tmp_path_factory.mktemp("model")
    corpus = cldr_corpus("train", ("de", "en"))
    texts = [*corpus.questions[:400], *corpus.passages[:400]]
    config = ModelConfig(name="tiny", query_prefix="ask: ", passage_prefix="tell: ")
    encoder = load_encoder(config, torch.device("cpu"), texts=iter(texts), seed=0)
    encoder.prompts = {"NFCorpus-query": "medicine: "}
    encoder.save(folder)
    (folder / OPTIONS_FILE).unlink()  # as a model of the hub, which says what it says for SentenceTransformers
    return folder


Rows = list[dict[str, Any]]


def facts(count: int = 25) -> dict[str, Rows]:
    """Passages, some with a title, queries, and graded judgements, one of which says "not relevant"."""
    benchmark = english_benchmark()
    queries = range(100, 100 + count)
    rows = {query: slice(benchmark.offsets[query], benchmark.offsets[query + 1]) for query in queries}
    told = {int(passage) for row in rows.values() for passage in benchmark.relevant[row]} | set(range(150, 250))
    qrels = [
        {
            "query-id": benchmark.query_ids[query],
            "corpus-id": benchmark.candidate_ids[passage],
            "score": int(grade),
        }
        for query, row in rows.items()
        for passage, grade in zip(benchmark.relevant[row], benchmark.grades[row], strict=True)
    ]
    unwanted = {"query-id": benchmark.query_ids[queries[-1]], "corpus-id": benchmark.candidate_ids[150], "score": 0}
    return {
        "corpus": [
            {"_id": benchmark.candidate_ids[n], "title": ("", "A fact")[n % 2], "text": benchmark.candidate_texts[n]}
            for n in sorted(told)
        ],
        "queries": [{"_id": benchmark.query_ids[n], "text": benchmark.query_texts[n]} for n in queries],
        "qrels": [unwanted, *qrels],
    }


def copied(folder: Path, tables: dict[str, Rows], split: str = "test", card: bool = True) -> Path:
    """A copied repository: a file for each subset, and the README.md that names them."""
    configs = ""
    for name, rows in tables.items():
        write_jsonl(folder / name / f"{split}.jsonl", rows)
        configs += f"- config_name: {name}\n  data_files:\n  - {{split: {split}, path: {name}/{split}.jsonl}}\n"
    if card:
        (folder / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    return folder


def evaluated(model: Path, spec: str, cache: Path) -> Evaluation:
    import torch

    encoder = load_encoder(ModelConfig(name=str(model)), torch.device("cpu"))
    return evaluate_model([encoder], load_benchmark(spec), cache=cache)


def scored_by_mteb(model: Path, name: str, folder: Path) -> Any:
    task = mteb.get_task(name)
    place = {**task.metadata.dataset, "path": str(folder), "revision": "local"}
    task.metadata = task.metadata.model_copy(update={"dataset": place})
    results = mteb.evaluate(
        sentence_transformer(model), task, cache=None, overwrite_strategy="always", co2_tracker=False,
        encode_kwargs={"show_progress_bar": False}, show_progress_bar=False,
    )  # fmt: skip
    return results.task_results[0]


@pytest.mark.parametrize(
    ("name", "prefix", "origin"),
    [("NFCorpus", "medicine: ", "benchmark"), ("ArguAna", "ask: ", "model"), ("InstructIR", "ask: ", "model")],
)
def test_a_task_has_the_score_that_mteb_gives_the_model(
    model: Path, tmp_path: Path, name: str, prefix: str, origin: str
) -> None:
    """NFCorpus with the prompt that the model has for that task alone; a passage with the id of an ArguAna query is
    none of its candidates; the queries of InstructIR carry an instruction each."""
    tables = facts()
    if name == "ArguAna":
        tables["corpus"] += [{**row, "title": ""} for row in tables["queries"][:3]]
    if name == "InstructIR":
        told = [{"query-id": row["_id"], "instruction": row["text"][::-1]} for row in tables["queries"]]
        tables["instruction"] = told
    folder = copied(tmp_path / "copy", tables)
    found = evaluated(model, f"mteb/{name}={folder}", tmp_path)
    scores = scored_by_mteb(model, name, folder).scores["test"][0]
    assert found.summary.metrics["ndcg_at_10"] == pytest.approx(scores["ndcg_at_10"], abs=1e-5)
    assert found.summary.metrics["recall_at_100"] == pytest.approx(scores["recall_at_100"], abs=1e-5)
    assert 0.05 < scores["ndcg_at_10"] < 0.95
    protocol = found.summary.protocol
    assert (protocol.query_prefix, protocol.origins["query_prefix"]) == (prefix, origin)


def test_each_language_is_a_pool_of_its_own_and_mteb_takes_the_exported_result(model: Path, tmp_path: Path) -> None:
    tables: dict[str, Rows] = {}
    for number, language in enumerate(("en", "fi", "pt")):
        for name, rows in facts(20 - 3 * number).items():
            tables[f"{language}-{name}"] = rows
    folder = copied(tmp_path / "copy", tables)
    found = evaluated(model, f"mteb/EuroPIRQRetrieval={folder}", tmp_path)
    expected = scored_by_mteb(model, "EuroPIRQRetrieval", folder)
    assert found.benchmark.languages == ("en", "fi", "pt")
    assert found.summary.metrics["ndcg_at_10"] == pytest.approx(expected.get_score(), abs=1e-5)
    assert "the pool of all languages is not mteb's" in found.summary.protocol.pool

    run = make_run(tmp_path, "hybrid-a", "hybrid", {9: {"mteb/EuroPIRQRetrieval": found}})
    write_exchange("mteb", [run], out=tmp_path / "result.json")
    result = mteb.TaskResult.from_disk(tmp_path / "result.json")
    accepted = result.validate_and_filter_scores(mteb.get_task("EuroPIRQRetrieval"))
    assert accepted.get_score() == pytest.approx(expected.get_score(), abs=1e-5)
    for ours, theirs in zip(accepted.scores["test"], expected.scores["test"], strict=True):
        assert (ours["hf_subset"], ours["languages"]) == (theirs["hf_subset"], theirs["languages"])
        for name in ("main_score", "ndcg_at_1", "ndcg_at_100", "recall_at_3", "recall_at_100"):
            assert ours[name] == pytest.approx(theirs[name], abs=1e-5)


def test_a_folder_without_a_readme_is_read_by_the_names_of_its_files(tmp_path: Path) -> None:
    tables = facts(5)
    tables["instruction"] = [{"query-id": row["_id"], "instruction": "Be brief."} for row in tables["queries"]]
    named, bare = copied(tmp_path / "named", tables), copied(tmp_path / "bare", tables, card=False)
    key = "mteb/InstructIR"
    assert load_benchmark(f"{key}={named}").digest == load_benchmark(f"{key}={bare}").digest
