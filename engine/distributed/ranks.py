"""The ranks of one run as processes of torch.distributed: gloo on the CPU, NCCL on CUDA.

Groups of the same processes: those for data, tensors on the device or numbers on the host, have a timeout, since
their calls are made by all ranks within one step. The one for orders has none worth the name: between two orders
rank 0 may save, rank candidates or wait for a person, and the parts of an evaluation take as long as they take. A rank
that dies meanwhile is noticed by its agent, and a machine that vanishes by the others' (engine.distributed.heartbeat).

Gradients are summed in buckets laid out in the order of the parameters, after the local backward pass, and not by
DistributedDataParallel, for three reasons. It lays its buckets out anew after the first backward pass of a process,
so that with three or more ranks a resumed run would round its sums otherwise than one that never stopped. A rank that
runs out of memory in its backward pass could not repeat it, since parts of its gradient would be with the others. And
its overlap has little to hide here: two thirds of the gradient of a multilingual encoder are its embedding matrix,
which is ready last.

Shapes: W ranks, n vectors of one rank, D width.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor, nn

from engine.distributed.errors import RankLost

_DATA_TIMEOUT = timedelta(minutes=10)  # longer than any rank compiles
_ORDER_TIMEOUT = timedelta(days=365)
_BUCKET_BYTES = 32 << 20  # large enough for the bandwidth of NVLink
_BUCKETS_UNDER_WAY = 4  # few enough to be no second gradient in memory


class Order(IntEnum):
    """What rank 0 has the others do."""

    LEAVE = 0
    BUILD = 1  # corpora, encoder, trainer; with the checkpoint to load
    UPDATE = 2
    ENCODE = 3  # their part of token rows


class TorchRanks:
    """Implements engine.training.ranks.Ranks; one for each process, until ``close``.

    Attributes:
        astray: a call was abandoned half way, so that the ranks no longer agree on what comes next.
    """

    def __init__(self, device: torch.device) -> None:
        """Meets the other ranks, as torchrun's variables RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say.

        Raises:
            RankLost: they do not come.
        """
        if device.type == "cuda":
            torch.cuda.set_device(device)
        with _together():
            if device.type == "cuda":  # bound to it, so that NCCL takes its memory now, not amid the first batch
                dist.init_process_group("nccl", timeout=_DATA_TIMEOUT, device_id=device)
            else:
                dist.init_process_group("gloo", timeout=_DATA_TIMEOUT)
            self._orders = dist.new_group(backend="gloo", timeout=_ORDER_TIMEOUT)
            self._hosts = dist.new_group(backend="gloo", timeout=_DATA_TIMEOUT) if device.type == "cuda" else None
        self.rank: int = dist.get_rank()
        self.world: int = dist.get_world_size()
        self.astray = False

    def gather(self, vectors: Tensor) -> Tensor:
        own = vectors.detach().contiguous()
        everyone = own.new_empty((self.world, *own.shape))
        with _together():
            dist.all_gather(list(everyone.unbind()), own)
        return everyone

    def exchange(self, number: int) -> list[int]:
        own = torch.tensor(number)
        everyone = torch.empty(self.world, dtype=own.dtype)
        with _together():
            dist.all_gather(list(everyone.unbind()), own, group=self._hosts)
        return everyone.tolist()

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        pending: deque[_Sum] = deque()
        with _together():
            for bucket in _buckets(gradients):
                pending.append(_Sum(bucket))
                if len(pending) == _BUCKETS_UNDER_WAY:
                    pending.popleft().finish()
            for started in pending:
                started.finish()

    def lead_update(self) -> None:
        if self.rank == 0:
            self.give(Order.UPDATE)

    def give(self, order: Order, payload: Any = None) -> None:
        """Rank 0: what the others, who wait in ``take``, do next. Updates carry no payload."""
        with _together():
            dist.broadcast(torch.tensor(order.value), src=0, group=self._orders)
            if order in (Order.BUILD, Order.ENCODE):
                dist.broadcast_object_list([payload], src=0, group=self._orders)

    def take(self) -> tuple[Order, Any]:
        """The others: waits for the next order of rank 0."""
        with _together():
            number = torch.tensor(0)
            dist.broadcast(number, src=0, group=self._orders)
            order, payload = Order(int(number)), [None]
            if order in (Order.BUILD, Order.ENCODE):
                dist.broadcast_object_list(payload, src=0, group=self._orders)
        return order, payload[0]

    def meet(self) -> dist.Work:
        """Ends, when waited for, once every rank has called this."""
        with _together():
            met: dist.Work = dist.barrier(group=self._orders, async_op=True)
            return met

    def sum_at_first(self, vectors: npt.NDArray[np.float32]) -> None:
        """Replaces [n, D] on rank 0 by the sum over the ranks; what the others then hold means nothing."""
        with _together():
            dist.reduce(torch.from_numpy(vectors), dst=0, group=self._orders)

    def close(self) -> None:
        dist.destroy_process_group()


@contextmanager
def _together() -> Iterator[None]:
    """A call of all ranks; that one of them is gone is an error of the transport, of no type of its own."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise RankLost(" ".join(str(error).split())) from error


def _buckets(gradients: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Gradients in their order, as many together as fit into a bucket; a larger one alone."""
    bucket: list[Tensor] = []
    size = 0
    for gradient in gradients:
        added = gradient.numel() * gradient.element_size()
        if bucket and (size + added > _BUCKET_BYTES or gradient.dtype != bucket[0].dtype):
            yield bucket
            bucket, size = [], 0
        bucket.append(gradient)
        size += added
    if bucket:
        yield bucket


class _Sum:
    """The sum of a bucket over the ranks, under way: of one gradient in its place, of several in a flat copy."""

    def __init__(self, bucket: list[Tensor]) -> None:
        self._bucket = bucket
        self._in_place = len(bucket) == 1 and bucket[0].is_contiguous()
        self._flat = bucket[0] if self._in_place else torch.cat([gradient.reshape(-1) for gradient in bucket])
        self._work = dist.all_reduce(self._flat, async_op=True)

    def finish(self) -> None:
        self._work.wait()
        if not self._in_place:
            parts = torch.split(self._flat, [gradient.numel() for gradient in self._bucket])
            torch._foreach_copy_(self._bucket, [p.view_as(g) for p, g in zip(parts, self._bucket, strict=True)])
