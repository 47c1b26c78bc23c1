"""How rows are split into forward calls, and what the model is given in one, with padding and without."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertConfig, BertModel, Qwen3Config, Qwen3Model

from engine.encoder.layouts import length_buckets, packed_vectors, padded_vectors, token_chunks
from engine.encoder.packing import packed
from engine.encoder.tokens import TokenRows

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "vocab_size": 50}


def rows_of(*lengths):
    ids = np.random.default_rng(0).integers(1, 50, sum(lengths)).astype(np.int32)
    return TokenRows(ids, np.concatenate([[0], np.cumsum(lengths)]))


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return Qwen3Model(Qwen3Config(**SIZES, head_dim=16, num_key_value_heads=1)).eval()


@torch.no_grad()
@pytest.mark.parametrize("lengths", [(5, 5), (2, 9)])
@pytest.mark.parametrize("mode", ["mean", "lasttoken"])
def test_a_decoder_reads_padded_rows_as_it_reads_each_alone(mode, lengths, decoder):
    """Rows of one length, which go without a mask, and others; padding to the left, as decoders are used, as well."""
    rows = rows_of(*lengths)
    found = padded_vectors(decoder, rows, (mode,), 0, torch.from_numpy)
    for index, vector in enumerate(found):
        ids = torch.from_numpy(rows.take(np.array([index])).ids.astype(np.int64))[None]
        padding = torch.zeros(1, 3, dtype=torch.int64)
        mask = torch.cat([padding, torch.ones_like(ids)], dim=1)
        hidden = decoder(torch.cat([padding, ids], dim=1), attention_mask=mask).last_hidden_state[0, 3:]
        expected = hidden.mean(dim=0) if mode == "mean" else hidden[-1]
        torch.testing.assert_close(vector, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_decoder_keeps_no_cache(decoder):
    """Keys and values of every layer, which nothing would read."""
    outputs = []
    decoder.register_forward_hook(lambda module, arguments, output: outputs.append(output))
    assert decoder.config.use_cache
    padded_vectors(decoder, rows_of(2, 9), ("mean",), 0, torch.from_numpy)
    with packed(decoder):
        packed_vectors(decoder, rows_of(2, 9), ("mean",), 0, torch.from_numpy)
    assert [output.past_key_values for output in outputs] == [None, None]


@torch.no_grad()
def test_packed_rows_are_not_searched_for_sequences(decoder, monkeypatch):
    """Which transformers does where it makes a mask, waiting for the device."""

    def searched(*_):
        raise AssertionError

    monkeypatch.setattr("transformers.masking_utils.find_packed_sequence_indices", searched)
    for model in (decoder, BertModel(BertConfig(**SIZES)).eval()):
        with packed(model):
            packed_vectors(model, rows_of(2, 9), ("mean",), 0, torch.from_numpy)


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
