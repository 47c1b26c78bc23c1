"""A user's JSON Lines: what is read, what defaults are, and one clear line for everything that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.config import ConfigError
from engine.data.readers.jsonl import jsonl_corpus
from engine.data.store import corpora

ROW = {"group": "g1", "language": "en", "question": "Why?", "passage": "Because."}


def write(path: Path, *rows: dict[str, Any] | str) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_rows_of_a_group_are_translations_and_defaults_come_from_the_group(tmp_path: Path) -> None:
    german = {"group": "g1", "language": "de", "question": "Warum?", "passage": "Darum."}
    other = {**ROW, "group": "g0", "passage_id": "doc7", "cluster": "article", "source": "my wiki"}
    corpus = jsonl_corpus(write(tmp_path / "a.jsonl", ROW, german, "", other), weight=2.0)
    assert (corpus.languages, corpus.groups) == (("de", "en"), ["g0", "g1"])
    assert corpus.row_of.tolist() == [[-1, 2], [1, 0]]
    assert corpus.passage_ids == ["en:p:g1", "de:p:g1", "en:p:doc7"]
    assert corpus.clusters == ["article", "g1"]
    assert corpus.questions[1] == "Warum?"
    assert corpus.weight == 2.0


def test_a_passage_id_that_already_names_its_language_is_kept(tmp_path: Path) -> None:
    corpus = jsonl_corpus(write(tmp_path / "a.jsonl", {**ROW, "passage_id": "en:p:0001"}))
    assert corpus.passage_ids == ["en:p:0001"]


def test_only_the_languages_asked_for_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROW, {**ROW, "language": "de"}, {**ROW, "group": "g2", "language": "fr"})
    corpus = jsonl_corpus(path, ("en", "de"))
    assert (corpus.languages, corpus.groups, len(corpus.questions)) == (("de", "en"), ["g1"], 2)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"group": "g1", ', "row: expected one JSON object"),
        ("[1, 2]", "row: expected"),
        (json.dumps({key: value for key, value in ROW.items() if key != "passage"}), "passage: this key is required"),
        (json.dumps({**ROW, "negative": ["x"]}), "negative: unknown key, did you mean 'negatives'"),
        (json.dumps({**ROW, "question": 3}), "question: expected str, got int"),
        (json.dumps({**ROW, "question": "  "}), "question: expected a text that is not empty"),
        (json.dumps({**ROW, "language": "en:p"}), "language: expected a language code"),
        (json.dumps({**ROW, "group": "g2", "passage": "No."}), r"group: 'g2' already has language 'en' \({path}:1\)"),
        (json.dumps({**ROW, "language": "de", "group": "g2", "cluster": "c"}), "cluster: expected 'g2'"),
    ],
)
def test_a_wrong_line_is_named_with_its_field(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path / "a.jsonl", {**ROW, "group": "g2"}, "", line)
    with pytest.raises(ConfigError, match=f"^{path}:3: {message.replace('{path}', str(path))}") as caught:
        jsonl_corpus(path)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_utf8_are_an_error_of_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(json.dumps(ROW).encode() + b'\n{"group": "\xff"}\n')
    with pytest.raises(ConfigError, match=f"^{path}:2: "):
        jsonl_corpus(path)


def test_an_unknown_language_an_empty_file_and_a_missing_file_are_errors(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROW)
    with pytest.raises(ConfigError, match="languages: unknown language 'xx', expected en"):
        jsonl_corpus(path, ("xx",))
    with pytest.raises(ConfigError, match="at least one row"):
        jsonl_corpus(write(tmp_path / "b.jsonl", ""))
    with pytest.raises(ConfigError, match="cannot read"):
        jsonl_corpus(tmp_path / "c.jsonl")


def test_nulls_whole_numbers_and_keys_of_others_are_read_and_the_keys_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As pandas writes what is missing, and as published files have ids and notes of their own."""
    more = {"negatives": None, "cluster": None, "passage_id": 7, "url": "http://x", "score": 0.5}
    corpus = jsonl_corpus(write(tmp_path / "a.jsonl", {**ROW, **more, "group": 1}, {**ROW, **more, "group": 2}))
    assert (corpus.groups, corpus.clusters, corpus.passage_ids) == (["1", "2"], ["1", "2"], ["en:p:7", "en:p:7"])
    assert corpus.negatives is None
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == ["keys left unread: score, url"]


@pytest.mark.parametrize("large", [False, True])
def test_a_row_given_again_is_left_out_and_counted_and_one_that_differs_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    monkeypatch.setattr(corpora, "LARGE_BYTES", 0 if large else 1 << 30)
    corpus = jsonl_corpus(write(tmp_path / "a.jsonl", ROW, {**ROW, "group": "g2"}, ROW))
    assert (list(corpus.groups), corpus.row_of.tolist()) == (["g1", "g2"], [[0], [1]])
    message = "left out 1 repeats of a group that are the same word for word"
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [message]
    path = write(tmp_path / "b.jsonl", ROW, ROW, {**ROW, "question": "What?"})
    with pytest.raises(ConfigError, match=rf"^{path}:3: group: 'g1' already has language 'en' \({path}:1\)"):
        jsonl_corpus(path)
