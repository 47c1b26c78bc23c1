"""MLQA-R's rules on a small fixture: other articles in each language, not every question in every language."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config import ConfigError
from engine.data.readers.lareqa import lareqa_corpus
from engine.data.sources import load_benchmark
from engine.evaluation.benchmarking import evaluate
from engine.evaluation.results import EncodingProtocol

# Each question of English with the other languages that have it: 2 to 4 relevant passages each.
LANGUAGES_OF = {"q1": ("de", "es", "hi"), "q2": ("de", "es"), "q3": ("de",), "q4": ("hi",)}


def article(*ids: str, language: str) -> dict[str, Any]:
    sentences = [f"{language} answer to {id}. " for id in ids] + [f"{language} filler."]
    breaks = np.cumsum([0, *map(len, sentences)]).tolist()
    questions = [
        {"id": id, "question": f"{language} {id}?", "answers": [{"answer_start": breaks[place]}]}
        for place, id in enumerate(ids)
    ]
    return {
        "paragraphs": [
            {
                "context": "".join(sentences),
                "sentences": sentences,
                "sentence_breaks": list(pairwise(breaks)),
                "qas": questions,
            }
        ]
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    english = [article("q1", "q2", language="en"), article("q3", "q4", language="en")]
    files = {"en": english}
    for language in ("de", "es", "hi"):
        mine = [id for id, languages in LANGUAGES_OF.items() if language in languages]
        files[language] = [article(*mine, language=language)]  # one article: positions differ from English
    for language, articles in files.items():
        (tmp_path / f"{language}.json").write_text(json.dumps({"data": articles}))
    return tmp_path


def test_relevant_passages_are_those_of_the_question_in_its_languages(folder: Path) -> None:
    benchmark = load_benchmark(f"mlqa-r={folder}")
    relevant = np.diff(benchmark.offsets)
    assert {int(count) for count in relevant} == {2, 3, 4}
    for query, id in enumerate(benchmark.query_group):
        some = benchmark.relevant[benchmark.offsets[query] : benchmark.offsets[query + 1]]
        languages = sorted(("en", *LANGUAGES_OF[id]))
        assert [benchmark.candidate_texts[index] for index in some] == [
            f"{name} answer to {id}. " for name in languages
        ]


def test_clusters_are_the_english_articles(folder: Path) -> None:
    benchmark = load_benchmark(f"mlqa-r={folder}")
    clusters = dict(zip(benchmark.query_group, benchmark.query_cluster, strict=True))
    assert clusters == {"q1": "0000", "q2": "0000", "q3": "0001", "q4": "0001"}


@pytest.mark.parametrize("languages", [(), ("de",)])
def test_articles_that_are_not_those_of_english_cannot_be_selected(folder: Path, languages: tuple[str, ...]) -> None:
    """q3 is in English's second article and in German's first: half of its group would be trained on, half tested."""
    expected = r"de\.json: articles: 0:1 takes data\[0\] with the question 'q3', unlike en\.json"
    with pytest.raises(ConfigError, match=expected):
        load_benchmark(f"mlqa-r={folder}", languages, articles="0:1")
    with pytest.raises(ConfigError, match=expected):
        lareqa_corpus(folder, languages, articles="0:1")
    assert lareqa_corpus(folder, ("en",), articles="0:1").groups == ["q1", "q2"]


def test_pairs_without_a_shared_query_are_left_out_and_counted(folder: Path) -> None:
    """Without q1, neither de nor es shares a question with hi."""
    path = folder / "hi.json"
    path.write_text(json.dumps({"data": [article("q4", language="hi")]}))
    benchmark = load_benchmark(f"mlqa-r={folder}")
    rng = np.random.default_rng(0)
    vectors = [
        rng.standard_normal((len(texts), 8)).astype(np.float32)
        for texts in (benchmark.query_texts, benchmark.candidate_texts)
    ]
    encoding = EncodingProtocol(
        pooling="mean",
        query_prefix="",
        passage_prefix="",
        max_query_tokens=8,
        max_passage_tokens=8,
        truncated_queries=0,
        truncated_passages=0,
        model_digest="",
        tokenizer_digest="",
    )
    summary = evaluate(benchmark, *vectors, encoding).summary
    assert summary.settings == {"monolingual": 4, "crosslingual": 8, "multilingual": 4}
    assert set(summary.matrix["hi"]) == {"en", "hi"}
