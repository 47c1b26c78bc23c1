"""Attention over packed sequences: one row of tokens without padding, in which each sequence sees only itself.

Registered with transformers under ``PACKED``, so that its stock encoders run on such rows once their
``set_attn_implementation`` has named it; every forward call then brings ``segments``.

Shapes: T tokens of n sequences together, H heads of the queries, K of the keys and values, d width of a head. Where
K is less than H (grouped-query attention), H / K heads of queries share one of keys and values.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.attention.varlen import varlen_attn
from transformers import AttentionInterface

PACKED = "packed_sequences"

_FLASH_TYPES = (torch.bfloat16, torch.float16)  # those that the kernel of a GPU takes

# Options that some models pass to their attention, and that the kernels here do not have.
_UNSUPPORTED = ("position_bias", "softcap", "s_aux")

# Kernels work on tiles of 128 queries: a bound rounded up to that costs nothing, and has few different values.
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


@dataclass(frozen=True, slots=True)
class AttentionCall:
    """What one call of ``packed_attention`` ran."""

    kernel: str  # "flash kernel" or "by length"
    dtype: torch.dtype
    window: int | None


_calls: list[AttentionCall] | None = None  # the list of ``recorded_calls``, while inside it


@contextmanager
def recorded_calls() -> Iterator[list[AttentionCall]]:
    """Inside, every call of ``packed_attention`` is added to the list."""
    global _calls
    before, _calls = _calls, []
    try:
        yield _calls
    finally:
        _calls = before


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    is_causal: bool | None = None,
    *,
    segments: Segments,
    **options: Any,
) -> tuple[Tensor, None]:
    """[1, H, T, d], and [1, K, T, d] twice -> [1, T, H, d], in the signature that transformers calls.

    Args:
        sliding_window: a token sees those at a distance below it; None: its whole sequence.
        is_causal: whether a token sees only those before it; None: as ``module`` says, which transformers reads as yes
            where it says nothing.

    Raises:
        ValueError: the model asks for what the kernels cannot do.
    """
    for name in _UNSUPPORTED:
        if options.get(name) is not None:
            raise ValueError(f"its attention needs {name}")
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    window = None if sliding_window is None else sliding_window - 1
    query, key, value = (_autocast(states[0].transpose(0, 1)) for states in (query, key, value))  # [T, H or K, d]
    kernel = kernel_for(query)
    if _calls is not None:
        name = "flash kernel" if kernel is flash_attention else "by length"
        _calls.append(AttentionCall(name, query.dtype, window))
    return kernel(query, key, value, segments, dropout, scaling, window, causal).unsqueeze(0), None


def _autocast(states: Tensor) -> Tensor:
    """In the type of autocast, as torch's own attention casts: rotary positions leave float32 behind."""
    kind = states.device.type
    return states.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else states


def kernel_for(query: Tensor) -> Callable[..., Tensor]:
    """The one of the two kernels below that takes such a tensor."""
    return flash_attention if query.is_cuda and query.dtype in _FLASH_TYPES else attention_by_length


def flash_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    segments: Segments,
    dropout: float = 0.0,
    scale: float | None = None,
    window: int | None = None,
    causal: bool = False,
) -> Tensor:
    """[T, H, d], and [T, K, d] twice, in bfloat16 or float16 -> [T, H, d], in one kernel of a GPU."""
    starts, longest = segments.starts, segments.longest
    left = -1 if window is None else window
    right = 0 if causal else left
    if dropout == 0.0:
        attended = varlen_attn(
            query, key, value, starts, starts, longest, longest,
            scale=scale, window_size=(left, right), enable_gqa=query.shape[1] != key.shape[1],
        )  # fmt: skip
        return cast(Tensor, attended)  # a pair only where the logarithms of its sums are asked for
    # The operator beneath varlen_attn, which knows no dropout.
    packed, *_ = torch.ops.aten._flash_attention_forward(
        query, key, value, starts, starts, longest, longest, dropout, causal, False,
        scale=scale, window_size_left=left, window_size_right=right,
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
    causal: bool = False,
) -> Tensor:
    """The same in any type on any device: sequences of one length are a batch without padding, taken as a view."""
    sizes = [count * length for count, length in segments.runs]
    grouped = query.shape[1] != key.shape[1]
    outputs = []
    for run, *states in zip(segments.runs, *(torch.split(x, sizes) for x in (query, key, value)), strict=True):
        q, k, v = (part.unflatten(0, run).transpose(1, 2) for part in states)  # [count, H or K, length, d]
        mask = _band(run[1], window, causal, query.device)
        attended = nn.functional.scaled_dot_product_attention(
            q, k, v, mask, dropout, is_causal=causal and mask is None, scale=scale, enable_gqa=grouped
        )
        outputs.append(attended.transpose(1, 2).flatten(0, 1))
    return torch.cat(outputs)


def _band(length: int, window: int | None, causal: bool, device: torch.device) -> Tensor | None:
    """[length, length], true where the token of a row sees that of a column; None where no window keeps it from it."""
    if window is None or length <= window + 1:
        return None
    place = torch.arange(length, device=device)
    distance = place[:, None] - place[None, :]
    return (distance >= 0) & (distance <= window) if causal else distance.abs() <= window


# Under a name that its mask functions do not know, transformers makes no mask: ``segments`` say who sees whom.
AttentionInterface.register(PACKED, packed_attention)
