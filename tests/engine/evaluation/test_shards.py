"""Rankings over several shards, and candidates that are none for a query: equal to the plain ranking in memory."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from evaluation_cases import LANGUAGES, cases, make_benchmark, ranking
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.evaluation.ranking import rank, rank_shards
from engine.evaluation.shards import CANDIDATE_TILE, QUERY_TILE, make_shards
from engine.evaluation.vectors import distinct_rows

CANDIDATES = 3 * CANDIDATE_TILE + 100


class ArrayRows:
    def __init__(self, vectors):
        self.vectors = vectors

    def __len__(self):
        return len(self.vectors)

    def read(self, start, into):
        into[:] = self.vectors[start : start + len(into)]


def repeated_case(seed, *, whole_numbers=False):
    """Many candidates, a third of them copies of others, in all languages and across shards."""
    rng = np.random.default_rng(seed)
    candidates = sorted(rng.choice(LANGUAGES, CANDIDATES))
    queries = sorted(rng.choice(LANGUAGES, QUERY_TILE + 7))
    relevant = {query: rng.choice(CANDIDATES, 3, replace=False).tolist() for query in range(len(queries))}
    vectors = rng.standard_normal((CANDIDATES, 24)).astype(np.float32)
    if whole_numbers:
        vectors = np.rint(vectors)
    copies = rng.random(CANDIDATES) < 0.3
    vectors[copies] = vectors[rng.integers(0, CANDIDATES, int(copies.sum()))]
    asked = rng.standard_normal((len(queries), 24)).astype(np.float32)
    return make_benchmark(candidates, queries, relevant), asked, vectors


def in_shards(benchmark, queries, candidates, rows_per_shard, **options):
    first, row_of = distinct_rows([candidates])
    shards = make_shards(benchmark, row_of, len(first), rows_per_shard)
    assert len(shards) == -(-len(first) // (-(-rows_per_shard // CANDIDATE_TILE) * CANDIDATE_TILE))
    return rank_shards(benchmark, queries, ArrayRows(candidates[first]), row_of, shards, **options)


def assert_equal(found, expected):
    for some, other in zip(found, expected, strict=True):
        for name in other.__slots__:
            assert getattr(some, name).tobytes() == getattr(other, name).tobytes(), name


@pytest.mark.parametrize("rows_per_shard", [1, 2 * CANDIDATE_TILE])
def test_several_shards_rank_bit_for_bit_as_one(rows_per_shard):
    case = repeated_case(rows_per_shard)
    assert_equal(in_shards(*case, rows_per_shard), rank(*case))


def test_a_collapsed_model_ties_everything_in_any_number_of_shards():
    benchmark, queries, candidates = repeated_case(0)
    candidates[: CANDIDATES // 2] = candidates[0]
    found = in_shards(benchmark, queries, candidates, 1)
    assert found[0].tied_pool.max() >= CANDIDATES // 2 - 1
    assert_equal(found, rank(benchmark, queries, candidates))


def test_ties_across_shards_go_by_id():
    """Whole numbers, so that scores can be compared with a plain product."""
    benchmark, queries, candidates = repeated_case(1, whole_numbers=True)
    queries = np.rint(queries)
    ranks, top = in_shards(benchmark, queries, candidates, 1)
    scores = queries @ candidates.T
    for row in range(0, len(ranks.query), 31):
        order = ranking(scores[ranks.query[row]], range(CANDIDATES))
        assert ranks.rank_pool[row] == order.index(ranks.passage[row]) + 1
        assert top.passage[ranks.query[row]].tolist() == order[:100]


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 9))
def test_distinct_rows_are_the_first_of_their_kind(values, step):
    rows = np.array(values, np.float32)[:, None]
    first, member = distinct_rows(rows[start : start + step] for start in range(0, len(rows), step))
    kept = list(dict.fromkeys(values))
    assert [values[index] for index in first] == kept
    assert first.tolist() == [values.index(value) for value in kept]
    assert [kept[index] for index in member] == values


@given(cases(), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_a_barred_candidate_stands_below_all_others(case, random):
    """BEIR's rule: the document that is the query itself is no candidate. Judged passages are never barred."""
    benchmark, queries, candidates = case
    judged = [set(benchmark.relevant[a:b].tolist()) for a, b in pairwise(benchmark.offsets)]
    free = [[c for c in range(len(candidates)) if c not in some] for some in judged]
    barred = [random.choice([-1, *some]) for some in free]
    ranks, top = rank(replace(benchmark, excluded=np.array(barred, np.int64)), queries, candidates, k=4)
    scores = queries @ candidates.T
    for row, query in enumerate(ranks.query):
        pool = [c for c in range(len(candidates)) if c != barred[query]]
        own = [c for c in pool if benchmark.candidate_language[c] == benchmark.candidate_language[ranks.passage[row]]]
        assert ranks.rank_pool[row] == ranking(scores[query], pool).index(ranks.passage[row]) + 1
        assert ranks.rank_language[row] == ranking(scores[query], own).index(ranks.passage[row]) + 1
    for query in range(len(queries)):
        pool = [c for c in range(len(candidates)) if c != barred[query]]
        assert top.passage[query, : len(pool)].tolist() == ranking(scores[query], pool)[:4]


def test_a_barred_candidate_is_barred_in_its_shard_only():
    benchmark, queries, candidates = repeated_case(2)
    rng = np.random.default_rng(0)
    barred = np.where(rng.random(len(queries)) < 0.5, -1, rng.integers(0, CANDIDATES, len(queries)))
    judged = np.zeros(len(queries), bool)
    judged[np.repeat(np.arange(len(queries)), 3)[benchmark.relevant == np.repeat(barred, 3)]] = True
    case = replace(benchmark, excluded=np.where(judged, -1, barred)), queries, candidates
    assert_equal(in_shards(*case, 1), rank(*case))


def test_an_interrupted_ranking_goes_on_where_it_was():
    """Killed after any part: nothing is counted twice, nothing is lost."""
    case = repeated_case(3)
    expected = rank(*case)

    class KilledError(Exception):
        pass

    class Memory:
        """Keeps what was saved, and dies right after saving ``fatal`` parts."""

        def __init__(self, fatal):
            self.fatal, self.parts, self.arrays = fatal, 0, {}

        def resume(self, tally):
            if self.parts:
                tally.restore(self.arrays)
            return self.parts

        def save(self, tally, parts):
            self.parts, self.arrays = parts, {name: array.copy() for name, array in tally.arrays.items()}
            if parts == self.fatal:
                raise KilledError

    for fatal in range(1, 5):
        memory = Memory(fatal)
        with pytest.raises(KilledError):
            in_shards(*case, 1, journal=memory)
        assert_equal(in_shards(*case, 1, journal=memory), expected)
