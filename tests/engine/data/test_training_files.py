"""Training files of Tevatron, MIRACL, Mr.TyDi, DPR, FlagEmbedding and sentence-transformers, by their mappings."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from engine.config import ConfigError, SourceConfig
from engine.data.corpus import ParallelCorpus
from engine.data.sources import load_source

TEVATRON = {
    "group": "query_id",
    "question": "query",
    "passage": "positive_passages",
    "passage_id": "positive_passages.docid",
    "negatives": "negative_passages",
}
TRIPLETS = {"question": "anchor", "passage": "positive", "negatives": "negative"}
FLAG = {"question": "query", "passage": "pos", "negatives": "neg"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def tevatron(number: int, *, others: int = 1) -> dict[str, Any]:
    return {
        "query_id": str(number),
        "query": f"haus {number}?",
        "positive_passages": [
            {"docid": f"{number}#0", "title": "", "text": " "},
            {"docid": f"{number}#1", "title": "T", "text": f"Wasser {number}"},
        ],
        "negative_passages": [{"docid": f"n{n}", "title": "N", "text": f"nein {n}"} for n in range(others)],
    }


def load(path: Path, kind: str, columns: dict[str, str], rows: list[Any]) -> ParallelCorpus:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(json.dumps(row) + "\n" for row in rows).encode())
    place = path if kind == "jsonl" else path.parent
    return load_source(SourceConfig(kind=kind, path=str(place), languages=("sw",), columns=columns))  # type: ignore[arg-type]


def negatives(corpus: ParallelCorpus) -> list[list[str]]:
    assert corpus.negatives is not None
    starts = corpus.negatives.starts.tolist()
    return [
        [corpus.negatives.texts[place] for place in range(first, last)] for first, last in itertools.pairwise(starts)
    ]


@pytest.mark.parametrize("kind", ["jsonl", "hub"])
def test_tevatrons_rows_are_first_positive_with_its_title_and_all_negatives(tmp_path: Path, kind: str) -> None:
    """So are MIRACL's and Mr.TyDi's; the first positive with a text, and its own id."""
    corpus = load(tmp_path / "set" / "train.jsonl", kind, TEVATRON, [tevatron(1), tevatron(2, others=0)])
    assert (corpus.languages, list(corpus.groups)) == (("sw",), ["1", "2"])
    assert list(corpus.questions) == ["haus 1?", "haus 2?"]
    assert list(corpus.passages) == ["T Wasser 1", "T Wasser 2"]
    assert list(corpus.passage_ids) == ["sw:p:1#1", "sw:p:2#1"]
    assert negatives(corpus) == [["N nein 0"], []]


@pytest.mark.parametrize("kind", ["jsonl", "hub"])
def test_a_path_into_a_list_of_objects_is_that_field_of_each(tmp_path: Path, kind: str) -> None:
    columns = {**TEVATRON, "passage": "positive_passages.text", "negatives": "negative_passages.text"}
    corpus = load(tmp_path / "set" / "train.jsonl", kind, columns, [tevatron(1, others=2), tevatron(2)])
    assert list(corpus.passages) == ["Wasser 1", "Wasser 2"]
    assert negatives(corpus) == [["nein 0", "nein 1"], ["nein 0"]]


@pytest.mark.parametrize("kind", ["jsonl", "hub"])
@pytest.mark.parametrize(
    ("columns", "rows", "expected"),
    [
        (FLAG, [{"query": "a", "pos": ["p", "q"], "neg": ["x", "y"]}], ("p", ["x", "y"])),
        (FLAG, [{"query": "a", "pos": "p", "neg": []}], ("p", None)),
        (FLAG, [{"query": "a", "pos": ["p"], "neg": None}], ("p", None)),
        (TRIPLETS, [{"anchor": "a", "positive": "p", "negative": "x"}], ("p", ["x"])),
        (
            {**TRIPLETS, "negatives": "negative_*"},
            [{"anchor": "a", "positive": "p", "negative_1": "x", "negative_2": "y"}],
            ("p", ["x", "y"]),
        ),
        ({"question": "set.0", "passage": "set.1"}, [{"set": ["a", "p"]}], ("p", None)),
        (
            {"question": "question", "passage": "positive_ctxs", "negatives": "hard_negative_ctxs"},
            [{"question": "a", "positive_ctxs": [{"title": "T", "text": "p"}], "hard_negative_ctxs": []}],
            ("T p", None),
        ),
    ],
)
def test_other_programs_rows_are_read(
    tmp_path: Path, kind: str, columns: dict[str, str], rows: list[Any], expected: tuple[str, list[str] | None]
) -> None:
    corpus = load(tmp_path / "set" / "train.jsonl", kind, columns, rows)
    found = negatives(corpus)[0] if corpus.negatives is not None else None
    assert (list(corpus.questions), corpus.passages[0], found or None) == (["a"], *expected)


def test_lists_without_names_are_read_by_position_also_gzipped_and_behind_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + b'["a", "p"]\r\n["b", "q"]\r\n'))
    columns = {"question": "0", "passage": "1"}
    corpus = load_source(SourceConfig(kind="jsonl", path=str(path), languages=("en",), columns=columns))
    assert (list(corpus.questions), list(corpus.passages)) == (["a", "b"], ["p", "q"])


def test_rows_without_a_positive_and_repeats_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [
        {"id": 1, "query": "a", "pos": []},
        {"id": 2, "query": "b", "pos": ["p"]},
        {"id": 2, "query": "c", "pos": ["q"]},
    ]
    corpus = load(tmp_path / "a.jsonl", "jsonl", {"group": "id", "question": "query", "passage": "pos"}, rows)
    assert (list(corpus.groups), list(corpus.questions)) == (["2"], ["b"])
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "left out 1 rows without a question or a passage",
        "left out 1 repeats of a group",
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {**FLAG, "passage": "positive"},
            r"a.jsonl:1: columns.passage: no field 'positive', the row has query, pos, n",
        ),
        ({**FLAG, "passage": "n"}, r"a.jsonl:1: columns.passage: expected texts in 'n', got int"),
        ({**FLAG, "passage": "pos.text"}, r"a.jsonl:1: columns.passage: expected an object or a list to find 'text'"),
        ({**FLAG, "answer": "pos"}, r"a.jsonl: columns.answer: unknown column"),
    ],
)
def test_a_mapping_that_does_not_fit_is_named_with_line_and_field(
    tmp_path: Path, columns: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path / "a.jsonl", "jsonl", columns, [{"query": "a", "pos": ["p"], "neg": [], "n": 3}])
