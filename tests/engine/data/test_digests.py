"""Digests of data are compared between releases: equal data keep their digest, whoever reads them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.config import SourceConfig
from engine.data.corpus import HardNegatives, ParallelCorpus, corpus_digest
from engine.data.digest import ContentDigest
from engine.data.readers.lareqa import lareqa_benchmark
from engine.data.sources import load_benchmark, load_source
from engine.data.store import corpora

PARALLEL = "4958f33ce9c01263aa678eff346c0e1a102618446134e46397a4dd19a11c9515"
WITH_CONTEXT = "3da4ab49bc1f06576b5f583fd84cc6b767bd0ecd535a1964e04506a2c96c3420"


def write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize(
    ("key", "digest"),
    [
        ("beir/toy", "3119ba2eb602853d72f5b3e16edbe6f45c99708a6bebd943839baf4f46d7eeff"),
        ("beir/arguana", "f6d303fc86a86abb8a3267a38ac50a0e30ba02547326ff639e8810472347c43b"),  # without own ids
    ],
)
def test_a_retrieval_benchmark_has_the_digest_that_it_had(tmp_path: Path, key: str, digest: str) -> None:
    texts = [{"_id": f"d{n}", "title": f"T{n}" if n % 2 else "", "text": f"text {n} ü"} for n in range(50)]
    write_lines(tmp_path / "corpus.jsonl", texts)
    write_lines(tmp_path / "queries.jsonl", [{"_id": f"q{n}", "text": f"query {n} ß"} for n in range(10)])
    (tmp_path / "qrels").mkdir()
    judgements = "".join(f"q{n}\td{n * 3}\t{1 + n % 2}\n" for n in range(9))
    (tmp_path / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judgements}")
    assert load_benchmark(f"{key}={tmp_path}").digest == digest


def test_a_parallel_benchmark_has_the_digest_that_it_had(tmp_path: Path) -> None:
    context = "The Rhine rises in the Alps. It ends in the sea."
    for language in ("de", "en"):
        questions = [{"id": f"q{n}", "question": f"{n} {language}?", "answers": [{"answer_start": 4, "text": "Rhine"}]}
                     for n in range(3)]  # fmt: skip
        paragraph = {"context": context, "sentences": [context[:29], context[29:]],
                     "sentence_breaks": [[0, 29], [29, 48]], "qas": questions}  # fmt: skip
        document = {"data": [{"title": "Rhine", "paragraphs": [paragraph]}]}
        (tmp_path / f"{language}.json").write_text(json.dumps(document))
    assert lareqa_benchmark("xquad-r", tmp_path).digest == PARALLEL
    assert lareqa_benchmark("xquad-r", tmp_path, unit="sentence+context").digest == WITH_CONTEXT


@pytest.mark.parametrize("large", [False, True])
def test_a_corpus_has_the_digest_that_it_had_in_memory_and_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(tmp_path / "cache"))
    rows = [
        {"group": f"g{n}", "language": language, "question": f"{n} q {language}", "passage": f"p é {n}",
         "negatives": ["x"] * (n % 3)}
        for language in ("de", "en") for n in range(20)
    ]  # fmt: skip
    write_lines(tmp_path / "pairs.jsonl", rows)
    if large:
        monkeypatch.setattr(corpora, "LARGE_BYTES", 10)
    corpus = load_source(SourceConfig(kind="jsonl", path=str(tmp_path / "pairs.jsonl")))
    assert (corpus.digest is not None) == large
    assert corpus_digest(corpus) == "c5efd35bb6df6501c47dacc038e2721928dace2d44ae96b98f2c2a54b662833c"


def test_all_that_batches_are_made_of_decides_a_corpus_digest() -> None:
    corpus = ParallelCorpus(
        "any", ("de", "en"), ["g"], ["c"], np.array([[0, 1]]), ["q", "r"], ["p", "s"], ["de:p:1", "en:p:1"]
    )

    def digest(**changes: object) -> str:
        values = {name: getattr(corpus, name) for name in ParallelCorpus.__slots__}
        return corpus_digest(ParallelCorpus(**{**values, **changes}))

    assert digest(name="other", weight=2.0, groups=["h"], clusters=["d"]) == digest()
    others = [
        digest(languages=("de", "fr")),
        digest(row_of=np.array([[1, 0]])),
        digest(questions=["qr", ""]),
        digest(passages=["ps", ""]),
        digest(passage_ids=["de:p:1", "en:p:2"]),
        digest(contexts=["", ""]),
        digest(negatives=HardNegatives(["n"], np.array([0, 0, 1]))),
        digest(negatives=HardNegatives(["n"], np.array([0, 1, 1]))),
        digest(negatives=HardNegatives(["n"], np.array([0, 1, 1]), ["i"])),
    ]
    assert len({digest(), *others}) == len(others) + 1


def test_neighbouring_texts_stay_apart() -> None:
    digests = set()
    for texts in (("ab", "c"), ("a", "bc"), ("abc",), ("abc", "")):
        digest = ContentDigest()
        digest.add(*texts)
        digests.add(digest.hexdigest())
    assert len(digests) == 4
