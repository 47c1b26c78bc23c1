"""One forward call: what the model is given, with padding and without."""

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, Qwen3Config, Qwen3Model

from engine.encoder.layouts import packed_vectors, padded_vectors
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
