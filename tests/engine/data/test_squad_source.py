"""SQuAD folders: questions align by id, passages are paragraphs, faults are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.config import ConfigError, SourceConfig
from engine.data.readers.squad import squad_corpus
from engine.data.sources import load_source
from engine.data.store import corpora


def article(*paragraphs: tuple[str, list[str]]) -> dict[str, Any]:
    answer = {"answer_start": 0, "text": "x"}
    return {
        "title": "t",
        "paragraphs": [
            {"context": text, "qas": [{"id": id, "question": f"{id}?", "answers": [answer]} for id in ids]}
            for text, ids in paragraphs
        ],
    }


def write(folder: Path, **files: list[dict[str, Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, articles in files.items():
        name = name.replace("_", ".")
        (folder / f"{name}.json").write_text(json.dumps({"version": "1.1", "data": articles}), encoding="utf-8")
    return folder


def test_questions_align_by_id_and_passages_are_paragraphs(tmp_path: Path) -> None:
    english = [article(("first", ["a", "b"])), article(("second", ["c"]))]
    german = [article(("eins", ["b"]), ("zwei", ["c", "d"]))]
    folder = write(tmp_path / "set", en=english, xquad_de=german)
    corpus = load_source(SourceConfig(kind="squad", path=str(folder), weight=2.0))
    assert (corpus.languages, list(corpus.groups), corpus.weight) == (("de", "en"), ["a", "b", "c", "d"], 2.0)
    texts = [[corpus.passages[row] if row >= 0 else None for row in rows] for rows in corpus.row_of]
    assert texts == [[None, "first"], ["eins", "first"], ["zwei", "second"], ["zwei", None]]
    assert list(corpus.clusters) == ["0000", "0000", "0001", "0000"]  # English decides about c
    assert [corpus.passage_ids[row] for row in corpus.row_of[1]] == ["de:p:0000.0000", "en:p:0000.0000"]


def test_some_languages_and_articles(tmp_path: Path) -> None:
    articles = [article((f"p{n}", [f"q{n}"])) for n in range(6)]
    folder = write(tmp_path / "set", en=articles, de=articles, fr=articles)
    corpus = squad_corpus(folder, ("fr", "en"), "!2::3")
    assert (corpus.languages, list(corpus.groups)) == (("en", "fr"), ["q0", "q1", "q3", "q4"])


def test_a_selection_that_parts_a_question_from_its_translation_is_refused(tmp_path: Path) -> None:
    """Else the German half of what one part of the articles trains on would be in the other part."""
    english = [article((f"p{n}", [f"q{n}"])) for n in range(3)]
    german = [article(("p", ["q0", "q2"])), article(("r", ["q1"])), article(("s", ["only here"]))]
    folder = write(tmp_path / "set", en=english, de=german)
    message = (
        r"^{}/de\.json: articles: {} data\[0\] with the question 'q2', unlike en\.json: expected the same articles"
    )
    for selection, verb in (("2:", "leaves out"), ("!2:", "takes")):
        for languages in ((), ("de",)):  # also where English is not asked for: it counts the articles
            with pytest.raises(ConfigError, match=message.format(folder, f"{selection} {verb}")) as caught:
                squad_corpus(folder, languages, selection)
            assert "\n" not in str(caught.value)
    assert list(squad_corpus(folder, ("en",), "2:").groups) == ["q2"]
    assert list(squad_corpus(folder, articles="1:2").groups) == ["q1"]


def test_questions_without_an_answer_are_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", en=[article(("p", ["a", "b", "c"]))])
    document = json.loads((folder / "en.json").read_text())
    questions = document["data"][0]["paragraphs"][0]["qas"]
    questions[0]["answers"] = []
    questions[1]["is_impossible"] = True
    (folder / "en.json").write_text(json.dumps(document))
    assert list(squad_corpus(folder).groups) == ["c"]


def test_a_large_folder_is_the_same_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    articles = [article((f"p{n}", [f"q{n}", f"r{n}"])) for n in range(6)]
    folder = write(tmp_path / "set", en=articles, de=articles[1:4])
    small = squad_corpus(folder)
    monkeypatch.setattr(corpora, "LARGE_BYTES", 10)
    large = squad_corpus(folder)
    assert large.digest is not None
    assert [list(column) for column in (large.groups, large.clusters, large.questions, large.passages)] == [
        list(column) for column in (small.groups, small.clusters, small.questions, small.passages)
    ]
    assert large.row_of.tolist() == small.row_of.tolist()


def broken(**changes: Any) -> list[dict[str, Any]]:
    entry = article(("p", ["a"]))
    entry["paragraphs"][0]["qas"][0].update(changes)
    return [entry]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (broken(question=3), r"data\[0\].paragraphs\[0\].qas\[0\].question: expected str, got int"),
        (broken(question=" "), r"data\[0\].paragraphs\[0\].qas\[0\].question: expected a text"),
        ([article((" ", ["a"]))], r"data\[0\].paragraphs\[0\].context: expected a text"),
        ([article(("p", ["a"]), ("q", ["a"]))], r"data\[0\].paragraphs\[1\].qas\[0\].id: 'a' comes twice"),
    ],
)
def test_a_wrong_file_is_named_with_its_field(tmp_path: Path, data: list[dict[str, Any]], message: str) -> None:
    folder = write(tmp_path / "set", en=data)
    with pytest.raises(ConfigError, match=f"^{folder}/en.json: {message}") as caught:
        squad_corpus(folder)
    assert "\n" not in str(caught.value)


def test_folders_without_files_or_with_two_of_a_language_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected a folder of LANGUAGE.json files"):
        squad_corpus(tmp_path)
    folder = write(tmp_path / "set", de=[], xquad_de=[])
    with pytest.raises(ConfigError, match=r"languages: de.json and xquad.de.json are both of 'de'"):
        squad_corpus(folder)
    with pytest.raises(ConfigError, match="languages: unknown language 'fr', expected de"):
        squad_corpus(write(tmp_path / "other", de=[article(("p", ["a"]))]), ("fr",))
    with pytest.raises(ConfigError, match="at least one row"):
        squad_corpus(write(tmp_path / "empty", de=[]))
    (folder / "de.json").write_bytes(b"{")
    (folder / "xquad.de.json").unlink()
    with pytest.raises(ConfigError, match=r"de.json: not valid JSON"):
        squad_corpus(folder)
