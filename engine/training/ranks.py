"""The processes that share one run: each takes its slice of every batch, and all see the vectors of all.

Shapes: W ranks, n vectors of one rank, D width.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from torch import Tensor, nn


class Ranks(Protocol):
    """``rank`` of ``world`` processes, 0 the first; every call is made by all of them in the same order."""

    @property
    def rank(self) -> int: ...

    @property
    def world(self) -> int: ...

    def lead_update(self) -> None:
        """At the start of an update: rank 0 has the others, who wait for that, compute it too."""

    def gather(self, vectors: Tensor) -> Tensor:
        """[n, D] of this rank -> [W, n, D] of all, without gradients."""

    def exchange(self, number: int) -> list[int]:
        """An integer of this rank -> [W] of all, on the host: no device is waited for."""

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces the gradient of every parameter by the sum over the ranks."""


class Alone:
    """One process."""

    rank = 0
    world = 1

    def lead_update(self) -> None:
        """There is nobody to lead."""

    def gather(self, vectors: Tensor) -> Tensor:
        return vectors.detach().unsqueeze(0)

    def exchange(self, number: int) -> list[int]:
        return [number]

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """The sum over one rank is there already."""
