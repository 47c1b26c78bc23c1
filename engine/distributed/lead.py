"""Rank 0 as the worker of a run: what it asks of the other ranks, and when."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from engine.distributed.encoding import SharedEncoder
from engine.distributed.errors import RankLost
from engine.distributed.ranks import Order, TorchRanks
from engine.encoder import DualEncoder
from engine.worker.devices import HeldDevice

_POLL_SECONDS = 0.02


class Lead:
    """The other ranks, seen from rank 0.

    Attributes:
        device: of rank 0; the agent holds its lock.
        processes: ranks on this machine.
    """

    def __init__(self, device: str, name: str, processes: int) -> None:
        """``name``: of the devices of all ranks on this machine, as the run's events have it."""
        self.device = HeldDevice(device, name, lock=None)
        self.processes = processes
        self._ranks: TorchRanks | None = None

    @property
    def ranks(self) -> TorchRanks:
        """Meets the others at the first call.

        Raises:
            RankLost: they do not come.
        """
        if self._ranks is None:
            self._ranks = TorchRanks(self.device.torch_device)
        return self._ranks

    @property
    def astray(self) -> bool:
        """Whether the others wait for something that rank 0 will not do any more."""
        return self._ranks is not None and self._ranks.astray

    def begin(self, checkpoint: Path | None, meanwhile: Callable[[], object]) -> None:
        """Has the others build what rank 0 has built, whose caches they now find, and waits for them.

        ``meanwhile`` is called while they are at it, and may raise to abandon the run.
        """
        self.ranks.give(Order.BUILD, checkpoint)
        self.ranks.astray = True
        met = self.ranks.meet()
        while not met.is_completed():
            meanwhile()
            time.sleep(_POLL_SECONDS)
        try:
            met.wait()
        except RuntimeError as error:
            raise RankLost(str(error)) from error
        self.ranks.astray = False

    def encoder(self, own: DualEncoder) -> SharedEncoder:
        """``own`` with the help of the others."""
        return SharedEncoder(own, self.ranks)

    def dismiss(self) -> bool:
        """Lets the others go; false where they wait for something else and only their agent can end them."""
        if self._ranks is None or self._ranks.astray:
            return False
        self._ranks.give(Order.LEAVE)
        self._ranks.close()
        return True
