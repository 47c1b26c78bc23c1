"""Pooling: every mode as SentenceTransformers computes it, the same packed and padded, with prompts left out or not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from peers import sentence_transformer_pooling

from engine.encoder.attention import Segments
from engine.encoder.pooling import pool_packed, pool_padded
from engine.model_description import POOLING_FLAGS

POOLING_MODES = tuple(POOLING_FLAGS.values())
LENGTHS = [3, 5, 5, 9]
WIDTH = 6


@pytest.fixture
def hidden() -> list[torch.Tensor]:
    """Of each sequence [length, D]."""
    torch.manual_seed(0)
    return [torch.randn(length, WIDTH) for length in LENGTHS]


@pytest.mark.parametrize("skip", [0, 2])
@pytest.mark.parametrize("modes", [*((mode,) for mode in POOLING_MODES), ("cls", "mean"), POOLING_MODES])
def test_padded_and_packed_equal_sentence_transformers(modes, skip, hidden):
    mask = torch.tensor([[int(place < length) for place in range(max(LENGTHS))] for length in LENGTHS])
    padded = torch.nn.utils.rnn.pad_sequence(hidden, batch_first=True, padding_value=7.0)
    expected = sentence_transformer_pooling(padded, mask, modes, skip)
    skipped = torch.full((len(LENGTHS),), skip) if skip else None
    segments = Segments.of(np.array(LENGTHS), torch.from_numpy)
    torch.testing.assert_close(pool_padded(padded, mask, modes, skipped), expected)
    torch.testing.assert_close(pool_packed(torch.cat(hidden), segments, modes, skipped), expected)


def test_sequences_of_one_length_need_no_mask(hidden):
    whole = torch.stack([hidden[1], hidden[2]])
    mask = torch.ones(2, LENGTHS[1], dtype=torch.int64)
    torch.testing.assert_close(
        pool_padded(whole, None, POOLING_MODES, None), pool_padded(whole, mask, POOLING_MODES, None)
    )


@pytest.mark.parametrize("mode", POOLING_MODES)
def test_gradients_are_the_same_packed_and_padded(mode, hidden):
    mask = torch.tensor([[int(place < length) for place in range(max(LENGTHS))] for length in LENGTHS])
    gradients = []
    for layout in ("padded", "packed"):
        leaves = [states.clone().requires_grad_() for states in hidden]
        if layout == "padded":
            pooled = pool_padded(torch.nn.utils.rnn.pad_sequence(leaves, batch_first=True), mask, (mode,), None)
        else:
            segments = Segments.of(np.array(LENGTHS), torch.from_numpy)
            pooled = pool_packed(torch.cat(leaves), segments, (mode,), None)
        (pooled * torch.arange(1.0, WIDTH + 1)).square().sum().backward()
        gradients.append(torch.cat([leaf.grad for leaf in leaves]))
    torch.testing.assert_close(*gradients)
