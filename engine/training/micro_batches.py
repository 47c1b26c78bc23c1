"""How many tokens fit into the device's memory at once, found out before the first update.

To run out of memory in the middle of a run costs a step, and several processes cannot repeat one: parts of its gradient
have left them by then. So the largest batch of the plan is tried first.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.config import ConfigError
from engine.encoder import DualEncoder, TokenRows
from engine.encoder.layouts import token_chunks
from engine.encoder.memory import is_out_of_memory, release_memory


def limit_that_fits(encoder: DualEncoder, rows: TokenRows, limit: int, trained: Sequence[Tensor]) -> int:
    """The most tokens of a micro-batch, 0 for whole batches: ``limit``, or less where ``rows`` do not fit with it.

    Embeds and computes gradients on this rank alone. Weights and random numbers stay as they are, gradients are
    cleared. ``trained``: the parameters, for each of which AdamW will hold two more tensors.

    Raises:
        ConfigError: the optimizer's moments do not fit, or one sequence alone does not.
    """
    with torch.random.fork_rng([encoder.device] if encoder.device.type == "cuda" else []):
        moments = _moments(trained)
        while not _fits(encoder, rows, limit):
            release_memory()
            limit = _lower(rows, limit)
        del moments
    release_memory()
    return limit


def _moments(trained: Sequence[Tensor]) -> list[Tensor]:
    """Two tensors for each parameter, as the first update makes them."""
    try:
        return [torch.empty_like(parameter) for parameter in trained for _ in range(2)]
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    raise ConfigError(no_memory_for_moments(trained))


def no_memory_for_moments(trained: Sequence[Tensor]) -> str:
    gigabytes = 2 * sum(parameter.numel() * parameter.element_size() for parameter in trained) / 1e9
    return (
        f"optimizer: the device has no memory for AdamW's two moments of all trained weights ({gigabytes:,.1f} GB) "
        "beside the model: train adapters (lora.rank), freeze the embeddings (model.freeze_embeddings), or use a "
        "smaller model"
    )


def _parts(rows: TokenRows, limit: int) -> list[TokenRows]:
    if not limit or len(rows.ids) <= limit:
        return [rows]
    return [rows.take(part) for part in token_chunks(rows.lengths, limit)]


def _fits(encoder: DualEncoder, rows: TokenRows, limit: int) -> bool:
    """Whether the largest micro-batch does: only one of them has a graph at a time."""
    part = max(_parts(rows, limit), key=lambda part: len(part.ids))
    try:
        for _ in range(1 if part is rows else 2):  # the second micro-batch finds the gradients of the first
            vectors = encoder.train().embed(part)
            with encoder.recomputing():
                vectors.backward(torch.zeros_like(vectors))  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        if len(part) == 1:
            raise ConfigError(
                f"model.max_passage_tokens: the device has no memory to train on one text of {len(part.ids):,} tokens"
            ) from error
        return False
    finally:
        encoder.zero_grad()
    return True


def _lower(rows: TokenRows, limit: int) -> int:
    largest = max(len(part.ids) for part in _parts(rows, limit))
    return max(1, (min(largest, limit) if limit else largest) // 2)
