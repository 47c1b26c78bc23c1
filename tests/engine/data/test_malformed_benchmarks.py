"""What is malformed in MIRACL's, BEIR's or a user's own files is one line with file, line and field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from retrieval_files import beir_folder, miracl_folder, own_folder, write_lines

from engine.config import ConfigError
from engine.data.sources import load_benchmark

TOPICS = "miracl-v1.0-sw/topics/topics.miracl-v1.0-sw-dev.tsv"
JUDGED = "miracl-v1.0-sw/qrels/qrels.miracl-v1.0-sw-dev.tsv"
DOCS = "miracl-corpus-v1.0-sw/docs-{}"
CORPUS = '{"_id": "d1", "text": "x"}'
QRELS = "query-id\tcorpus-id\tscore"


@pytest.mark.parametrize(
    ("make", "spec", "file", "lines", "where"),
    [
        (miracl_folder, "miracl", TOPICS, ["0\tNani?", "1 Wapi?"], ":2: row:"),
        (miracl_folder, "miracl", TOPICS, ["0\t "], ":1: text:"),
        (miracl_folder, "miracl", TOPICS, ["0\ta", "0\tb"], ":2: id: '0'"),
        (miracl_folder, "miracl", JUDGED, ["0\tQ0\t9#0"], ":1: row:"),
        (miracl_folder, "miracl", JUDGED, ["0 Q0 9#0 yes"], ":1: relevance:"),
        (miracl_folder, "miracl", JUDGED, ["7 Q0 9#0 1"], ":1: query id: no query '7'"),
        (miracl_folder, "miracl", JUDGED, ["0 Q0 8#8 1"], ":1: docid: no passage '8#8'"),
        (miracl_folder, "miracl", DOCS.format("1.jsonl"), ['{"docid": "9#0", "text": ""}'], ":1: docid: '9#0'"),
        (miracl_folder, "miracl", DOCS.format("0.jsonl.gz"), ['{"docid": 9, "text": ""}'], ":1: docid: expected str"),
        (beir_folder, "beir/a", "corpus.jsonl", [CORPUS, '{"_id": "d2"}'], ":2: text: this key is required"),
        (beir_folder, "beir/a", "corpus.jsonl", [CORPUS, "", "{"], ":3: row: expected one JSON object"),
        (beir_folder, "beir/a", "corpus.jsonl", [CORPUS, '{"_id": "", "text": "x"}'], ":2: _id: expected an id"),
        (beir_folder, "beir/a", "corpus.jsonl", [], ": expected at least one passage"),
        (beir_folder, "beir/a", "queries.jsonl", ['{"_id": "q1", "text": ["x"]}'], ":1: text: expected str"),
        (beir_folder, "beir/a", "qrels/test.tsv", ["q1\td1\t1"], ":1: header:"),
        (beir_folder, "beir/a", "qrels/test.tsv", [QRELS, "q1 d1 1"], ":2: row:"),
        (beir_folder, "beir/a", "qrels/test.tsv", [QRELS, "q1\td1\t0.5"], ":2: score: expected a whole number"),
        (beir_folder, "beir/a", "qrels/test.tsv", [QRELS, "q1\td1\t1", "q1\td1\t2"], ":3: corpus-id: 'd1' is"),
        (own_folder, "own", "queries.jsonl", ['{"id": "1", "lang": "de"}'], ":1: "),
        (own_folder, "own", "queries.jsonl", ['{"id": "1", "language": "d:e", "text": "x"}'], ":1: language:"),
        (own_folder, "own", "candidates.jsonl", ['{"id": "1", "language": "", "text": "x"}'], ":1: language:"),
        (own_folder, "own", "relevance.jsonl", ['{"query": "1-de", "candidate": "a", "grade": "x"}'], ":1: grade:"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_one_line_with_file_line_and_field(
    tmp_path: Path, cache: Path, make: Callable[[Path], Path], spec: str, file: str, lines: list[str], where: str
) -> None:
    path = write_lines(make(tmp_path / "set") / file, lines)
    with pytest.raises(ConfigError) as caught:
        load_benchmark(f"{spec}={tmp_path / 'set'}")
    assert str(caught.value).startswith(f"{path}{where}")
    assert "\n" not in str(caught.value)
    if "docs" in file or "corpus" in file or "candidates" in file:
        assert not [path for path in (cache / "passages").iterdir() if path.is_dir()]


def test_an_id_in_two_other_languages_is_ambiguous(tmp_path: Path) -> None:
    folder = own_folder(tmp_path)
    write_lines(folder / "queries.jsonl", ['{"id": "1", "language": "fr", "text": "Qui?"}'])
    write_lines(folder / "relevance.jsonl", ['{"query": "1", "candidate": "a"}'])
    with pytest.raises(ConfigError, match=r"relevance.jsonl:1: candidate: 'a' is in de, en"):
        load_benchmark(f"own={folder}")


@pytest.mark.parametrize(
    ("spec", "languages", "message"),
    [
        ("beir/a=FOLDER", (), "no corpus.jsonl"),
        ("own=FOLDER", (), "no queries.jsonl"),
        ("miracl=FOLDER", (), "expected a folder for each language"),
        ("miracl=FOLDER", ("sw",), "no .*passages of sw"),
        ("miracl=FOLDER", ("xx",), "unknown language 'xx'"),
        ("miracl", (), "miracl: languages: name those to download"),
    ],
)
def test_missing_files_and_languages_are_named(
    tmp_path: Path, spec: str, languages: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_benchmark(spec.replace("FOLDER", str(tmp_path)), languages)


def test_a_damaged_gzip_file_is_named(tmp_path: Path) -> None:
    path = miracl_folder(tmp_path) / "miracl-corpus-v1.0-sw" / "docs-0.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ConfigError, match=r"docs-0.jsonl.gz: damaged gzip file"):
        load_benchmark(f"miracl={tmp_path}")
