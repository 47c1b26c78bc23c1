"""Whether a model can run on packed sequences: a few rows are tried packed, against the same rows padded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.encoder.attention import PACKED, AttentionCall, recorded_calls
from engine.encoder.layouts import ToDevice, packed_vectors, padded_vectors
from engine.encoder.memory import is_out_of_memory
from engine.encoder.tokens import TokenRows

_SHORT_ROWS = (3, 7, 7, 20)  # tokens of the rows that are tried, two of one length, beside a long one
_LONG_ROW = 150
_WIDEST_WINDOW = 512  # tokens of a sliding window that the long row is made to cross
_MOST_POSITIONS = 1024  # a model with at most so many is also tried on more tokens than it has positions
_TOLERANCE = 1e-3  # relative, in float32; sequences that see each other, or wrong positions, are far above
# What the models of transformers call a table with one entry for each position. Those with relative positions (T5,
# XLNet, Funnel), rotary ones or ALiBi have none.
_POSITION_TABLES = (
    "position_embeddings",  # BERT, RoBERTa and most encoders
    "char_position_embeddings",  # CANINE
    "embed_positions",  # RoFormer, BART, OPT, GPT-J
    "wpe",  # GPT-2, GPT-Neo
    "positions_embed",  # the first GPT
    "pos_encoding",  # CTRL
)


@dataclass(frozen=True, slots=True)
class Positions:
    """How a model numbers the tokens of a sequence, and how many numbers it has."""

    first: int  # of a sequence's first token
    limit: int | None  # tokens that there are positions for; None: any number


@dataclass(frozen=True, slots=True)
class AttentionReport:
    """How a model attends on a device and in a precision; as a string, in words: "packed, by length"."""

    kernel: str  # packed: "flash kernel" or "by length"; padded: what transformers calls it, "sdpa" or "eager"
    why_padded: str | None = None  # on one line; None: it runs packed

    @classmethod
    def padded(cls, model: Any, reason: str) -> AttentionReport:
        return cls(getattr(model.config, "_attn_implementation", None) or "an attention of its own", reason)

    def __str__(self) -> str:
        return f"packed, {self.kernel}" if self.why_padded is None else f"padded, {self.kernel}: {self.why_padded}"


@torch.no_grad()
def attention_report(model: Any, pad_id: int, to_device: ToDevice, *, autocast: torch.dtype | None) -> AttentionReport:
    """Whether ``model`` can run packed on the device it is on, and what it runs through there.

    Args:
        autocast: the type of the run's autocast, bfloat16 or float16; None: the run computes in float32.
    """
    device, name = next(model.parameters()).device, type(model).__name__
    if device.type == "cuda" and autocast is None:
        return AttentionReport.padded(model, "packed attention on a GPU needs bfloat16 or float16")
    if not getattr(model, "_supports_attention_backend", False):
        return AttentionReport.padded(model, f"{name} has an attention of its own")
    positions = positions_of(model)
    rows = _rows(model, positions, pad_id)
    try:
        with _evaluating(model):
            with torch.autocast(device.type, enabled=False):
                expected = _padded(model, rows, pad_id, to_device)
                vectors, calls = _packed(model, rows, positions, to_device)
            if autocast is not None:  # what the run will do, and whether a kernel takes this model's heads
                with torch.autocast(device.type, dtype=autocast):
                    _, calls = _packed(model, rows, positions, to_device)
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:  # remote code may raise any
        if is_out_of_memory(error):
            raise  # not the model's fault: other ranks, or a resume, may have room
        line = next(iter(str(error).splitlines()), type(error).__name__)
        return AttentionReport.padded(model, f"{name} does not run packed: {line}")
    difference = float((vectors - expected).norm() / expected.norm())
    if not difference < _TOLERANCE:
        return AttentionReport.padded(model, f"{name} gives other vectors packed than padded")
    reason = objection(name, calls, device.type, _untried_window(model, int(rows.lengths.max())))
    return AttentionReport(calls[0].kernel) if reason is None else AttentionReport.padded(model, reason)


def objection(name: str, calls: Sequence[AttentionCall], device: str, window: int | None) -> str | None:
    """What speaks against packing a model whose vectors are right; None: nothing.

    Args:
        calls: those of one forward pass, in the precision of the run.
        window: tokens of a sliding window that no row was long enough to cross; None: there is no such window.
    """
    if not calls:
        return f"{name} calls no attention that can be packed"
    slow = [call for call in calls if call.kernel != "flash kernel"]
    if device == "cuda" and slow:
        kind = str(slow[0].dtype).removeprefix("torch.")
        return f"{len(slow)} of {name}'s {len(calls)} attention calls are in {kind}, not for the kernel of a GPU"
    if window is not None and all(call.window is None for call in calls):
        return f"{name} does not tell its attention of its sliding window of {window} tokens"
    return None


@contextmanager
def packed(model: Any) -> Iterator[None]:
    """Inside, ``model`` takes packed rows and no others."""
    stock = model.config._attn_implementation
    model.set_attn_implementation(PACKED)
    try:
        yield
    finally:
        model.set_attn_implementation(stock)


def positions_of(network: nn.Module) -> Positions:
    """Read off the model's tables of positions, if it has any; of several, the shortest one sets the limit."""
    tables = []
    for module in network.modules():
        for name in _POSITION_TABLES:
            table = getattr(module, name, None)
            weight = getattr(table, "weight", None) if isinstance(table, nn.Module) else table
            if isinstance(weight, Tensor) and weight.ndim == 2:
                tables.append(_table_positions(module, table, len(weight)))
    if not tables:
        return Positions(0, None)
    return Positions(tables[0][0], min(limit for _, limit in tables))


