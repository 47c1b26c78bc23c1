"""The built-in benchmark of one language: graded, apart from what is trained on, and not solvable by matching words."""

from __future__ import annotations

from collections import Counter

import babel
import pytest

from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.data.cldr import cldr_benchmark, cldr_corpus, english_benchmark, english_facts, facts
from engine.data.overlap import find_overlaps
from engine.data.sources import load_benchmark
from engine.evaluation.systems.system import Bm25, evaluate_system


@pytest.fixture(scope="module")
def benchmark() -> Benchmark:
    return english_benchmark()


def relevant(benchmark: Benchmark, query: str) -> dict[str, int]:
    index = benchmark.query_ids.index(query)
    row = slice(benchmark.offsets[index], benchmark.offsets[index + 1])
    return {
        benchmark.candidate_ids[candidate]: int(grade)
        for candidate, grade in zip(benchmark.relevant[row], benchmark.grades[row], strict=True)
    }


def test_it_is_english_and_large_enough_for_an_interval(benchmark: Benchmark) -> None:
    assert benchmark.languages == ("en",)
    assert len(benchmark.query_ids) >= 400
    assert len(set(benchmark.query_cluster)) >= 300
    assert len(set(benchmark.query_texts)) == len(benchmark.query_texts)
    assert len(set(benchmark.candidate_texts)) == len(benchmark.candidate_texts)
    asked = Counter(fact.relation for fact in english_facts())
    assert min(asked.values()) >= 40


def test_what_answers_has_grade_2_and_what_is_on_the_topic_has_grade_1(benchmark: Benchmark) -> None:
    """San Marino pays in euros and once paid in lire; Austria's euro is trained on, so only its schilling is told."""
    assert relevant(benchmark, "en:q:currency:SM") == {"en:p:currency:SM": 2, "en:p:former-currency:SM:ITL": 1}
    assert relevant(benchmark, "en:q:former-currency:SM") == {"en:p:currency:SM": 1, "en:p:former-currency:SM:ITL": 2}
    assert relevant(benchmark, "en:q:former-currency:AT") == {"en:p:former-currency:AT:ATS": 2}
    assert set(relevant(benchmark, "en:q:further-language:CH").values()) == {2}


def test_well_known_facts_are_right() -> None:
    told = {fact.id: fact for fact in english_facts()}
    schilling = told["former-currency:AT:ATS"]
    assert (schilling.subject, schilling.object, schilling.year) == ("Austria", "Austrian Schilling", 2002)
    assert told["further-language:CH:fr"].object == "French"
    assert "former-currency:AT:EUR" not in told
    assert "further-language:CH:de" not in told, "German is the most used one"


def test_no_fact_and_no_text_of_it_is_trained_on(benchmark: Benchmark) -> None:
    trained = {fact.id for fact in facts() if not fact.heldout}
    assert not trained & {fact.id for fact in english_facts()}
    assert not trained & set(benchmark.query_group)
    (overlap,) = find_overlaps([cldr_corpus("train")], [benchmark])
    assert (overlap.queries.normalised, overlap.candidates.normalised) == (0, 0)


def test_matching_words_does_not_solve_it(benchmark: Benchmark) -> None:
    """nDCG@10 of BM25 leaves room for a trained encoder; the subject's name must still lead to its passages."""
    value = evaluate_system(Bm25(), benchmark).summary.metrics["ndcg_at_10"]
    assert value is not None
    assert 0.4 < value < 0.7


def test_it_is_english_alone_and_takes_no_folder() -> None:
    assert load_benchmark("cldr-en", ("en",)).digest == english_benchmark().digest
    with pytest.raises(ConfigError, match="cldr-en: languages: unknown language 'de'"):
        load_benchmark("cldr-en", ("de",))
    with pytest.raises(ConfigError, match="built in and takes no path"):
        load_benchmark("cldr-en=.")


@pytest.mark.skipif(babel.__version__ != "2.18.0", reason="another release of CLDR has other facts")
def test_the_built_in_benchmarks_have_the_digests_that_they_had() -> None:
    assert cldr_benchmark().digest == "0dfcd743d5d0fde2cbf488cb845731568395fa994ac60c11275e2e41353529b4"
    assert english_benchmark().digest == "4aebde1f0f54186860e551c46e6e653b499155c48d0ba5085f5fb1b091455080"
