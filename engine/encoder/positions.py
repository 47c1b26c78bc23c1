"""How a model numbers the tokens of a sequence, and how many numbers it has."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

# What the models of transformers call a table with one entry for each position. Those with relative positions (T5,
# XLNet, Funnel), rotary ones or ALiBi have none.
_TABLES = (
    "position_embeddings",  # BERT, RoBERTa and most encoders
    "char_position_embeddings",  # CANINE
    "embed_positions",  # RoFormer, BART, OPT, GPT-J
    "wpe",  # GPT-2, GPT-Neo
    "positions_embed",  # the first GPT
    "pos_encoding",  # CTRL
)


@dataclass(frozen=True, slots=True)
class Positions:
    first: int  # of a sequence's first token
    limit: int | None  # tokens that there are positions for; None: any number


def positions_of(network: nn.Module) -> Positions:
    """Read off the model's tables of positions, if it has any; of several, the shortest one sets the limit."""
    tables = []
    for module in network.modules():
        for name in _TABLES:
            table = getattr(module, name, None)
            weight = getattr(table, "weight", None) if isinstance(table, nn.Module) else table
            if isinstance(weight, Tensor) and weight.ndim == 2:
                tables.append(_positions(module, table, len(weight)))
    if not tables:
        return Positions(0, None)
    return Positions(tables[0][0], min(limit for _, limit in tables))


def _positions(owner: nn.Module, table: object, entries: int) -> tuple[int, int]:
    """(first position, tokens that there are positions for)"""
    padding = getattr(table, "padding_idx", None)
    numbers = getattr(owner, "position_ids", None)  # [1, n] or [n], of a model that numbers its tokens by this buffer
    start = int(numbers.flatten()[0]) if isinstance(numbers, Tensor) else 0  # 2 in YOSO and others
    first = start if padding is None else int(padding) + 1  # the RoBERTa family counts from there
    limit = entries - first - int(getattr(table, "offset", 0))  # BART and OPT add it to positions from 0
    return first, min(limit, numbers.shape[-1]) if isinstance(numbers, Tensor) else limit
