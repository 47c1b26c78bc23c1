"""Whether a model can run on packed sequences: it is tried, on a few rows, against the same rows padded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from engine.encoder.attention import PACKED
from engine.encoder.layouts import ToDevice, packed_vectors, padded_vectors
from engine.encoder.memory import is_out_of_memory
from engine.encoder.positions import positions_of
from engine.encoder.tokens import TokenRows

_LENGTHS = (3, 7, 7, 20, 150)  # equal ones, and one that is longer than the usual sliding window
_TOLERANCE = 1e-3  # relative, in float32; sequences that see each other, or wrong positions, are far above


@torch.no_grad()
def why_padded(model: Any, pad_id: int, to_device: ToDevice, *, autocast: torch.dtype | None) -> str | None:
    """What keeps ``model`` from running packed on the device it is on, on one line; None: nothing.

    ``autocast``: the type of its products; None: float32, which the packed kernel of a GPU does not take.
    """
    device = next(model.parameters()).device
    if device.type == "cuda" and autocast is None:
        return "packed attention on a GPU needs bfloat16 or float16"
    if not getattr(model, "_supports_attention_backend", False):
        return f"{type(model).__name__} has an attention of its own"
    rows = _rows(model, pad_id)
    first = positions_of(model).first
    try:
        with _evaluating(model), torch.autocast(device.type, enabled=False):
            expected = padded_vectors(model, rows, ("mean",), pad_id, to_device)
            with packed(model):
                found = packed_vectors(model, rows, ("mean",), first, to_device)
                if device.type == "cuda":
                    with torch.autocast("cuda", dtype=autocast):  # whether the kernel takes this model's heads
                        packed_vectors(model, rows, ("mean",), first, to_device)
    except (RuntimeError, TypeError, ValueError) as error:
        if is_out_of_memory(error):
            raise  # says nothing of the model, and other ranks or a resume may have room
        return f"{type(model).__name__} does not run packed: {next(iter(str(error).splitlines()), '')}"
    off = float((found - expected).norm() / expected.norm())
    return None if off < _TOLERANCE else f"{type(model).__name__} gives other vectors packed than padded"


@contextmanager
def packed(model: Any) -> Iterator[None]:
    """Inside, ``model`` takes packed rows and no others."""
    stock = model.config._attn_implementation
    model.set_attn_implementation(PACKED)
    try:
        yield
    finally:
        model.set_attn_implementation(stock)


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _rows(model: Any, pad_id: int) -> TokenRows:
    limit = positions_of(model).limit
    lengths = np.minimum(_LENGTHS, limit or max(_LENGTHS))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = np.random.default_rng(0).integers(0, model.config.vocab_size - 1, offsets[-1])
    ids += ids >= pad_id  # any but the padding
    return TokenRows(ids.astype(np.int32), offsets)
