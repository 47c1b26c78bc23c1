"""Length buckets: nothing lost, the budget kept, and the cheapest split found."""

from itertools import combinations, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.encoder.buckets import length_buckets, token_chunks

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=60)


@given(lengths=LENGTHS, budget=st.integers(1, 300), call_cost=st.integers(0, 100))
def test_every_sequence_is_in_one_bucket_and_no_bucket_exceeds_the_budget(lengths, budget, call_cost):
    array = np.array(lengths)
    buckets = length_buckets(array, budget, call_cost)
    assert sorted(np.concatenate(buckets)) == list(range(len(lengths)))
    assert all(len(bucket) == 1 or len(bucket) * array[bucket].max() <= budget for bucket in buckets)
    assert list(array[np.concatenate(buckets)]) == sorted(lengths)


@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=20), call_cost=st.integers(1, 30))
def test_no_other_split_is_cheaper(lengths, call_cost):
    array = np.array(lengths)

    def cost(groups):
        return sum(call_cost + sum(lengths.count(length) for length in group) * max(group) for group in groups)

    distinct = sorted(set(lengths))
    cheapest = min(
        cost([distinct[first:last] for first, last in zip((0, *cuts), (*cuts, len(distinct)), strict=True)])
        for count in range(len(distinct))
        for cuts in combinations(range(1, len(distinct)), count)
    )
    found = length_buckets(array, 10**9, call_cost)
    assert cost([sorted(set(array[bucket].tolist())) for bucket in found]) == cheapest


def test_no_rows_give_no_buckets():
    assert length_buckets(np.array([], dtype=np.int64), 100, 10) == []


@given(lengths=LENGTHS, budget=st.integers(1, 300))
def test_chunks_hold_every_sequence_once_and_as_many_as_fit(lengths, budget):
    array = np.array(lengths)
    chunks = token_chunks(array, budget)
    assert list(array[np.concatenate(chunks)]) == sorted(lengths)
    assert sorted(np.concatenate(chunks)) == list(range(len(lengths)))
    assert all(len(chunk) == 1 or array[chunk].sum() <= budget for chunk in chunks)
    assert all(array[chunk].sum() + array[after[0]] > budget for chunk, after in pairwise(chunks))
