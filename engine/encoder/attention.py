"""Attention over packed sequences: one row of tokens without padding, in which each sequence sees only itself.

Registered with transformers under ``PACKED``, so that its stock encoders run on such rows once their
``set_attn_implementation`` has named it; every forward call then brings ``segments``.

Shapes: T tokens of n sequences together, H heads, d width of a head.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.attention.varlen import varlen_attn
from transformers import AttentionInterface, AttentionMaskInterface

PACKED = "packed_sequences"

_FLASH_TYPES = (torch.bfloat16, torch.float16)  # those that the kernel of a GPU takes

# Kernels work on tiles of 128 queries: a bound rounded up to them costs nothing, and takes few values.
_TILE = 128


@dataclass(frozen=True, slots=True)
class Segments:
    """Where the sequences of a packed row begin and end; those of one length stand side by side, shortest first."""

    lengths: Tensor  # [n] int64, on the device
    starts: Tensor  # [n + 1] int32, on the device
    runs: tuple[tuple[int, int], ...]  # (sequences, their length), on the host
    longest: int  # rounded up

    @classmethod
    def of(cls, lengths: Any, to_device: Callable[[Any], Tensor]) -> Segments:
        """``lengths`` [n]: a sorted numpy array of int64."""
        longest = -(-int(lengths[-1]) // _TILE) * _TILE
        runs = tuple((len(list(group)), int(length)) for length, group in itertools.groupby(lengths.tolist()))
        on_device = to_device(lengths)
        starts = nn.functional.pad(on_device.cumsum(0), (1, 0)).to(torch.int32)
        return cls(on_device, starts, runs, longest)


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    *,
    segments: Segments,
    **_: Any,
) -> tuple[Tensor, None]:
    """[1, H, T, d] three times -> [1, T, H, d], in the signature that transformers calls.

    ``sliding_window``: a token sees those at a distance below it; None: its whole sequence.
    """
    query, key, value = (states[0].transpose(0, 1) for states in (query, key, value))  # [T, H, d]
    window = None if sliding_window is None else sliding_window - 1
    return kernel_for(query)(query, key, value, segments, dropout, scaling, window).unsqueeze(0), None


def kernel_for(query: Tensor) -> Callable[..., Tensor]:
    """The one of the two below that takes such a tensor."""
    return flash_attention if query.is_cuda and query.dtype in _FLASH_TYPES else attention_by_length


def flash_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    segments: Segments,
    dropout: float = 0.0,
    scale: float | None = None,
    window: int | None = None,
) -> Tensor:
    """[T, H, d] in bfloat16 or float16 -> [T, H, d], in one kernel of a GPU."""
    starts, longest = segments.starts, segments.longest
    side = -1 if window is None else window
    if dropout == 0.0:
        attended = varlen_attn(
            query, key, value, starts, starts, longest, longest, scale=scale, window_size=(side, side)
        )
        return cast(Tensor, attended)  # a pair only where the logarithms of its sums are asked for
    # The operator beneath varlen_attn, which knows no dropout.
    packed, *_ = torch.ops.aten._flash_attention_forward(
        query, key, value, starts, starts, longest, longest, dropout, False, False,
        scale=scale, window_size_left=side, window_size_right=side,
    )  # fmt: skip
    return cast(Tensor, packed)


@torch.compiler.disable(reason="its calls depend on the lengths")  # type: ignore[untyped-decorator, no-untyped-call]
def attention_by_length(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    segments: Segments,
    dropout: float = 0.0,
    scale: float | None = None,
    window: int | None = None,
) -> Tensor:
    """The same in any type on any device: sequences of one length are a batch without padding, taken as a view."""
    sizes = [count * length for count, length in segments.runs]
    outputs = []
    for run, *states in zip(segments.runs, *(torch.split(x, sizes) for x in (query, key, value)), strict=True):
        q, k, v = (part.unflatten(0, run).transpose(1, 2) for part in states)  # [count, H, length, d]
        mask = _band(run[1], window, query.device)
        attended = nn.functional.scaled_dot_product_attention(q, k, v, mask, dropout, scale=scale)
        outputs.append(attended.transpose(1, 2).flatten(0, 1))
    return torch.cat(outputs)


def _band(length: int, window: int | None, device: torch.device) -> Tensor | None:
    """[length, length], true where two tokens see each other; None where all do."""
    if window is None or length <= window + 1:
        return None
    place = torch.arange(length, device=device)
    return (place[:, None] - place[None, :]).abs() <= window


def _no_mask(*_: Any, **__: Any) -> None:
    """``segments`` say who sees whom."""


AttentionInterface.register(PACKED, packed_attention)
AttentionMaskInterface.register(PACKED, _no_mask)
