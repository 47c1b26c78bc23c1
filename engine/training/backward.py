"""The gradient of one batch, in two stages that meet at the vectors.

1. Embed this rank's texts, and gather the vectors of all ranks: the negatives of a question are the passages of
   the whole batch, wherever they were embedded.
2. Every rank computes the loss of the whole batch from those vectors, which costs little, and with it the gradient
   of each vector; the rows of its own vectors go back through its encoder.
3. The encoder's gradients are summed over ranks. Those of the loss's own parameters are whole on every rank already.

The loss sees the same matrix on any number of ranks, so nothing has to be rescaled by their number.

Shapes: W ranks, B pairs of the batch, b = B / W those of this rank, N further negatives, n = N / W those of this
rank, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.encoder import DualEncoder
from engine.training.batches import TrainingBatch
from engine.training.keyed import derive_key
from engine.training.loss import InfoNCE
from engine.training.ranks import Ranks


class Backward:
    """Leaves the gradient of a batch's loss in the ``grad`` of every parameter."""

    def __init__(self, encoder: DualEncoder, loss: InfoNCE, ranks: Ranks, seed: int) -> None:
        self._encoder, self._loss, self._ranks, self._seed = encoder, loss, ranks, seed

    def __call__(self, batch: TrainingBatch, step: int) -> Tensor:
        """The loss, a scalar without gradient. ``step``: updates done before; it keys the dropout masks."""
        self._seed_dropout(step)
        vectors = self._encoder.embed(batch.rows)  # [2b + n, D]
        gathered = self._ranks.gather(vectors).requires_grad_()  # [W, 2b + n, D]
        pairs = batch.pairs
        queries, passages, negatives = gathered.tensor_split([pairs, 2 * pairs], dim=1)
        # The passages of all ranks before the further negatives of any: candidate i answers question i.
        candidates = torch.cat([passages.flatten(0, 1), negatives.flatten(0, 1)])  # [B + N, D]
        loss: Tensor = self._loss(queries.flatten(0, 1), candidates, self._on_device(batch))
        loss.backward()  # type: ignore[no-untyped-call]
        assert gathered.grad is not None
        vectors.backward(gathered.grad[self._ranks.rank])  # type: ignore[no-untyped-call]
        self._ranks.sum_gradients(self._encoder.parameters())
        return loss.detach()

    def _seed_dropout(self, step: int) -> None:
        # Keyed by the step, so that neither an evaluation nor a restart in between shifts the dropout masks.
        rank = self._ranks.rank
        torch.manual_seed(derive_key(self._seed, "dropout", step, *([rank] if rank else [])))

    def _on_device(self, batch: TrainingBatch) -> Tensor | None:
        """The mask [B, B + N], or None where it hides nothing: the loss then need not look at it."""
        if not batch.mask.any():
            return None
        return torch.from_numpy(batch.mask).to(self._encoder.device, non_blocking=True)
