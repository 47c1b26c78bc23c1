"""InfoNCE with in-batch negatives, in one or both directions, on whole vectors and on their first dimensions.

Shapes: B pairs of a batch, P passages (P >= B: beyond the pairs' own, hard negatives), D width, d <= D.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from engine.config import LEARNED_TEMPERATURE_RANGE, LossConfig


class InfoNCE(nn.Module):
    """Picks each question's passage among the passages of its batch (van den Oord et al. 2018, 1807.03748).

        loss = -1/B sum_i log( exp(s_ii / T) / sum_{j not masked for i} exp(s_ij / T) )

    s_ij is the similarity of question i and passage j, T the temperature, fixed or learned as log T. The similarity is
    the cosine, or the dot product for a model that is ranked by it.
    Without a mask this is MultipleNegativesRankingLoss of SentenceTransformers with scale 1 / T.

    ``symmetric``: the mean with the other direction, where passage i of a pair picks its question among all (CLIP,
    2103.00020); hard negatives have no question and pick none.
    ``matryoshka_dimensions``: the sum, or mean, of that loss for the whole vectors and for their first d dimensions,
    normalised again (Kusupati et al. 2022, 2205.13147); SentenceTransformers' MatryoshkaLoss.
    """

    log_temperature: Tensor

    def __init__(self, config: LossConfig, *, is_normalized: bool = True) -> None:
        """``is_normalized``: whether the vectors have unit length; then their first dimensions get it too."""
        super().__init__()
        self._config = config
        self._is_normalized = is_normalized
        log_temperature = torch.tensor(math.log(config.temperature))
        if config.learned_temperature:
            self.log_temperature = nn.Parameter(log_temperature)
        else:
            self.register_buffer("log_temperature", log_temperature, persistent=False)

    def forward(self, queries: Tensor, passages: Tensor, mask: Tensor | None = None) -> Tensor:
        """Vectors [B, D] and [P, D] -> scalar; passage i < B is the one of question i.

        ``mask`` [B, P]: true where passage j is no negative for question i; false on the diagonal.
        """
        loss = self._at_width(queries, passages, mask)
        widths = [width for width in self._config.matryoshka_dimensions if width != queries.shape[1]]
        for width in widths:
            first = [self._first(vectors, width) for vectors in (queries, passages)]
            loss = loss + self._at_width(first[0], first[1], mask)
        return loss / (1 + len(widths)) if widths and self._config.matryoshka_reduction == "mean" else loss

    def _first(self, vectors: Tensor, width: int) -> Tensor:
        """[n, D] -> [n, d]."""
        first = vectors[:, :width]
        return nn.functional.normalize(first, dim=-1) if self._is_normalized else first

    @torch.no_grad()
    def keep_in_range(self) -> None:
        """After an update: a learned temperature stays where training is stable (CLIP bounds it by 0.01 too)."""
        if self._config.learned_temperature:
            lowest, highest = LEARNED_TEMPERATURE_RANGE
            self.log_temperature.clamp_(math.log(lowest), math.log(highest))

    @torch.no_grad()
    def learned_temperature(self) -> Tensor | None:
        """As it stands, a scalar on the loss's device; None where it is fixed."""
        return torch.exp(self.log_temperature) if self._config.learned_temperature else None

    def _at_width(self, queries: Tensor, passages: Tensor, mask: Tensor | None) -> Tensor:
        logits = queries @ passages.T * torch.exp(-self.log_temperature)  # [B, P]
        if mask is not None:
            logits = logits.masked_fill(mask, -math.inf)
        own = torch.arange(len(logits), device=logits.device)
        loss = nn.functional.cross_entropy(logits, own)
        if not self._config.symmetric:
            return loss
        return (loss + nn.functional.cross_entropy(logits[:, : len(own)].T, own)) / 2
