"""The few numbers of an update that a person wants to see, copied while the device computes the next updates.

Asking a GPU for a number waits until it has computed everything before it, and leaves it without work meanwhile. So
the numbers of an update travel together, in a copy that nobody waits for, and are read once it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class CopyEvent(Protocol):
    """What is used of ``torch.cuda.Event``."""

    def query(self) -> bool: ...
    def synchronize(self) -> None: ...


@dataclass(frozen=True, slots=True)
class StepValues:
    """Loss, gradient norm, and what else an update has, on their way to the host.

    Only ``has_arrived`` never waits for the device.
    """

    _names: tuple[str, ...]
    _numbers: Tensor  # [n] on the host, one for each name; without meaning before ``_done``
    _done: CopyEvent | None  # None: the numbers are there

    @classmethod
    @torch.no_grad()
    def of(
        cls, loss: Tensor, grad_norm: Tensor, *, temperature: Tensor | None = None, scale: Tensor | None = None
    ) -> StepValues:
        """Starts the copy of scalars of one device; does not wait."""
        given = {"loss": loss, "grad_norm": grad_norm, "temperature": temperature, "scale": scale}
        scalars = {name: scalar.detach() for name, scalar in given.items() if scalar is not None}
        return cls(tuple(scalars), *_to_host(torch.stack(list(scalars.values()))))

    def has_arrived(self) -> bool:
        return self._done is None or self._done.query()

    @property
    def loss(self) -> float:
        return self._read()["loss"]

    @property
    def grad_norm(self) -> float:
        """Global norm before clipping."""
        return self._read()["grad_norm"]

    @property
    def temperature(self) -> float | None:
        """After the update; None where it is not learned."""
        return self._read().get("temperature")

    @property
    def scale(self) -> float | None:
        """Of the loss, after the update; None where it is not scaled."""
        return self._read().get("scale")

    def _read(self) -> dict[str, float]:
        if self._done is not None:
            self._done.synchronize()
        return dict(zip(self._names, self._numbers.tolist(), strict=True))


def _to_host(numbers: Tensor) -> tuple[Tensor, CopyEvent | None]:
    """A copy that is under way, and the event that tells when it is done."""
    if not numbers.is_cuda:
        return numbers, None
    copy = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
    copy.copy_(numbers, non_blocking=True)
    done = torch.cuda.Event()  # type: ignore[no-untyped-call]
    done.record(torch.cuda.current_stream(numbers.device))
    return copy, done
