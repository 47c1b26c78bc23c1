"""Vectors of a sequence's tokens -> one vector of the sequence, as SentenceTransformers' Pooling module defines them.

Several modes give one vector each, set side by side. Where a model's description leaves the prompt out of the pooling
(``include_prompt`` = false, as INSTRUCTOR does), the first tokens of a row are not pooled.

Shapes: n sequences, L length of the longest one, T tokens of all of them together, M modes, D width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.encoder.attention import Segments


def pool_padded(hidden: Tensor, inside: Tensor | None, modes: Sequence[str], skipped: Tensor | None) -> Tensor:
    """[n, L, D] padded at the end -> [n, M * D].

    Args:
        inside: [n, L] 1 where there is a token; None: everywhere.
        skipped: [n] tokens at the start of each sequence that are not pooled; None: all are.
    """
    size, length, _ = hidden.shape
    lengths = torch.full((size,), length, device=hidden.device) if inside is None else inside.sum(dim=1)  # [n]
    if skipped is None and inside is None:
        pooled_tokens = None
    else:
        place = torch.arange(length, device=hidden.device)
        pooled_tokens = place < lengths[:, None]
        if skipped is not None:
            pooled_tokens &= place >= skipped[:, None]
    first = torch.zeros_like(lengths) if skipped is None else torch.minimum(skipped, lengths - 1)
    rows = torch.arange(size, device=hidden.device)
    return _side_by_side([_padded(hidden, pooled_tokens, mode, rows, first, lengths - 1) for mode in modes])


def _padded(hidden: Tensor, pooled: Tensor | None, mode: str, rows: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """``pooled`` [n, L]: the tokens that count, None where all do; ``first``, ``last`` [n]: of those of a sequence."""
    if mode in ("cls", "lasttoken"):
        return hidden[rows, first if mode == "cls" else last]
    if mode == "max":
        return (hidden if pooled is None else hidden.masked_fill(~pooled.unsqueeze(-1), -torch.inf)).amax(dim=1)
    if mode == "mean" and pooled is None:
        return hidden.mean(dim=1)
    weights = torch.ones_like(hidden[..., :1]) if pooled is None else pooled.unsqueeze(-1).to(hidden.dtype)
    if mode == "weightedmean":
        weights = weights * torch.arange(1, hidden.shape[1] + 1, device=hidden.device).unsqueeze(-1)
    total = weights.sum(dim=1).clamp(min=1e-9)
    return (hidden * weights).sum(dim=1) / (total.sqrt() if mode == "mean_sqrt_len" else total)


def pool_packed(hidden: Tensor, segments: Segments, modes: Sequence[str], skipped: Tensor | None) -> Tensor:
    """The same from sequences one behind the other: [T, D] -> [n, M * D]."""
    starts, lengths = segments.starts[:-1], segments.lengths
    last = segments.starts[1:] - 1
    first = starts if skipped is None else torch.minimum(starts + skipped, last)
    return _side_by_side([_packed(hidden, mode, starts, lengths, skipped, first, last) for mode in modes])


def _packed(
    hidden: Tensor, mode: str, starts: Tensor, lengths: Tensor, skipped: Tensor | None, first: Tensor, last: Tensor
) -> Tensor:
    if mode == "cls":
        return hidden.index_select(0, first)
    if mode == "lasttoken":
        return hidden.index_select(0, last)
    # unsafe: without reading the lengths back from the device, to check what was made on the host.
    if mode == "mean" and skipped is None:
        return torch.segment_reduce(hidden, "mean", lengths=lengths, unsafe=True)
    place = torch.arange(len(hidden), device=hidden.device) - torch.repeat_interleave(
        starts, lengths, output_size=len(hidden)
    )  # [T] of each token in its sequence
    pooled = None if skipped is None else place >= torch.repeat_interleave(skipped, lengths, output_size=len(hidden))
    if mode == "max":
        values = hidden if pooled is None else hidden.masked_fill(~pooled.unsqueeze(-1), -torch.inf)
        return torch.segment_reduce(values, "max", lengths=lengths, unsafe=True)
    weights = torch.ones_like(hidden[:, :1]) if pooled is None else pooled.unsqueeze(-1).to(hidden.dtype)  # [T, 1]
    if mode == "weightedmean":
        weights = weights * (place + 1).unsqueeze(-1)
    total = torch.segment_reduce(weights, "sum", lengths=lengths, unsafe=True).clamp(min=1e-9)  # [n, 1]
    summed = torch.segment_reduce(hidden * weights, "sum", lengths=lengths, unsafe=True)
    return summed / (total.sqrt() if mode == "mean_sqrt_len" else total)


def _side_by_side(vectors: list[Tensor]) -> Tensor:
    return vectors[0] if len(vectors) == 1 else torch.cat(vectors, dim=-1)
