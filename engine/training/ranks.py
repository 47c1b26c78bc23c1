"""The processes that share one run: each takes its slice of every batch, and all see the vectors of all.

Shapes: W ranks, n vectors of one rank, D width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from engine.encoder import DualEncoder, TokenRows

Parts = list[npt.NDArray[np.int64]]


class Processes(Protocol):
    """``rank`` of ``world`` processes, 0 the first."""

    @property
    def rank(self) -> int: ...

    @property
    def world(self) -> int: ...

    def adopt(self, encoder: DualEncoder) -> RankGroup:
        """All together, before its optimizer is made: from here on they share ``encoder``."""


class RankGroup(Protocol):
    """Processes that share an encoder; unless it says otherwise, all of them make a call together."""

    @property
    def rank(self) -> int: ...

    @property
    def world(self) -> int: ...

    @property
    def is_sharded(self) -> bool:
        """Whether each rank holds only its part of weights, gradients and optimizer state."""

    def embed(self, rows: TokenRows) -> Tensor:
        """Rows [n] of this rank -> vectors [n, D], through the encoder."""

    def summing(self, *, last: bool) -> AbstractContextManager[None]:
        """Around ``embed`` and the backward pass of a part of a batch: with its last part the gradients are summed."""

    def evened(self, parts: Parts, rows: TokenRows) -> Parts:
        """Micro-batches of this rank, split further where all ranks must have equally many."""

    def gather(self, vectors: Tensor) -> Tensor:
        """[n, D] of this rank -> [W, n, D] of all, without gradients."""

    def norm(self, tensors: Sequence[Tensor], kind: float = 2.0) -> Tensor:
        """The norm of all numbers in ``tensors`` together, a scalar; where they are sharded, of all shards."""

    def whole(self, encoder: DualEncoder) -> AbstractContextManager[None]:
        """Inside, the encoder's parameters are whole on rank 0, to be read. Where weights are sharded it calls the
        others first, and they do the same."""

    def whole_tensors(self, tensors: Iterable[Tensor]) -> list[Tensor]:
        """The state of the optimizer, in the order of ``Trainer.optimizer_state``, whole on rank 0; called as above."""

    def load(self, checkpoint: Path) -> None:
        """Rank 0 alone, before it loads a checkpoint: where weights are sharded the others load it too."""

    def part(self, tensor: Tensor, parameter: Tensor) -> Tensor:
        """What this rank holds of a whole tensor that belongs to ``parameter``, beside that; nobody waits."""


class Alone:
    """One process."""

    rank = 0
    world = 1
    is_sharded = False

    def adopt(self, encoder: DualEncoder) -> RankGroup:
        self._encoder = encoder
        return self

    def embed(self, rows: TokenRows) -> Tensor:
        return self._encoder.embed(rows)

    def summing(self, *, last: bool) -> AbstractContextManager[None]:
        return nullcontext()

    def evened(self, parts: Parts, rows: TokenRows) -> Parts:
        return parts

    def gather(self, vectors: Tensor) -> Tensor:
        return vectors.detach().unsqueeze(0)

    def norm(self, tensors: Sequence[Tensor], kind: float = 2.0) -> Tensor:
        total: Tensor = nn.utils.get_total_norm(tensors, kind)
        return total

    def whole(self, encoder: DualEncoder) -> AbstractContextManager[None]:
        return nullcontext()

    def whole_tensors(self, tensors: Iterable[Tensor]) -> list[Tensor]:
        return list(tensors)

    def load(self, checkpoint: Path) -> None:
        """There are no others."""

    def part(self, tensor: Tensor, parameter: Tensor) -> Tensor:
        return tensor.to(parameter.device)
