"""Floating-point operations of one update, as model FLOP utilisation (Chowdhery et al. 2022, 2204.02311) counts them:
what the model needs for the batch's own tokens. Padding, embedding tables and what is computed twice to save memory
do not count.

Shapes: N sequences.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import nn


class FlopCounter:
    """Counts for one encoder, from its weights as they are when this is made."""

    def __init__(self, model: nn.Module) -> None:
        """``model``: a transformers encoder; adapters and frozen weights are counted as what they are."""
        tables = {id(p) for module in model.modules() if isinstance(module, nn.Embedding) for p in module.parameters()}
        counted = [parameter for parameter in model.parameters() if id(parameter) not in tables]
        size = sum(parameter.numel() for parameter in counted)
        trained = sum(parameter.numel() for parameter in counted if parameter.requires_grad)
        # A multiplication and an addition per weight and token: forward, gradient of its input, its own gradient.
        self._per_token = 4 * size + 2 * trained
        config = model.config
        # Queries with keys, and weights with values: 2 L D each and token forward, twice that backward.
        self._per_token_pair = 12 * config.num_hidden_layers * config.hidden_size  # type: ignore[union-attr, operator]

    def __call__(self, lengths: npt.NDArray[np.int64]) -> float:
        """Token counts [N] of the sequences -> operations, forward and backward; attention counted as full."""
        wide = lengths.astype(float)
        return float(self._per_token * wide.sum() + self._per_token_pair * np.square(wide).sum())
