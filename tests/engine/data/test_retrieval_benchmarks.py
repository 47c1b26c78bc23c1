"""MIRACL, BEIR and a user's own files become the same kind of benchmark; what is malformed is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from retrieval_files import beir_folder, judgements, miracl_folder, own_folder, write_lines

from engine.data.sources import load_benchmark


@pytest.mark.parametrize("layout", ["hub", "flat"])
def test_miracl_files_become_a_monolingual_benchmark(tmp_path: Path, layout: str) -> None:
    """Ids sort as text, as trec_eval sorts them; judgements of 0 and the train split play no part."""
    benchmark = load_benchmark(f"miracl={miracl_folder(tmp_path, 'sw', layout)}")
    assert list(benchmark.candidate_ids) == ["sw:p:10#0", "sw:p:10#1", "sw:p:9#0"]
    assert list(benchmark.candidate_texts) == ["kumi.", "Kumi moja.", "Tisa tisa."]
    assert judgements(benchmark) == {"sw:q:0": {"sw:p:10#1": 1, "sw:p:9#0": 1}, "sw:q:1": {"sw:p:10#0": 1}}
    assert list(benchmark.query_texts) == ["Nani?", "Wapi?"]
    assert (benchmark.key, benchmark.languages, benchmark.excluded) == ("miracl", ("sw",), None)
    assert "1 queries without a relevant passage left out" in benchmark.pool


def test_miracl_languages_keep_equal_ids_apart(tmp_path: Path) -> None:
    miracl_folder(miracl_folder(tmp_path, "sw"), "bn")
    both = load_benchmark(f"miracl={tmp_path}")
    assert both.languages == ("bn", "sw")
    assert (both.query_language.tolist(), both.candidate_language.tolist()) == ([0, 0, 1, 1], [0, 0, 0, 1, 1, 1])
    assert judgements(both)["bn:q:1"] == {"bn:p:10#0": 1}
    assert len(set(both.query_group)) == len(set(both.query_cluster)) == 4
    assert load_benchmark(f"miracl={tmp_path}", ["bn"]).languages == ("bn",)


def test_beir_keeps_grades_and_the_queries_of_its_split(tmp_path: Path) -> None:
    benchmark = load_benchmark(f"beir/nosuch={beir_folder(tmp_path)}")
    assert list(benchmark.candidate_texts) == ["first", "Two second", "a question that is a document"]
    assert judgements(benchmark) == {"en:q:q1": {"en:p:d1": 2}, "en:q:q2": {"en:p:d2": 1}}
    assert benchmark.languages == ("en",)
    assert benchmark.excluded is None


def test_a_document_with_the_querys_id_is_dropped_where_asked_or_customary(tmp_path: Path) -> None:
    folder = beir_folder(tmp_path)
    customary = load_benchmark(f"beir/arguana={folder}")
    asked = load_benchmark(f"beir/nosuch={folder}", drop_own_id=True)
    for benchmark in (customary, asked):
        assert benchmark.excluded is not None
        assert benchmark.excluded.tolist() == [2, -1]
        assert "no candidate" in benchmark.pool
    kept = load_benchmark(f"beir/quora={folder}", drop_own_id=False)
    assert kept.excluded is None
    assert kept.digest != asked.digest


def test_own_files_have_groups_clusters_grades_and_languages(tmp_path: Path) -> None:
    benchmark = load_benchmark(f"own={own_folder(tmp_path)}")
    assert judgements(benchmark) == {
        "de:q:1-de": {"de:p:a": 1, "en:p:b": 1},
        "en:q:1-en": {"en:p:a": 3},
    }
    assert list(benchmark.candidate_texts) == ["sie", "Ada she", "there"]
    assert (benchmark.query_group, benchmark.query_cluster) == (["1", "1"], ["c", "c"])
    english = load_benchmark(f"own={tmp_path}", ["en"])
    assert judgements(english) == {"en:q:1-en": {"en:p:a": 3}}
    german = load_benchmark(f"own/mine={tmp_path}", ["de"])
    assert judgements(german) == {"de:q:1-de": {"de:p:a": 1}}
    assert german.key == "own/mine"


def test_a_collection_is_read_once_and_again_when_it_changes(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = beir_folder(tmp_path)
    before = load_benchmark(f"beir/a={folder}")
    monkeypatch.setattr("engine.data.store.passages._write", None)
    assert load_benchmark(f"beir/a={folder}").digest == before.digest
    monkeypatch.undo()
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(cache))
    write_lines(folder / "corpus.jsonl", ['{"_id": "d1", "text": "x"}', '{"_id": "d2", "text": "y"}'])
    assert load_benchmark(f"beir/a={folder}").digest != before.digest


def test_many_passages_come_sorted_and_whole_from_any_order(tmp_path: Path) -> None:
    """More than one record batch, written in a shuffled order."""
    names = np.random.default_rng(0).permutation(40_000)
    folder = beir_folder(tmp_path)
    write_lines(folder / "corpus.jsonl", (f'{{"_id": "d{name}", "text": "text {name}"}}' for name in names))
    benchmark = load_benchmark(f"beir/a={folder}", drop_own_id=False)
    assert list(benchmark.candidate_ids) == sorted(f"en:p:d{name}" for name in names)
    assert all(
        text == f"text {id.removeprefix('en:p:d')}"
        for id, text in zip(benchmark.candidate_ids, benchmark.candidate_texts, strict=True)
    )
    places = [39_999, 0, 16_384, 16_383, 0]
    assert benchmark.candidate_texts[-1] == benchmark.candidate_texts[39_999]
    assert benchmark.candidate_texts[16_380:16_390] == list(benchmark.candidate_texts)[16_380:16_390]
    assert benchmark.candidate_texts.take(np.array(places)) == [benchmark.candidate_texts[place] for place in places]
