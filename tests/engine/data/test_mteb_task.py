"""Which tasks of mteb can be a benchmark, which of their subsets and splits a key names, and what is told otherwise.

Scores are held against mteb's own in tests/engine/export/test_equal_to_mteb.py.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from retrieval_files import judgements, write_jsonl

from engine.config import ConfigError, EvaluationConfig, RunConfig, SystemConfig, problems
from engine.data.sources import load_benchmark

pytest.importorskip("mteb")

Rows = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets-cache")


def tables(start: str = "", **changed: Rows) -> dict[str, Rows]:
    """Two passages and two queries; the second judgement is graded, the third says "not relevant"."""
    rows: dict[str, Rows] = {
        "corpus": [{"_id": "a", "title": "A", "text": "first"}, {"_id": "b", "title": "", "text": "second"}],
        "queries": [{"_id": "1", "text": "one?"}, {"_id": "2", "text": "two?"}],
        "qrels": [
            {"query-id": "1", "corpus-id": "a", "score": 1},
            {"query-id": "2", "corpus-id": "b", "score": 3},
            {"query-id": "2", "corpus-id": "a", "score": 0},
        ],
    }
    return {f"{start}{name}": changed.get(name, value) for name, value in rows.items()}


def written(folder: Path, rows: dict[str, Rows], split: str = "test") -> Path:
    for name, values in rows.items():
        write_jsonl(folder / name / f"{split}.jsonl", values)
    return folder


def test_titles_and_grades_are_as_mteb_has_them(tmp_path: Path) -> None:
    benchmark = load_benchmark(f"mteb/SciFact={written(tmp_path / 'copy', tables())}")
    assert judgements(benchmark) == {"en:q:1": {"en:p:a": 1}, "en:q:2": {"en:p:b": 3}}
    assert list(benchmark.candidate_texts) == ["A first", "second"]
    assert benchmark.pool.endswith("; mteb's SciFact, split test")
    assert benchmark.digest == "4c720c5029334bc1d800002f6402f3243bf388674be5f89e9e6012960c375b7b"
    assert benchmark.task is not None
    assert (benchmark.task.revision, benchmark.task.languages) == (None, {"en": ["eng-Latn"]})
    assert benchmark.prompts is not None
    assert benchmark.prompts.instruction.startswith("Given a scientific claim")


def test_what_mteb_counts_and_is_left_out_here_is_told(tmp_path: Path) -> None:
    """A query whose passages are all judged "not relevant", and a judgement of a passage that is not there."""
    qrels: Rows = [
        {"query-id": "1", "corpus-id": "a", "score": 1},
        {"query-id": "1", "corpus-id": "gone", "score": 1},
        {"query-id": "2", "corpus-id": "a", "score": 0},
    ]
    benchmark = load_benchmark(f"mteb/SciFact={written(tmp_path / 'copy', tables(qrels=qrels))}")
    assert judgements(benchmark) == {"en:q:1": {"en:p:a": 1}}
    assert "mteb counts the queries without a relevant passage as 0" in benchmark.pool
    assert "1 judgement of 1 query names a passage that is not there: gone; counted as not found" in benchmark.pool


def test_a_conversation_is_one_line(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": "That."}]
    queries: Rows = [{"_id": "1", "text": turns}, {"_id": "2", "text": turns[:1]}]
    benchmark = load_benchmark(f"mteb/SciFact={written(tmp_path / 'copy', tables(queries=queries))}")
    assert list(benchmark.query_texts) == ["user: Which?; assistant: That.", "user: Which?"]


def test_languages_choose_among_subsets_that_are_told_apart_by_them(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    for name in ("en", "fi", "pt"):
        written(folder, tables(f"{name}-"))
    assert load_benchmark(f"mteb/EuroPIRQRetrieval={folder}").languages == ("en", "fi", "pt")
    some = load_benchmark(f"mteb/EuroPIRQRetrieval={folder}", ("en", "pt", "th"))
    assert (some.languages, len(some.candidate_ids)) == (("en", "pt"), 4)
    with pytest.raises(ConfigError, match="languages: none of th: it has en, fi, pt"):
        load_benchmark(f"mteb/EuroPIRQRetrieval={folder}", ("th",))


def test_a_subset_of_two_languages_is_a_benchmark_of_its_own(tmp_path: Path) -> None:
    folder = written(tmp_path / "copy", tables("deu-eng-"))
    benchmark = load_benchmark(f"mteb/MLQARetrieval:deu-eng={folder}")
    assert (benchmark.key, benchmark.languages) == ("mteb/MLQARetrieval:deu-eng", ("deu-eng",))
    assert benchmark.task is not None
    assert benchmark.task.languages == {"deu-eng": ["deu-Latn", "eng-Latn"]}
    written(folder, tables("deu-deu-"))
    assert load_benchmark(f"mteb/MLQARetrieval={folder}", ("de",)).languages == ("de",)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("mteb/NoSuchTask", "mteb has no such task: 'NoSuchTask' not found"),
        ("mteb/STS12", "a STS task: expected one that ranks a whole collection"),
        ("mteb/NevIR", "a Reranking task"),
        ("mteb/SciFact@dev", "no split 'dev': mteb evaluates test"),
        ("mteb/LEMBNeedleRetrieval", "name one as mteb/LEMBNeedleRetrieval@SPLIT, of test_256, "),
        ("mteb/MIRACLRetrieval:xx", "no subset 'xx': MIRACLRetrieval has ar, bn, "),
        ("mteb/MLQARetrieval", "name one as mteb/MLQARetrieval:SUBSET, of ara-ara, .* and 37 more"),
        ("mteb/LoTTE", "several are in one language"),
        ("mteb/BelebeleRetrieval:eng_Latn-eng_Latn", "no README.md that names its subsets"),
        ("mteb/SciFact", "no queries or queries/test with one of the endings"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, key: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_benchmark(f"{key}={tmp_path}")
    assert "\n" not in str(caught.value)


def test_offline_the_hub_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_TUI_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        ConfigError, match=r"^mteb/SciFact: cannot load mteb/scifact from the hub: .*OfflineMode"
    ) as caught:
        load_benchmark("mteb/SciFact")
    assert "\n" not in str(caught.value)


def test_without_the_extra_its_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mteb", None)
    with pytest.raises(ConfigError, match=r"pip install 'hybrid-tui\[mteb\]'"):
        load_benchmark("mteb/SciFact")


def test_the_config_knows_the_form_of_the_key_alone() -> None:
    for key, wrong in [
        ("mteb/SciFact", []),
        ("mteb/A:de-en@dev", []),
        ("mteb/", ["unknown"]),
        ("mteb/A:@x", ["unknown"]),
    ]:
        config = RunConfig(
            kind="evaluation", system=SystemConfig(kind="bm25"), evaluation=EvaluationConfig(benchmarks=(key,))
        )
        assert [reason.partition(" ")[0] for _, reason in problems(config)] == wrong
