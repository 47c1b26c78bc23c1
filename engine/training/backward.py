"""The gradient of one batch, in two stages that meet at the vectors.

1. Embed this rank's texts, and gather the vectors of all ranks: the negatives of a question are the passages of
   the whole batch, wherever they were embedded.
2. Every rank computes the loss of the whole batch from those vectors, which costs little, and with it the gradient
   of each vector; the rows of its own vectors go back through its encoder. With the last of them the encoder's
   gradients are summed over ranks. Those of the loss's own parameters are whole on every rank already.

The loss sees the same matrix on any number of ranks, so nothing has to be rescaled by their number. For a model in
float16 it is scaled before stage 2, and with it every gradient, that of a learned temperature included.

Where a batch is too large for the memory it is embedded in micro-batches, and only one of them keeps its graph: the
others are embedded once more in stage 2, each with the random state that it had in stage 1 (gradient cache, Gao et
al. 2021, 2101.06983). The gradient is that of the whole batch, for dropout masks that depend on the micro-batches.

Shapes: W ranks, B pairs of the batch, b = B / W those of this rank, N further negatives, n = N / W those of this
rank, D width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from engine.encoder import DualEncoder, TokenRows
from engine.encoder.layouts import token_chunks
from engine.encoder.memory import is_out_of_memory, release_memory
from engine.training.batches import TrainingBatch
from engine.training.keyed import derive_key
from engine.training.loss import InfoNCE
from engine.training.ranks import Parts, RankGroup
from engine.training.scaling import LossScaler


@dataclass(frozen=True, slots=True)
class _Embedded:
    """The rows of a batch as vectors, and the graph of the last micro-batch."""

    vectors: Tensor  # [2b + n, D] without a graph
    graph: Tensor  # those of the last part


class Backward:
    """Leaves the gradient of a batch's loss in the ``grad`` of every parameter, times the scale where there is one.

    Attributes:
        tokens: most of a micro-batch; 0: the whole batch at once. Halved where memory runs out.
    """

    def __init__(
        self,
        encoder: DualEncoder,
        loss: InfoNCE,
        ranks: RankGroup,
        seed: int,
        tokens: int,
        scaler: LossScaler | None = None,
    ) -> None:
        self._encoder, self._loss, self._ranks, self._seed, self._scaler = encoder, loss, ranks, seed, scaler
        self.tokens = tokens
        self._notes: list[str] = []
        self._told_masks = False
        self._repeated: int | None = None  # the last step that was computed once more as it was

    def __call__(self, batch: TrainingBatch, step: int) -> Tensor:
        """The loss, a scalar without gradient. ``step``: updates done before; it keys the dropout masks.

        A batch for which memory runs out is computed anew, as if nothing had happened: once with the same
        micro-batches, since memory in pieces is whole again by then, unless the update before needed that too; and
        then with half as many tokens. One process can do that; several have parts of the gradient from each other.

        Raises:
            torch.OutOfMemoryError: there is no memory for one sequence alone, or the other ranks cannot repeat the
                batch.
        """
        while True:
            parts = self._ranks.evened(self._micro_batches(batch.rows), batch.rows)
            loss = self._attempt(batch, step, parts)
            if loss is not None:
                break
            for module in (self._encoder, self._loss):
                module.zero_grad()
            release_memory()
            if self._repeated is None or step > self._repeated + 1:
                self._repeated = step
                self._notes.append(f"out of memory in step {step + 1:,}: its batch is computed once more")
                continue
            # A row longer than the limit is a micro-batch by itself: its length says nothing of how low the limit is.
            limit = max(int(batch.rows.lengths[part].sum()) for part in parts)
            self.tokens = max(1, (min(limit, self.tokens) if self.tokens else limit) // 2)
            self._notes.append(
                f"out of memory in step {step + 1:,}: its batch is repeated in micro-batches of at most"
                f" {self.tokens:,} tokens, and so are the next ones (runtime.tokens_per_micro_batch)"
            )
        if len(parts) > 1 and not self._told_masks and _has_dropout(self._encoder):
            self._told_masks = True
            self._notes.append("micro-batches: dropout masks differ from those of whole batches")
        return loss

    def take_notes(self) -> tuple[str, ...]:
        """What happened since this was called last that a person should know."""
        notes, self._notes = tuple(self._notes), []
        return notes

    def _micro_batches(self, rows: TokenRows) -> Parts:
        """Indices of the rows of each; one that holds all of them where they fit."""
        if not self.tokens or len(rows.ids) <= self.tokens:
            return [np.arange(len(rows))]
        return token_chunks(rows.lengths, self.tokens)

    def _attempt(self, batch: TrainingBatch, step: int, parts: Parts) -> Tensor | None:
        """The loss, with the gradients left in their places; None: there was not enough memory."""
        try:
            embedded = self._embed(batch.rows, step, parts)
            gathered = self._ranks.gather(embedded.vectors).requires_grad_()  # [W, 2b + n, D]
            loss = self._loss_of(gathered, batch)
            scaled = loss if self._scaler is None else self._scaler.scale(loss)
            scaled.backward()  # type: ignore[no-untyped-call]
            assert gathered.grad is not None
            with self._encoder.recomputing():
                self._backward(embedded, gathered.grad[self._ranks.rank], batch.rows, step, parts)
        except RuntimeError as error:
            self._raise_unless_smaller_helps(error, batch, parts)
            return None
        return loss.detach()

    def _embed(self, rows: TokenRows, step: int, parts: Parts) -> _Embedded:
        if len(parts) == 1:
            with self._ranks.summing(last=True):
                graph = self._embed_part(rows, step, 0)
            return _Embedded(graph.detach(), graph)
        with self._ranks.summing(last=False):
            vectors = []
            # A compiled graph without gradients is another one, which might draw its dropout otherwise.
            with torch.set_grad_enabled(self._encoder.compiled):
                for index, part in enumerate(parts[:-1]):
                    vectors.append(self._embed_part(rows.take(part), step, index).detach())
            graph = self._embed_part(rows.take(parts[-1]), step, len(parts) - 1)
        order = self._encoder.to_device(np.argsort(np.concatenate(parts)))
        return _Embedded(torch.cat([*vectors, graph.detach()]).index_select(0, order), graph)

    def _backward(self, embedded: _Embedded, gradient: Tensor, rows: TokenRows, step: int, parts: Parts) -> None:
        """``gradient`` [2b + n, D] of the vectors -> those of the parameters."""
        if len(parts) == 1:
            with self._ranks.summing(last=True):
                embedded.graph.backward(gradient)  # type: ignore[no-untyped-call]
            return
        rows_of = [self._encoder.to_device(part) for part in parts]
        with self._ranks.summing(last=False):
            embedded.graph.backward(gradient[rows_of[-1]])  # type: ignore[no-untyped-call]
        for index, part in enumerate(parts[:-1]):
            with self._ranks.summing(last=index == len(parts) - 2):
                again = self._embed_part(rows.take(part), step, index)
                again.backward(gradient[rows_of[index]])  # type: ignore[no-untyped-call]

    def _embed_part(self, rows: TokenRows, step: int, micro_batch: int) -> Tensor:
        # Keyed by the step, so that neither an evaluation nor a restart in between shifts the dropout masks.
        rank = self._ranks.rank
        purpose: list[str | int] = [rank] if rank else []
        purpose += ["micro-batch", micro_batch] if micro_batch else []
        torch.manual_seed(derive_key(self._seed, "dropout", step, *purpose))
        return self._ranks.embed(rows)

    def _loss_of(self, gathered: Tensor, batch: TrainingBatch) -> Tensor:
        pairs = batch.pairs
        queries, passages, negatives = torch.split(gathered, [pairs, pairs, gathered.shape[1] - 2 * pairs], dim=1)
        # The passages of all ranks before the further negatives of any: candidate i answers question i.
        candidates = torch.cat([passages.flatten(0, 1), negatives.flatten(0, 1)])  # [B + N, D]
        # [B, B + N], or None where the mask hides nothing: the loss then need not look at it.
        mask = self._encoder.to_device(batch.mask) if batch.mask.any() else None
        loss: Tensor = self._loss(queries.flatten(0, 1), candidates, mask)
        return loss

    def _raise_unless_smaller_helps(self, error: RuntimeError, batch: TrainingBatch, parts: Parts) -> None:
        """For an ``except`` block: returns where memory ran out and the parts can still be split."""
        if not is_out_of_memory(error) or len(parts) == len(batch.rows) or self._ranks.world > 1:
            raise error


def _has_dropout(encoder: nn.Module) -> bool:
    return any(isinstance(module, nn.Dropout) and module.p > 0 for module in encoder.modules())
