"""A sample of queries is a quick look at the same benchmark: what it holds of it has not changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evaluation_cases import ENCODING, cases, make_benchmark
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.benchmark import Benchmark, sample_queries
from engine.evaluation.benchmarking import evaluate
from engine.evaluation.ranking import rank

GROUPS = 40


def parallel() -> Benchmark:
    """Forty questions, each in three languages."""
    queries = [language for language in ("ar", "de", "en") for _ in range(GROUPS)]
    made = make_benchmark(
        ["ar"] * 9 + ["de"] * 9 + ["en"] * 9, queries, {query: [query % 27] for query in range(len(queries))}
    )
    return replace(made, query_group=[f"g{index % GROUPS}" for index in range(len(queries))])


@given(st.integers(1, 3 * GROUPS - 1))
@settings(deadline=None, max_examples=40)
def test_whole_groups_are_kept_as_many_as_fit(count: int) -> None:
    full = parallel()
    sample = sample_queries(full, count)
    kept = set(sample.query_group)
    assert list(sample.query_ids) == [
        id for id, group in zip(full.query_ids, full.query_group, strict=True) if group in kept
    ]
    assert len(kept) == max(1, count // 3)
    assert sample.sampled == (len(sample.query_ids), 3 * GROUPS)
    assert [int((sample.query_language == language).sum()) for language in range(3)] == [len(kept)] * 3
    assert sample.candidate_ids is full.candidate_ids
    assert sample.languages == full.languages
    assert sample.digest != full.digest


@given(st.integers(1, 3 * GROUPS), st.integers(1, 3 * GROUPS))
@settings(deadline=None, max_examples=40)
def test_a_larger_sample_contains_a_smaller_one(one: int, other: int) -> None:
    full = parallel()
    smaller, larger = (set(sample_queries(full, count).query_ids) for count in sorted((one, other)))
    assert smaller <= larger


def test_the_order_of_groups_depends_on_key_and_group_alone() -> None:
    """Other texts, candidates, judgements or languages draw the same questions; another benchmark draws others."""
    full = parallel()
    other_texts = replace(full, query_texts=["other"] * len(full.query_ids), digest="1" * 64)
    groups = [set(sample_queries(benchmark, 30).query_group) for benchmark in (full, other_texts)]
    assert groups[0] == groups[1]
    assert groups[0] != set(sample_queries(replace(full, key="other"), 30).query_group)
    english = slice(2 * GROUPS, None)
    part = replace(
        full,
        query_ids=full.query_ids[english],
        query_texts=full.query_texts[english],
        query_language=full.query_language[english],
        query_group=full.query_group[english],
        query_cluster=full.query_cluster[english],
        offsets=full.offsets[english] - full.offsets[2 * GROUPS],
        relevant=full.relevant[2 * GROUPS :],
        grades=full.grades[2 * GROUPS :],
    )
    assert set(sample_queries(part, 10).query_group) == groups[0]


def test_no_fewer_queries_than_there_are_is_the_benchmark_itself() -> None:
    full = parallel()
    assert sample_queries(full, 3 * GROUPS) is full
    assert full.sampled is None
    with pytest.raises(ValueError, match="at least 1"):
        sample_queries(full, 0)


@settings(deadline=None)
@given(cases(), st.integers(1, 6))
def test_a_kept_query_has_the_ranks_that_it_had(case: tuple[Benchmark, np.ndarray, np.ndarray], count: int) -> None:
    full, queries, candidates = case
    full = replace(full, excluded=np.arange(len(full.query_ids)) % (len(full.candidate_ids) + 1) - 1)
    full = replace(full, excluded=full.excluded.astype(np.int64))
    sample = sample_queries(full, count)
    kept = np.isin(full.query_ids, sample.query_ids)
    ranks, top = rank(full, queries, candidates)
    some, some_top = rank(sample, queries[kept], candidates)
    judged = kept[ranks.query]
    for name in ("passage", "score", "rank_pool", "rank_language", "tied_pool", "tied_language"):
        np.testing.assert_array_equal(getattr(some, name), getattr(ranks, name)[judged])
    np.testing.assert_array_equal(some_top.passage, top.passage[kept])
    np.testing.assert_array_equal(sample.grades, full.grades[judged])


@settings(deadline=None, max_examples=20)
@given(cases(), st.integers(1, 6))
def test_a_sample_can_be_evaluated_and_tells_its_digest(
    case: tuple[Benchmark, np.ndarray, np.ndarray], count: int
) -> None:
    full, queries, candidates = case
    sample = sample_queries(full, count)
    kept = np.isin(full.query_ids, sample.query_ids)
    summary = evaluate(sample, queries[kept], candidates, ENCODING).summary
    assert summary.queries == len(sample.query_ids)
    assert summary.protocol.data_digest == sample.digest
