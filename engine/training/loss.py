"""InfoNCE with in-batch negatives.

Shapes: B pairs of a batch, D width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from engine.config import LossConfig


class InfoNCE(nn.Module):
    """Picks each question's passage among the passages of its batch (van den Oord et al. 2018, 1807.03748).

        loss = -1/B sum_i log( exp(s_ii / T) / sum_{j not masked for i} exp(s_ij / T) )

    s_ij is the cosine similarity of question i and passage j, T the temperature, fixed or learned as log T.
    Without a mask this is MultipleNegativesRankingLoss of SentenceTransformers with scale 1 / T.
    """

    log_temperature: Tensor

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        log_temperature = torch.tensor(math.log(config.temperature))
        if config.learned_temperature:
            self.log_temperature = nn.Parameter(log_temperature)
        else:
            self.register_buffer("log_temperature", log_temperature, persistent=False)

    def forward(self, queries: Tensor, passages: Tensor, mask: Tensor | None = None) -> Tensor:
        """Unit vectors [B, D] and [B, D] -> scalar.

        ``mask`` [B, B]: true where passage j is no negative for question i; false on the diagonal.
        """
        logits = queries @ passages.T * torch.exp(-self.log_temperature)  # [B, B]
        if mask is not None:
            logits = logits.masked_fill(mask, -math.inf)
        return nn.functional.cross_entropy(logits, torch.arange(len(logits), device=logits.device))
