"""How a model numbers the tokens of a sequence."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True, slots=True)
class Positions:
    first: int  # of a sequence's first token
    limit: int | None  # tokens that there are positions for; None: any number


def positions_of(network: nn.Module) -> Positions:
    """Read off the model's position embeddings, if it has any."""
    for name, module in network.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # The RoBERTa family counts from the padding id + 1.
            first = 0 if module.padding_idx is None else module.padding_idx + 1
            return Positions(first, module.num_embeddings - first)
    return Positions(0, None)
