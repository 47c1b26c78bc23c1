"""Numbers of a device that reach the host while the next updates are computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class _Copy:
    step: int
    values: Tensor  # [n] on the host
    done: torch.cuda.Event | None  # None: the values are there


class HostValues:
    """A few numbers of every update, in its order. ``push`` and ``arrived`` wait for no GPU."""

    def __init__(self) -> None:
        self._copies: deque[_Copy] = deque()

    def push(self, step: int, values: Tensor) -> None:
        """``values`` [n] of update ``step``; nothing may write to them any more."""
        if not values.is_cuda:
            self._copies.append(_Copy(step, values, None))
            return
        copy = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        copy.copy_(values, non_blocking=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record(torch.cuda.current_stream(values.device))
        self._copies.append(_Copy(step, copy, done))

    def arrived(self, *, wait: bool = False) -> Iterator[tuple[int, list[float]]]:
        """Step and values of those that are on the host, each of them once; with ``wait`` all that were pushed."""
        while self._copies:
            done = self._copies[0].done
            if done is not None and wait:
                done.synchronize()
            elif done is not None and not done.query():  # type: ignore[no-untyped-call]
                return
            copy = self._copies.popleft()
            yield copy.step, copy.values.tolist()

    def clear(self) -> None:
        self._copies.clear()
