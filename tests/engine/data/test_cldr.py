"""The built-in corpus: enough facts, the same everywhere, split by fact, and not solvable by matching words."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from engine.benchmark_names import CLDR_LANGUAGES
from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.data.cldr import cldr_benchmark, cldr_corpus, facts
from engine.data.cldr.phrases import PHRASES, RELATIONS


def test_at_least_600_facts_each_named_in_all_eleven_languages() -> None:
    assert len(facts()) >= 600
    assert [fact.id for fact in facts()] == sorted({fact.id for fact in facts()})
    for fact in facts():
        assert len(fact.subjects) == len(fact.objects) == len(CLDR_LANGUAGES)
        assert all(name.strip() for name in fact.subjects + fact.objects)


def test_exactly_a_fifth_of_each_relation_is_held_out_by_hash() -> None:
    for relation in RELATIONS:
        ids = [fact.id for fact in facts() if fact.relation == relation]
        expected = sorted(ids, key=lambda id: hashlib.sha256(id.encode()).hexdigest())[: len(ids) // 5]
        assert {fact.id for fact in facts() if fact.relation == relation and fact.heldout} == set(expected)


@pytest.mark.parametrize(
    ("fact_id", "subject", "answer"),
    [
        ("currency:JP", "Japan", "Japanese Yen"),
        ("official-language:BR", "Brazil", "Portuguese"),
        ("official-language:CH", "Switzerland", "German"),
        ("script:ru", "Russian", "Cyrillic"),
        ("script:sr", "Serbian", "Cyrillic"),
    ],
)
def test_well_known_facts_are_right(fact_id: str, subject: str, answer: str) -> None:
    fact = next(fact for fact in facts() if fact.id == fact_id)
    english = CLDR_LANGUAGES.index("en")
    assert (fact.subjects[english], fact.objects[english]) == (subject, answer)


@pytest.mark.parametrize("left_out", ["currency:PA", "currency:EU", "official-language:AQ", "script:zh", "script:got"])
def test_ambiguous_and_unnamed_facts_are_left_out(left_out: str) -> None:
    """Panama has two tenders, EU is no territory, Antarctica has no language, Gothic no speakers."""
    assert left_out not in {fact.id for fact in facts()}


def test_a_subject_has_one_name_in_each_language_and_no_other_subject_of_its_relation_has_it() -> None:
    for relation in RELATIONS:
        for column in range(len(CLDR_LANGUAGES)):
            names = Counter(fact.subjects[column] for fact in facts() if fact.relation == relation)
            assert max(names.values()) == 1


def test_phrases_exist_for_every_language_and_relation_and_name_what_they_must() -> None:
    assert tuple(PHRASES) == CLDR_LANGUAGES
    for relations in PHRASES.values():
        assert tuple(relations) == RELATIONS
        for phrasing in relations.values():
            for question in phrasing.questions:
                assert question.count("{s}") == 1
                assert "{o}" not in question
            for passage in phrasing.passages:
                assert passage.count("{s}") == passage.count("{o}") == 1


def test_train_and_heldout_share_no_fact_and_number_passages_alike() -> None:
    train, heldout, everything = (cldr_corpus(split) for split in ("train", "heldout", "all"))
    assert not set(train.groups) & set(heldout.groups)
    assert sorted([*train.groups, *heldout.groups]) == list(everything.groups)
    assert set(train.passage_ids) | set(heldout.passage_ids) == set(everything.passage_ids)
    assert len(set(everything.passage_ids)) == len(everything) * len(CLDR_LANGUAGES)


def test_a_row_is_its_group_in_its_language() -> None:
    corpus = cldr_corpus("all", ("de", "en"))
    by_id = {fact.id: fact for fact in facts()}
    assert corpus.languages == ("de", "en")
    assert (corpus.row_of >= 0).all()
    for group in range(0, len(corpus), 17):
        for column, language in enumerate(corpus.languages):
            row = corpus.row_of[group, column]
            fact = by_id[corpus.groups[group]]
            assert fact.subjects[CLDR_LANGUAGES.index(language)] in corpus.questions[row]
            assert fact.objects[CLDR_LANGUAGES.index(language)] in corpus.passages[row]
            assert corpus.passage_ids[row].startswith(f"{language}:p:")
            assert corpus.clusters[group] == fact.cluster


def test_the_benchmark_has_one_relevant_passage_per_language_of_the_same_fact() -> None:
    benchmark = cldr_benchmark(("en", "th", "zh"))
    heldout = [fact.id for fact in facts() if fact.heldout]
    assert len(benchmark.query_ids) == len(benchmark.candidate_ids) == 3 * len(heldout)
    assert benchmark.unit == "fact"
    for query in range(len(benchmark.query_ids)):
        relevant = benchmark.relevant[benchmark.offsets[query] : benchmark.offsets[query + 1]]
        number = benchmark.query_ids[query].rpartition(":")[2]
        assert [benchmark.candidate_ids[index] for index in relevant] == [
            f"{language}:p:{number}" for language in ("en", "th", "zh")
        ]


def test_another_process_with_another_hash_seed_makes_the_same_corpus() -> None:
    code = "from engine.data.cldr import cldr_benchmark; print(cldr_benchmark().digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert digests == {cldr_benchmark().digest}


def test_an_unknown_language_is_an_error_that_names_the_field() -> None:
    with pytest.raises(ConfigError, match="cldr: languages: unknown language 'xx'"):
        cldr_corpus("train", ("xx",))


def words(text: str) -> list[str]:
    return re.findall(r"[^\s.,:;?!¿«»„“”।؟،()-]+", text.lower())


def character_grams(text: str) -> list[str]:
    padded = f" {text.lower()} "
    return [padded[start : start + size] for size in (2, 3, 4) for start in range(len(padded) - size + 1)]


def lexical_map(benchmark: Benchmark, terms: str) -> float:
    """mAP of cosine TF-IDF over one language's questions and passages, as a search by words would rank them."""
    tokenize = words if terms == "words" else character_grams
    documents = [Counter(tokenize(text)) for text in benchmark.candidate_texts]
    frequency = Counter(term for document in documents for term in document)
    columns = {term: column for column, term in enumerate(frequency)}
    idf = np.log(len(documents) / np.array(list(frequency.values()))) + 1

    def vectors(counts: list[Counter[str]]) -> np.ndarray:
        matrix = np.zeros((len(counts), len(columns)))
        for row, count in enumerate(counts):
            for term in count.keys() & columns.keys():
                matrix[row, columns[term]] = count[term] * idf[columns[term]]
        return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)

    scores = vectors([Counter(tokenize(text)) for text in benchmark.query_texts]) @ vectors(documents).T
    relevant = scores[np.arange(len(scores)), benchmark.relevant][:, None]
    above, equal = (scores > relevant).sum(axis=1), (scores == relevant).sum(axis=1) - 1
    return float((1 / (1 + above + equal / 2)).mean())


@pytest.mark.parametrize("terms", ["words", "character n-grams"])
def test_matching_words_or_characters_does_not_solve_it(terms: str) -> None:
    """Monolingual mAP of a lexical search stays below 0.8, where trained encoders are well above."""
    languages = [language for language in CLDR_LANGUAGES if terms != "words" or language not in ("th", "zh")]
    values = {language: lexical_map(cldr_benchmark((language,)), terms) for language in languages}
    assert sum(values.values()) / len(values) < 0.8, json.dumps(values)
    assert sum(values.values()) / len(values) > 0.2, "the subject's name must still lead to the passage"
