"""The two shapes that every loader ends in keep their promises, whatever the rows."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import ConfigError
from engine.data.benchmark import Candidate, Query, build_benchmark
from engine.data.corpus import CorpusRows, build_corpus

LANGUAGES = ("de", "en", "en-GB", "zh")
names = st.text("abc.019", min_size=1, max_size=6)


@st.composite
def benchmarks(draw: st.DrawFn) -> tuple[list[Query], list[Candidate]]:
    candidate_names = draw(st.lists(st.tuples(st.sampled_from(LANGUAGES), names), min_size=1, max_size=20, unique=True))
    candidates = [Candidate(f"{language}:p:{name}", language, f"text of {name}") for language, name in candidate_names]
    ids = st.sampled_from([candidate.id for candidate in candidates])
    queries = [
        Query(
            f"{language}:q:{name}",
            language,
            name,
            name,
            name[0],
            draw(st.dictionaries(ids, st.integers(1, 3), min_size=1)),
        )
        for language, name in draw(st.lists(st.tuples(st.sampled_from(LANGUAGES), names), max_size=10, unique=True))
    ]
    return queries, candidates


@given(benchmarks(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_index_order_is_id_order_languages_are_blocks_and_judgements_survive(
    made: tuple[list[Query], list[Candidate]], shuffler: random.Random
) -> None:
    queries, candidates = made
    benchmark = build_benchmark("x", queries, candidates, unit="sentence", pool="a pool")

    assert list(benchmark.query_ids) == sorted(query.id for query in queries)
    assert list(benchmark.candidate_ids) == sorted(candidate.id for candidate in candidates)
    assert benchmark.languages == tuple(sorted(benchmark.languages))
    for indices in (benchmark.query_language, benchmark.candidate_language):
        blocks = np.count_nonzero(np.diff(indices)) + 1 if len(indices) else 0
        assert blocks == len(set(indices.tolist()))
    assert benchmark.offsets[0] == 0
    assert benchmark.offsets[-1] == len(benchmark.relevant) == len(benchmark.grades)
    by_id = {query.id: query for query in queries}
    for index, id in enumerate(benchmark.query_ids):
        start, end = benchmark.offsets[index], benchmark.offsets[index + 1]
        relevant = benchmark.relevant[start:end]
        assert (np.diff(relevant) > 0).all()
        judged = dict(
            zip((benchmark.candidate_ids[c] for c in relevant), benchmark.grades[start:end].tolist(), strict=True)
        )
        assert judged == by_id[id].relevant
        assert benchmark.languages[benchmark.query_language[index]] == by_id[id].language

    shuffler.shuffle(queries)
    shuffler.shuffle(candidates)
    assert build_benchmark("x", queries, candidates, unit="sentence", pool="a pool").digest == benchmark.digest


def test_the_digest_covers_ids_texts_contexts_and_judgements() -> None:
    query = Query("en:q:1", "en", "why", "1", "1", {"en:p:1": 1})
    candidates = [Candidate("en:p:1", "en", "because"), Candidate("en:p:2", "en", "so")]

    def digest(query: Query, candidates: list[Candidate]) -> str:
        return build_benchmark("x", [query], candidates, unit="sentence", pool="").digest

    digests = {
        digest(query, candidates),
        digest(replace(query, id="en:q:2"), candidates),
        digest(replace(query, text="who"), candidates),
        digest(replace(query, relevant={"en:p:1": 2}), candidates),
        digest(replace(query, relevant={"en:p:2": 1}), candidates),
        digest(query, [candidates[0], replace(candidates[1], text="thus")]),
        digest(query, [replace(candidate, context="a") for candidate in candidates]),
    }
    assert len(digests) == 7


@pytest.mark.parametrize(
    ("query", "candidates"),
    [
        (Query("en:q:1", "en", "?", "1", "1", {"en:p:9": 1}), [Candidate("en:p:1", "en", "a")]),
        (Query("en:q:1", "en", "?", "1", "1", {}), [Candidate("en:p:1", "en", "a")]),
        (Query("en:q:1", "en", "?", "1", "1", {"en:p:1": 0}), [Candidate("en:p:1", "en", "a")]),
        (Query("en:q:1", "en", "?", "1", "1", {"en:p:1": 1}), [Candidate("en:p:1", "en", "a")] * 2),
        (Query("en:q:1", "de", "?", "1", "1", {"en:p:1": 1}), [Candidate("en:p:1", "en", "a")]),
        (
            Query("en:q:1", "en", "?", "1", "1", {"en:p:1": 1}),
            [Candidate("en:p:1", "en", "a", "context"), Candidate("en:p:2", "en", "a")],
        ),
    ],
    ids=[
        "outside the pool",
        "nothing relevant",
        "grade 0",
        "an id twice",
        "another language's id",
        "half the contexts",
    ],
)
def test_a_benchmark_that_could_not_be_ranked_is_refused(query: Query, candidates: list[Candidate]) -> None:
    with pytest.raises(ValueError, match=r"expected|twice"):
        build_benchmark("x", [query], candidates, unit="sentence", pool="")


rows_strategy = st.lists(st.tuples(names, st.sampled_from(LANGUAGES)), min_size=1, max_size=30, unique=True)


def make_rows(pairs: list[tuple[str, str]]) -> CorpusRows:
    return CorpusRows(
        groups=[group for group, _ in pairs],
        languages=[language for _, language in pairs],
        questions=[f"{group} {language}?" for group, language in pairs],
        passages=[f"{group} {language}." for group, language in pairs],
        passage_ids=[f"{language}:p:{group}" for group, language in pairs],
        clusters=[group[0] for group, _ in pairs],
    )


@given(rows_strategy)
@settings(max_examples=60, deadline=None)
def test_row_of_finds_every_row_once_and_minus_one_where_a_language_is_missing(pairs: list[tuple[str, str]]) -> None:
    corpus = build_corpus("x", make_rows(pairs))
    found = {
        (corpus.groups[group], corpus.languages[column]): corpus.row_of[group, column]
        for group in range(len(corpus))
        for column in range(len(corpus.languages))
    }
    assert {pair: row for pair, row in found.items() if row >= 0} == {pair: row for row, pair in enumerate(pairs)}
    assert [group[0] for group in corpus.groups] == list(corpus.clusters)


def test_a_group_that_has_a_language_twice_is_refused_with_both_places() -> None:
    rows = make_rows([("a", "en"), ("b", "en"), ("a", "en")])
    with pytest.raises(ConfigError, match=r"^line 2: group: 'a' already has language 'en' \(line 0\)$"):
        build_corpus("x", rows, locate="line {}".format)


def test_rows_of_one_group_must_share_their_cluster() -> None:
    rows = replace(make_rows([("a", "de"), ("a", "en")]), clusters=["x", "y"])
    with pytest.raises(ConfigError, match="row 1: cluster: expected 'x'"):
        build_corpus("x", rows)
