"""Between rank 0, the worker of the run, and the others, which run the same training loop in step with it.

Rank 0's loop reports to the run's own observer, the loop of every other rank to ``Follower``. Before each update, and
wherever rank 0's observer has done something for which it may need the others, there is one exchange on the hosts: it
carries what comes next, and the size of micro-batches.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from engine.runs.errors import EndOfAttempt, RankLost
from engine.training.loop import Observer
from engine.training.trainer import StepRecord, Trainer

_all_gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor  # its name before torch 2.13

# What torch says where it has no type for it: gloo has none at all, NCCL one for everything.
_LOST = (
    "Connection closed by peer",
    "Connection reset by peer",
    "Broken pipe",
    "Timed out waiting",
    "Socket Timeout",
    "ncclRemoteError",
    "remote process exiting",
    "Connection refused",
)

_BEAT_SECONDS, _LOOK_SECONDS, _SILENT_SECONDS = 3.0, 1.0, 30.0


class Action(IntEnum):
    """What all ranks do next."""

    GO = 0  # on in the loop; with the argument 1: out of it
    LEAVE = 1
    BUILD = 2  # corpora, encoder and trainer, from the checkpoint whose path is sent, or from none (None)
    ENCODE = 3  # the token rows that are sent
    WEIGHTS = 4  # make the weights whole
    OPTIMIZER = 5  # and the state of the optimizer
    LOAD = 6  # the checkpoint whose path is sent


class Dismissed(EndOfAttempt):
    """Rank 0 has ended the attempt, and the others leave."""


@contextmanager
def lost_ranks() -> Iterator[None]:
    """Around a call of all ranks: that another one is gone is RankLost; every other error stays what it is."""
    try:
        yield
    except (dist.DistNetworkError, dist.DistStoreError) as error:
        raise RankLost(_one_line(error)) from error
    except RuntimeError as error:
        if any(message in str(error) for message in _LOST):
            raise RankLost(_one_line(error)) from error
        raise


def gathered(own: Tensor, group: dist.ProcessGroup | None = None) -> Tensor:
    """[n, ...] of this rank -> [W, n, ...] of all.

    Raises:
        RankLost: another one is gone.
    """
    world = dist.get_world_size(group)
    everyone = own.new_empty((world * own.shape[0], *own.shape[1:]))
    with lost_ranks():
        _all_gather(everyone, own, group=group)
    return everyone.view(world, *own.shape)


class Control:
    """One for each rank.

    Attributes:
        tokens: the micro-batch that this rank has memory for, 0: any; after an exchange the least of all ranks'.
    """

    def __init__(self, hosts: dist.ProcessGroup) -> None:
        self._hosts = hosts
        self.tokens = 0

    def tell(self, action: Action, argument: int = 0) -> None:
        """Rank 0: what the others, who wait in ``listen``, do next, and it with them."""
        self._exchange(action, argument)

    def listen(self) -> tuple[Action, int]:
        """The others: waits for rank 0.

        Raises:
            Dismissed: it has ended the attempt.
        """
        action, argument = self._exchange(Action.GO, 0)
        if action is Action.LEAVE:
            raise Dismissed
        return action, argument

    def send(self, value: object) -> None:
        """Rank 0, right after ``tell``: a few words or arrays that go with it."""
        with lost_ranks():
            dist.broadcast_object_list([value], src=0, group=self._hosts)

    def receive(self) -> Any:
        """The others: what rank 0 sends."""
        values: list[Any] = [None]
        with lost_ranks():
            dist.broadcast_object_list(values, src=0, group=self._hosts)
        return values[0]

    def _exchange(self, action: Action, argument: int) -> tuple[Action, int]:
        own = torch.tensor([action.value, argument, self.tokens])
        everyone = gathered(own, self._hosts)
        limits = [tokens for tokens in everyone[:, 2].tolist() if tokens]
        self.tokens = min(limits, default=0)
        number, argument, _ = everyone[0].tolist()
        return Action(number), argument


def watch_machines(store: Any, machine: int, machines: int, lost: Callable[[str], object]) -> None:
    """Calls ``lost`` with a line when another machine has been silent for half a minute; in threads, until the end.

    A process that dies closes its connections, and the others notice. A machine that vanishes closes nothing. So each
    counts up in the first one's store, and looks whether the others do.
    """
    counts = {peer: 0 for peer in range(machines) if peer != machine}

    def beat() -> None:  # apart from ``look``: a call to a machine that has vanished does not return for long
        with suppress(RuntimeError):
            while True:
                store.add(f"pulse/{machine}", 1)
                for peer in counts:
                    counts[peer] = store.add(f"pulse/{peer}", 0)
                time.sleep(_BEAT_SECONDS)

    def look() -> None:  # it counts looks and not the time, which goes on where this machine is suspended
        before, silent = dict(counts), dict.fromkeys(counts, 0)
        while True:
            time.sleep(_LOOK_SECONDS)
            now = dict(counts)
            silent = {peer: silent[peer] + 1 if now[peer] == before[peer] else 0 for peer in now}
            before = now
            for peer, looks in silent.items():
                if looks * _LOOK_SECONDS >= _SILENT_SECONDS:
                    lost(f"machine {peer}, counted from 0, no longer answers")
                    return

    for target in (beat, look):
        threading.Thread(target=target, name="pulse", daemon=True).start()


class Leader:
    """Rank 0's observer with the others in step."""

    def __init__(self, observer: Observer, trainer: Trainer, control: Control) -> None:
        self._observer, self._trainer, self._control = observer, trainer, control

    def boundary(self) -> None:
        self._observer.boundary()
        self._go()

    def record(self, record: StepRecord) -> None:
        self._observer.record(record)

    def checkpoint(self) -> None:
        self._observer.checkpoint()
        self._go()

    def evaluate(self) -> bool:
        is_over = self._observer.evaluate()
        self._go(is_over)
        return is_over

    def _go(self, is_over: bool = False) -> None:
        self._control.tokens = self._trainer.tokens_per_micro_batch
        self._control.tell(Action.GO, int(is_over))
        self._trainer.tokens_per_micro_batch = self._control.tokens


class Follower:
    """The observer of every other rank: silent, and at hand for what rank 0 does between two updates.

    ``carry_out`` is called for every action but the going on.
    """

    def __init__(self, trainer: Trainer, control: Control, carry_out: Callable[[Action, int], object]) -> None:
        self._trainer, self._control, self._carry_out = trainer, control, carry_out

    def boundary(self) -> None:
        self.follow()

    def record(self, record: StepRecord) -> None:
        """Rank 0 reports for all."""

    def checkpoint(self) -> None:
        self.follow()

    def evaluate(self) -> bool:
        return self.follow()

    def follow(self) -> bool:
        """Until rank 0 goes on; whether it leaves the loop.

        Raises:
            Dismissed: rank 0 has ended the attempt.
        """
        self._control.tokens = self._trainer.tokens_per_micro_batch
        while True:
            action, argument = self._control.listen()
            if action is Action.GO:
                self._trainer.tokens_per_micro_batch = self._control.tokens
                return bool(argument)
            self._carry_out(action, argument)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
