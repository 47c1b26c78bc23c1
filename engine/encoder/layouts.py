"""Rows of tokens -> pooled vectors: how rows are split into forward calls, and one call, with padding or without.

Shapes: N sequences, K distinct lengths, n sequences of one call, L length of the longest, T tokens of all of them
together, M pooling modes, D width.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from engine.encoder.attention import Segments
from engine.encoder.pooling import pool_packed, pool_padded
from engine.encoder.tokens import TokenRows

ToDevice = Callable[[npt.NDArray[Any]], Tensor]


@dataclass(frozen=True, slots=True)
class CallCost:
    """What decides how rows are split into forward calls, in tokens, padding included."""

    budget: int  # the most tokens of one forward call
    call: int  # cost of a forward call beside its tokens: it decides which rows are padded to one length


# Measured: on a CPU small matrices stay in its caches and a call costs little; a GPU wants few large calls.
CPU_COST = CallCost(budget=4096, call=64)
CUDA_COST = CallCost(budget=65536, call=4096)


def length_buckets(lengths: npt.NDArray[np.int64], budget: int, call_cost: int) -> list[npt.NDArray[np.int64]]:
    """Indices [n] of each bucket; every sequence is in exactly one, and both they and their rows
    are in order of length.

    The split is the cheapest one, where a bucket costs ``call_cost`` (what one forward call costs beside its
    tokens, in tokens) plus its padded tokens. No bucket holds more than ``budget`` padded tokens, unless a
    single sequence does.
    """
    order = np.argsort(lengths, kind="stable")
    distinct, counts = np.unique(lengths, return_counts=True)
    ends = np.concatenate([[0], np.cumsum(counts)])  # [K + 1] sequences up to each distinct length
    buckets: list[npt.NDArray[np.int64]] = []
    for first, last in _cheapest_split(distinct, ends, call_cost):
        rows = order[ends[first] : ends[last]]
        size = max(1, budget // max(1, int(distinct[last - 1])))
        buckets.extend(np.array_split(rows, -(-len(rows) // size)))
    return buckets


def token_chunks(lengths: npt.NDArray[np.int64], budget: int) -> list[npt.NDArray[np.int64]]:
    """Indices [n] of each chunk, which holds as many sequences as fit into ``budget`` tokens, and at least one; every
    sequence is in exactly one, and both they and their rows are in order of length."""
    order = np.argsort(lengths, kind="stable")
    ends = np.concatenate([[0], np.cumsum(lengths[order])])  # [N + 1] tokens up to each sequence
    chunks: list[npt.NDArray[np.int64]] = []
    start = 0
    while start < len(order):
        end = int(np.searchsorted(ends, ends[start] + budget, side="right")) - 1
        chunks.append(order[start : max(end, start + 1)])
        start += len(chunks[-1])
    return chunks


def padded_vectors(model: nn.Module, rows: TokenRows, modes: Sequence[str], pad_id: int, to_device: ToDevice) -> Tensor:
    """[n, M * D] in float32, pooled in M modes from a matrix [n, L]; ``model`` has an attention of its own library."""
    lengths = rows.lengths
    inside = np.arange(lengths.max())[None, :] < lengths[:, None]  # [n, L]
    ids = np.full(inside.shape, pad_id, dtype=np.int64)
    ids[inside] = rows.ids
    inputs = {"input_ids": to_device(ids)}
    if rows.segments is not None:
        segments = np.zeros(inside.shape, dtype=np.int64)
        segments[inside] = rows.segments
        inputs["token_type_ids"] = to_device(segments)
    # Decided on the host: without padding the model may take its attention path without a mask.
    mask = None if inside.all() else to_device(inside.astype(np.int64))
    hidden = model(
        **inputs, attention_mask=mask, **_options(type(model).forward)
    ).last_hidden_state.float()  # [n, L, D]
    return pool_padded(hidden, mask, modes, _skipped(rows, to_device))


def packed_vectors(
    model: nn.Module, rows: TokenRows, modes: Sequence[str], first_position: int, to_device: ToDevice
) -> Tensor:
    """The same from one row [1, T]; ``rows`` are in order of length, ``model`` has the attention ``PACKED``.

    A model cannot see in such a row where a sequence begins: its positions are given to it, from ``first_position``.
    """
    lengths, starts = rows.lengths, rows.offsets[:-1]
    segments = Segments.of(lengths, to_device)
    positions = np.arange(len(rows.ids)) - np.repeat(starts - first_position, lengths)  # [T]
    inputs = {"input_ids": to_device(rows.ids.astype(np.int64)[None]), "position_ids": to_device(positions[None])}
    if rows.segments is not None:
        inputs["token_type_ids"] = to_device(rows.segments.astype(np.int64)[None])
    hidden = model(**inputs, segments=segments, **_options(type(model).forward)).last_hidden_state[0].float()  # [T, D]
    return pool_packed(hidden, segments, modes, _skipped(rows, to_device))


@cache
def _options(forward: Callable[..., Any]) -> dict[str, bool]:
    """A decoder need not keep keys and values: no token follows."""
    return {"use_cache": False} if "use_cache" in inspect.signature(forward).parameters else {}


def _skipped(rows: TokenRows, to_device: ToDevice) -> Tensor | None:
    return None if rows.skipped is None else to_device(rows.skipped.astype(np.int64))


def _cheapest_split(
    distinct: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], call_cost: int
) -> list[tuple[int, int]]:
    """Half-open ranges of distinct lengths, shortest first, by dynamic programming over where the last one starts."""
    cost = np.zeros(len(distinct) + 1)
    start = np.zeros(len(distinct) + 1, dtype=np.int64)
    for last in range(1, len(distinct) + 1):
        options = cost[:last] + (ends[last] - ends[:last]) * distinct[last - 1]
        start[last] = np.argmin(options)
        cost[last] = options[start[last]] + call_cost
    ranges: list[tuple[int, int]] = []
    last = len(distinct)
    while last > 0:
        ranges.append((int(start[last]), last))
        last = int(start[last])
    return ranges[::-1]
