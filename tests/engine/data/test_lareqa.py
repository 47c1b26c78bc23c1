"""LAReQA's rules on a small fixture, and the published counts on the real files where they are at hand."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from engine.config import ConfigError
from engine.data.readers.lareqa import lareqa_benchmark, lareqa_corpus, select_articles

XQUAD_R = Path(__file__).parents[4] / "shared" / "data" / "xquad-r"
needs_xquad_r = pytest.mark.skipif(not XQUAD_R.is_dir(), reason="XQuAD-R is not beside the repository")

CANDIDATES = {
    "ar": 1222, "de": 1276, "el": 1234, "en": 1180, "es": 1215, "hi": 1244,
    "ru": 1219, "th": 852, "tr": 1167, "vi": 1209, "zh": 1196,
}  # fmt: skip


def paragraph(sentences: list[str], *questions: tuple[str, str, int]) -> dict[str, Any]:
    """Sentences that touch: one ends where the next begins."""
    breaks, start = [], 0
    for sentence in sentences:
        breaks.append([start, start + len(sentence)])
        start += len(sentence)
    return {
        "context": "".join(sentences),
        "sentences": sentences,
        "sentence_breaks": breaks,
        "qas": [
            {"id": id, "question": text, "answers": [{"answer_start": at, "text": "ignored"}]}
            for id, text, at in questions
        ],
    }


ENGLISH = {
    "version": "1.1",
    "data": [
        {"title": "A", "paragraphs": [
            paragraph(["Yes. ", "No. ", "Yes. "], ("q1", "First?", 0), ("q2", "Border?", 5)),
        ]},
        {"title": "B", "paragraphs": [
            paragraph(["Yes. "]),
            paragraph(["Cats sleep. ", "Dogs bark."], ("q3", "Who barks?", 12)),
        ]},
    ],
}  # fmt: skip
GERMAN = {
    "version": "1.1",
    "data": [
        {"title": "A", "paragraphs": [paragraph(["Ja. ", "Nein. ", "Ja. "], ("q1", "Zuerst?", 12))]},
        {"title": "B", "paragraphs": [
            paragraph(["Ja. "]),
            paragraph(["Katzen schlafen. ", "Hunde bellen."], ("q3", "Wer bellt?", 17)),
        ]},
    ],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "en.json").write_text(json.dumps(ENGLISH), encoding="utf-8")
    (tmp_path / "de.json").write_text(json.dumps(GERMAN), encoding="utf-8")
    return tmp_path


def judgements(folder: Path, *languages: str) -> dict[str, list[str]]:
    benchmark = lareqa_benchmark("xquad-r", folder, languages)
    return {
        id: [benchmark.candidate_ids[c] for c in benchmark.relevant[benchmark.offsets[q] : benchmark.offsets[q + 1]]]
        for q, id in enumerate(benchmark.query_ids)
    }


@pytest.mark.parametrize(
    ("selection", "picked"),
    [(None, [0, 1, 2, 3, 4, 5, 6]), ("0:3", [0, 1, 2]), ("2::3", [2, 5]), ("!2::3", [0, 1, 3, 4, 6]), ("6:", [6])],
)
def test_articles_are_picked_like_a_slice_or_all_but_it(selection: str | None, picked: list[int]) -> None:
    assert list(select_articles(selection, 7)) == picked


def test_every_sentence_is_a_candidate_and_equal_sentences_stay_apart(folder: Path) -> None:
    benchmark = lareqa_benchmark("xquad-r", folder, ("en",))
    assert dict(zip(benchmark.candidate_ids, benchmark.candidate_texts, strict=True)) == {
        "en:p:0000.0000.0000": "Yes. ",
        "en:p:0000.0000.0001": "No. ",
        "en:p:0000.0000.0002": "Yes. ",
        "en:p:0001.0000.0000": "Yes. ",
        "en:p:0001.0001.0000": "Cats sleep. ",
        "en:p:0001.0001.0001": "Dogs bark.",
    }


def test_relevance_is_half_open_and_joins_languages_by_question_id(folder: Path) -> None:
    """q2 begins exactly at the end of the first sentence: it belongs to the second, and only English asks it."""
    assert judgements(folder) == {
        "de:q:q1": ["de:p:0000.0000.0002", "en:p:0000.0000.0000"],
        "de:q:q3": ["de:p:0001.0001.0001", "en:p:0001.0001.0001"],
        "en:q:q1": ["de:p:0000.0000.0002", "en:p:0000.0000.0000"],
        "en:q:q2": ["en:p:0000.0000.0001"],
        "en:q:q3": ["de:p:0001.0001.0001", "en:p:0001.0001.0001"],
    }


def test_a_subset_of_languages_restricts_queries_and_candidates(folder: Path) -> None:
    assert judgements(folder, "de") == {"de:q:q1": ["de:p:0000.0000.0002"], "de:q:q3": ["de:p:0001.0001.0001"]}


def test_context_is_the_paragraph_beside_the_sentence(folder: Path) -> None:
    plain, paired = (lareqa_benchmark("xquad-r", folder, ("en",), unit) for unit in ("sentence", "sentence+context"))
    assert plain.candidate_contexts is None
    assert paired.candidate_texts == plain.candidate_texts
    assert paired.candidate_contexts is not None
    assert paired.candidate_contexts[-1] == "Cats sleep. Dogs bark."
    assert (plain.digest != paired.digest, paired.unit) == (True, "sentence+context")


def test_training_pairs_group_by_question_and_cluster_by_article(folder: Path) -> None:
    corpus = lareqa_corpus(folder)
    assert (corpus.groups, corpus.languages) == (["q1", "q2", "q3"], ("de", "en"))
    assert corpus.clusters == ["0000", "0000", "0001"]
    assert (corpus.row_of >= 0).tolist() == [[True, True], [False, True], [True, True]]
    row = corpus.row_of[2, 0]
    assert (corpus.questions[row], corpus.passages[row]) == ("Wer bellt?", "Hunde bellen.")
    assert corpus.passage_ids[row] == "de:p:0001.0001.0001"


def test_training_units_and_article_selection(folder: Path) -> None:
    paragraphs = lareqa_corpus(folder, ("en",), "paragraph", "1:2")
    assert (paragraphs.groups, paragraphs.passages) == (["q3"], ["Cats sleep. Dogs bark."])
    assert paragraphs.passage_ids == ["en:p:0001.0001"]
    paired = lareqa_corpus(folder, ("en",), "sentence+context", "1:2")
    assert (paired.passages, paired.contexts) == (["Dogs bark."], ["Cats sleep. Dogs bark."])
    with pytest.raises(ConfigError, match="articles: no question in articles 7:9"):
        lareqa_corpus(folder, articles="7:9")


def changed(path: list[str | int], value: object) -> str:
    document = copy.deepcopy(ENGLISH)
    at: Any = document
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return json.dumps(document)


PARAGRAPH: list[str | int] = ["data", 0, "paragraphs", 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"data": ', "not valid JSON"),
        ("[]", "document: expected object"),
        (changed(["data"], None), "data: this key is required"),
        (changed([*PARAGRAPH, "sentences"], None), r"data\[0\].paragraphs\[0\].sentences: this key is required"),
        (changed([*PARAGRAPH, "qas", 0, "answers", 0, "answer_start"], "1"), "answer_start: expected int, got str"),
        (changed([*PARAGRAPH, "qas", 0, "answers", 0, "answer_start"], 99), "answer_start 99 lies in no sentence"),
        (changed([*PARAGRAPH, "qas", 0, "answers"], []), r"data\[0\].*answers: expected at least one"),
        (changed([*PARAGRAPH, "qas", 0, "id"], "q2"), r"qas\[1\].id: 'q2' comes twice"),
        (changed([*PARAGRAPH, "sentences"], ["Yes."]), "sentence_breaks: expected one per sentence"),
        (changed([*PARAGRAPH, "sentence_breaks", 0], [0, 999]), "sentence_breaks: expected 0 <= start < end"),
    ],
    ids=[
        "broken JSON", "no object", "no data", "no sentences", "offset is text", "offset outside",
        "no answer", "an id twice", "a sentence missing", "break outside",
    ],
)  # fmt: skip
def test_a_malformed_file_is_named_with_its_field(folder: Path, text: str, message: str) -> None:
    (folder / "en.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"^{folder}/en\.json: .*{message}") as caught:
        lareqa_benchmark("xquad-r", folder)
    assert "\n" not in str(caught.value)


def test_a_language_without_a_file_and_a_folder_without_files_are_errors(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="languages: unknown language 'fr', expected de, en"):
        lareqa_benchmark("xquad-r", folder, ("fr",))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ConfigError, match=r"expected a folder of LANGUAGE\.json files"):
        lareqa_corpus(empty)


@needs_xquad_r
def test_xquad_r_has_the_published_counts() -> None:
    benchmark = lareqa_benchmark("xquad-r", XQUAD_R)
    counts = {
        language: int((benchmark.candidate_language == index).sum())
        for index, language in enumerate(benchmark.languages)
    }
    assert counts == CANDIDATES
    assert len(benchmark.candidate_ids) == 13_014
    assert len(benchmark.query_ids) == 11 * 1_190
    assert set((benchmark.offsets[1:] - benchmark.offsets[:-1]).tolist()) == {11}


@needs_xquad_r
def test_xquad_r_english_has_240_paragraphs_and_787_distinct_answer_sentences() -> None:
    by_sentence, by_paragraph = (lareqa_corpus(XQUAD_R, ("en",), unit) for unit in ("sentence", "paragraph"))
    assert len(by_sentence) == len(by_paragraph) == 1_190
    assert len(set(by_sentence.passages)) == 787
    assert len(set(by_paragraph.passages)) == 240
    assert len(set(by_sentence.clusters)) == 48


@needs_xquad_r
def test_in_xquad_r_all_languages_agree_on_the_article_of_a_question() -> None:
    corpus = lareqa_corpus(XQUAD_R, articles="0:12")
    assert (corpus.row_of >= 0).all()
    for group, cluster in enumerate(corpus.clusters):
        assert {corpus.passage_ids[row].split(":")[2].split(".")[0] for row in corpus.row_of[group]} == {cluster}


@needs_xquad_r
def test_every_third_article_of_xquad_r_is_a_benchmark_disjoint_from_the_others() -> None:
    benchmark = lareqa_benchmark("xquad-r", XQUAD_R, articles="2::3")
    trained = lareqa_corpus(XQUAD_R, articles="!2::3")
    assert len(benchmark.query_ids) == 374 * 11
    assert len(benchmark.candidate_ids) == 4_499
    assert not set(benchmark.query_group) & set(trained.groups)