def _padded(model: Any, rows: TokenRows, pad_id: int, to_device: ToDevice) -> Tensor:
    """[n, D]; the short rows in one call and the others in another, which are less padding than all of them."""
    parts = np.split(np.arange(len(rows)), [len(_SHORT_ROWS)])
    return torch.cat([padded_vectors(model, rows.take(part), ("mean",), pad_id, to_device) for part in parts])


def _packed(
    model: Any, rows: TokenRows, positions: Positions, to_device: ToDevice
) -> tuple[Tensor, list[AttentionCall]]:
    with packed(model), recorded_calls() as calls:
        return packed_vectors(model, rows, ("mean",), positions.first, to_device), calls


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _rows(model: Any, positions: Positions, pad_id: int) -> TokenRows:
    """Rows in order of length, some long enough to cross a sliding window, of random tokens without the padding one."""
    longest, window = _LONG_ROW, _window(model)
    if window is not None and window <= _WIDEST_WINDOW:
        longest = max(longest, window + window // 8 + 8)
    limits = (positions.limit, getattr(model.config, "max_position_embeddings", None))
    longest = min(longest, *(limit for limit in limits if limit is not None), longest)
    lengths = [*np.minimum(_SHORT_ROWS, longest), longest]
    if positions.limit is not None and positions.limit <= _MOST_POSITIONS:
        # A row of many sequences is longer than what some models have prepared for one.
        lengths += [longest] * int(max(positions.limit - sum(lengths), 0) // longest + 1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = np.random.default_rng(0).integers(0, model.config.vocab_size - 1, offsets[-1])
    ids += ids >= pad_id
    return TokenRows(ids.astype(np.int32), offsets)


def _window(model: Any) -> int | None:
    """Tokens of its sliding window, by its configuration, if one of its layers has one."""
    config = model.config
    kinds = getattr(config, "layer_types", None)
    if kinds is not None and "sliding_attention" not in kinds:
        return None
    window: int | None = getattr(config, "sliding_window", None) or getattr(config, "local_attention", None)
    return window


def _untried_window(model: Any, longest: int) -> int | None:
    window = _window(model)
    return window if window is not None and window >= longest else None


def _table_positions(owner: nn.Module, table: object, entries: int) -> tuple[int, int]:
    """(first position, tokens that there are positions for)"""
    padding = getattr(table, "padding_idx", None)
    numbers = getattr(owner, "position_ids", None)  # [1, n] or [n], of a model that numbers its tokens by this buffer
    start = int(numbers.flatten()[0]) if isinstance(numbers, Tensor) else 0  # 2 in YOSO and others
    first = start if padding is None else int(padding) + 1  # the RoBERTa family counts from there
    limit = entries - first - int(getattr(table, "offset", 0))  # BART and OPT add it to positions from 0
    return first, min(limit, numbers.shape[-1]) if isinstance(numbers, Tensor) else limit
