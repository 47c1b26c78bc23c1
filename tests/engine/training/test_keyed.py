"""Keyed randomness: the published generator, real permutations, unrelated keys."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from engine.training.keyed import derive_key, permuted, random_words, uniform


def test_words_are_those_of_splitmix64():
    # The first outputs of the reference implementation from state 0.
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert random_words(0, np.arange(3)).tolist() == expected


@given(key=st.integers(0, 2**64 - 1), size=st.integers(1, 3000))
def test_every_position_is_hit_once(key, size):
    assert sorted(permuted(key, np.arange(size), size)) == list(range(size))


@given(key=st.integers(0, 2**64 - 1), size=st.integers(1, 10**12), data=st.data())
def test_a_position_does_not_depend_on_the_others_asked_for(key, size, data):
    positions = np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=20)))
    together = permuted(key, positions, size)
    assert together.tolist() == [permuted(key, positions[i : i + 1], size)[0] for i in range(len(positions))]
    assert ((together >= 0) & (together < size)).all()


def test_all_orders_of_four_are_equally_likely():
    counts = Counter(tuple(permuted(derive_key(seed, "order"), np.arange(4), 4)) for seed in range(2400))
    assert len(counts) == 24
    assert chisquare(list(counts.values())).pvalue > 1e-4


def test_uniform_numbers_are_uniform_and_keys_unrelated():
    counters = np.arange(20_000)
    first, second = (uniform(derive_key(0, "purpose", part), counters) for part in (1, 2))
    assert chisquare(np.bincount((first * 50).astype(int), minlength=50)).pvalue > 1e-4
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    assert first.min() >= 0
    assert first.max() < 1


def test_parts_of_a_key_do_not_run_together():
    assert len({derive_key(1, "a", 2), derive_key(1, "a2"), derive_key(1, "a", "2", ""), derive_key(12, "a")}) == 4
