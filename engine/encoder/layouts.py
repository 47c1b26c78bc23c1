"""Rows of tokens -> one pooled vector each, through one forward call of the model, with padding or without.

Shapes: n sequences, L length of the longest one, T tokens of all of them together, D width.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from engine.encoder.attention import Segments
from engine.encoder.pooling import pool_packed, pool_padded
from engine.encoder.tokens import TokenRows

ToDevice = Callable[[npt.NDArray[Any]], Tensor]


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
    # Known here, on the host: without padding the model may take its attention path without a mask.
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
    """A decoder keeps no keys and values of tokens that nothing comes after."""
    return {"use_cache": False} if "use_cache" in inspect.signature(forward).parameters else {}


def _skipped(rows: TokenRows, to_device: ToDevice) -> Tensor | None:
    return None if rows.skipped is None else to_device(rows.skipped.astype(np.int64))
