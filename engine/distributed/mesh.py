"""The ranks of one run as processes of torch.distributed: gloo on the CPU, NCCL on CUDA.

Two ways to share the work, both of torch:

- replicate (DistributedDataParallel): every rank has all weights, and sums its gradients while they are computed.
- shard (FSDP2's ``fully_shard``, by layer): every rank has 1 / W of weights, gradients and optimizer state, and gets a
  layer's weights from the others when it needs them.

Gradients are summed, not averaged: every rank computes the loss of the whole batch.

Shapes: W ranks, n vectors of one rank, D width.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from engine.config import ConfigError
from engine.distributed.control import Action, Control, gathered, lost_ranks
from engine.encoder import DualEncoder, TokenRows
from engine.encoder.static import StaticEmbedding
from engine.training.ranks import Alone, Parts, RankGroup

Parallel = Literal["auto", "replicate", "shard"]

_STEP_TIMEOUT = timedelta(minutes=10)  # longer than any rank compiles
# Between two calls rank 0 may save, rank candidates or wait for a person. A rank that dies closes its connections, and
# engine.distributed.control notices a machine that vanishes.
_HOST_TIMEOUT = timedelta(days=365)
_BYTES_PER_PARAMETER = 16  # float32: weight, gradient and AdamW's two moments
_BYTES_PER_FROZEN = 4
_POLL_SECONDS = 0.02
_MEMORY_SHARE = 0.6  # of a device that they may take; what is computed needs the rest


class Mesh:
    """The ranks as they meet, an engine.training.ranks.Processes; one for each process, until ``close``.

    Attributes:
        control: between rank 0, which decides, and the others.
        hosts: the same processes for calls without a device and without a timeout.
        sharing: the encoder that was adopted last.
        is_in_step: whether all ranks have built their trainers; from then on the others listen between two updates.
    """

    sharing: Replicated | Sharded

    def __init__(self, device: torch.device, parallel: Parallel = "replicate") -> None:
        """Meets the other ranks, as torchrun's variables RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say.

        ``parallel``: "auto" shards where a device has no room for the model and what training it takes.

        Raises:
            RankLost: they do not come.
        """
        self._device, self._parallel = device, parallel
        with lost_ranks():
            if device.type == "cuda":
                torch.cuda.set_device(device)
                # Bound to the device, so that NCCL takes its memory now, not amid the first batch.
                dist.init_process_group("nccl", timeout=_STEP_TIMEOUT, device_id=device)
            else:
                dist.init_process_group("gloo", timeout=_STEP_TIMEOUT)
            self.hosts = dist.new_group(backend="gloo", timeout=_HOST_TIMEOUT)
        self.rank: int = dist.get_rank()
        self.world: int = dist.get_world_size()
        self.control = Control(self.hosts)
        self.is_in_step = False
        self._meanwhile: Callable[[], object] | None = None
        self._start: Path | None = None

    def adopt(self, encoder: DualEncoder) -> RankGroup:
        """
        Raises:
            ConfigError: the ranks have loaded different models.
            RankLost: another one has ended.
        """
        if self._meanwhile is not None:
            self.control.tell(Action.BUILD)
            self.control.send(self._start)
        self._meet()
        with lost_ranks():
            self._compare(encoder)
            self.sharing = (Sharded if self._shards(encoder) else Replicated)(self, encoder)
        return self.sharing

    def lead(self, checkpoint: Path | None, meanwhile: Callable[[], object]) -> None:
        """Rank 0: in ``adopt`` it has the others build what it has built, whose caches they find, and waits for them.

        ``meanwhile`` is called while they are at it, and may raise to abandon the run.
        """
        self._start, self._meanwhile = checkpoint, meanwhile

    def most(self, number: int) -> int:
        """The largest number that any rank has, on the host."""
        most = torch.tensor(number)
        with lost_ranks():
            dist.all_reduce(most, dist.ReduceOp.MAX, group=self.hosts)
        return int(most)

    def dismiss(self) -> None:
        """Rank 0: the others leave too."""
        self.control.tell(Action.LEAVE)
        self.close()

    def close(self) -> None:
        dist.destroy_process_group()

    def _meet(self) -> None:
        with lost_ranks():
            met: dist.Work = dist.barrier(group=self.hosts, async_op=True)
        while self._meanwhile is not None and not met.is_completed():
            self._meanwhile()
            time.sleep(_POLL_SECONDS)
        with lost_ranks():
            met.wait()
        self.is_in_step = True

    def _compare(self, encoder: DualEncoder) -> None:
        """Each rank has loaded the model by itself, and "main" of a hub may have moved on in between."""
        digest = "".join(encoder.digests().values())
        own = torch.tensor(list(bytes.fromhex(digest)), dtype=torch.uint8)
        everyone = gathered(own, self.hosts)
        others = [rank for rank in range(self.world) if not torch.equal(everyone[rank], everyone[0])]
        if others:
            ranks = f"rank {others[0]} has" if len(others) == 1 else f"ranks {', '.join(map(str, others))} have"
            raise ConfigError(
                f"model.name: {ranks} loaded other weights or another tokenizer than rank 0: give the commit as "
                "model.revision, or a folder that all machines see"
            )

    def _shards(self, encoder: DualEncoder) -> bool:
        if self._parallel != "auto":
            return self._parallel == "shard"
        least = -self.most(-memory_of(self._device))
        return _why_whole(encoder) is None and state_bytes(encoder) > _MEMORY_SHARE * least


def state_bytes(encoder: DualEncoder) -> int:
    """What weights, gradients and AdamW's moments take, where every rank has them whole."""
    sizes = {True: _BYTES_PER_PARAMETER, False: _BYTES_PER_FROZEN}
    return sum(parameter.numel() * sizes[parameter.requires_grad] for parameter in encoder.parameters())


def _why_whole(encoder: DualEncoder) -> str | None:
    """What of the model or its device does not go with shards; None: nothing."""
    if encoder.autocast is torch.float16:
        return "float16, all that this GPU has beside float32: set runtime.precision"
    return "static embeddings" if isinstance(encoder.model, StaticEmbedding) else None


def memory_of(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


class _Shared(Alone):
    """An encoder and the ranks that share it."""

    def __init__(self, mesh: Mesh, encoder: DualEncoder) -> None:
        self._mesh, self._encoder = mesh, encoder
        self.rank, self.world = mesh.rank, mesh.world

    def gather(self, vectors: Tensor) -> Tensor:
        return gathered(vectors.detach().contiguous())


class Replicated(_Shared):
    """DistributedDataParallel around ``DualEncoder.embed``.

    It lays its buckets out anew after the first backward pass of a process. So that a resumed process sums in the
    buckets of one that never stopped, bit for bit, the first backward pass is one of a loss of zero.
    """

    def __init__(self, mesh: Mesh, encoder: DualEncoder) -> None:
        super().__init__(mesh, encoder)
        rows = encoder.tokenize(["a b c", "a b c d e f"], kind="query")
        encoder.train()
        _zero_loss(encoder, encoder.embed(rows))
        unused = any(p.requires_grad and p.grad is None for p in encoder.parameters())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch 2.13 has another name for the second argument
            self._replica = DistributedDataParallel(
                encoder,
                broadcast_buffers=False,
                init_sync=False,  # they are equal: they were compared
                gradient_as_bucket_view=True,  # or there would be a second gradient in memory
                find_unused_parameters=unused,  # Longformer's global attention, for example, never has a gradient
            )
        self._replica.register_comm_hook(None, _summed)
        _zero_loss(encoder, self._replica(rows))
        encoder.zero_grad()

    def embed(self, rows: TokenRows) -> Tensor:
        vectors: Tensor = self._replica(rows)
        return vectors

    @contextmanager
    def summing(self, *, last: bool) -> Iterator[None]:
        with lost_ranks(), nullcontext() if last else self._replica.no_sync():
            yield


def _zero_loss(encoder: DualEncoder, vectors: Tensor) -> None:
    with encoder.recomputing():
        (vectors.sum() * 0.0).backward()  # type: ignore[no-untyped-call]


def _summed(state, bucket):  # type: ignore[no-untyped-def]  # torch takes no annotations of ours
    """A communication hook: without one DistributedDataParallel would divide by W."""
    work = dist.all_reduce(bucket.buffer(), async_op=True)
    return work.get_future().then(lambda summed: summed.value()[0])


class Sharded(_Shared):
    """``fully_shard`` for each layer, and for what is left of the model."""

    is_sharded = True

    def __init__(self, mesh: Mesh, encoder: DualEncoder) -> None:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

        if reason := _why_whole(encoder):
            raise ConfigError(f'runtime.parallel: "shard" does not go with {reason}')
        super().__init__(mesh, encoder)
        encoder.is_sharded = True
        # Compute in bfloat16 where autocast does; sums are float32 always.
        policy = MixedPrecisionPolicy(param_dtype=encoder.autocast, reduce_dtype=torch.float32)
        if encoder.device.type == "cpu":
            policy = MixedPrecisionPolicy()
        devices = init_device_mesh(encoder.device.type, (self.world,))
        parts = [*_layers(encoder.model), encoder.model]
        if any(True for _ in encoder.head.parameters()):
            parts.append(encoder.head)
        for part in parts:
            # The whole model's own part too: between two calls the encoder's parameters are those of the optimizer.
            fully_shard(part, mesh=devices, mp_policy=policy, reshard_after_forward=True)
            assert isinstance(part, FSDPModule)
            part.set_gradient_divide_factor(1.0)
            part.set_force_sum_reduction_for_comms(True)  # the scaled sum is NCCL's alone

    def summing(self, *, last: bool) -> AbstractContextManager[None]:
        """Each part's gradient is summed at once: until the last one it would lie whole on every rank."""
        return lost_ranks()

    def evened(self, parts: Parts, rows: TokenRows) -> Parts:
        """Every call of a layer is one of all ranks, so that each must make as many."""
        lengths, parts = rows.lengths, list(parts)
        for _ in range(self._mesh.most(len(parts)) - len(parts)):
            largest = max((index for index, part in enumerate(parts) if len(part) > 1),
                          key=lambda index: int(lengths[parts[index]].sum()))  # fmt: skip
            parts[largest : largest + 1] = np.array_split(parts[largest], 2)
        return parts

    @lost_ranks()
    def norm(self, tensors: Sequence[Tensor], kind: float = 2.0) -> Tensor:
        from torch.distributed.tensor import DTensor

        shards = [tensor for tensor in tensors if isinstance(tensor, DTensor)]
        others = [tensor for tensor in tensors if not isinstance(tensor, DTensor)]
        norms = [super().norm(others, kind)] if others else []
        if shards:
            total: Any = super().norm(shards, kind)
            norms.append(total.full_tensor())
        norm: Tensor = torch.linalg.vector_norm(torch.stack(norms), kind)
        return norm

    @contextmanager
    def whole(self, encoder: DualEncoder) -> Iterator[None]:
        self._call_the_others(Action.WEIGHTS)
        places = [
            (module, name, shard)
            for module in encoder.modules()
            for name, shard in module._parameters.items()
            if shard is not None
        ]
        tensors = self._gathered_on_the_first(shard for _, _, shard in places)
        try:
            for (module, name, shard), tensor in zip(places, tensors, strict=False):  # none but on rank 0
                module._parameters[name] = nn.Parameter(tensor, requires_grad=shard.requires_grad)
            yield
        finally:
            for module, name, shard in places:
                module._parameters[name] = shard

    def part(self, tensor: Tensor, parameter: Tensor) -> Tensor:
        from torch.distributed.tensor import DTensor, distribute_tensor

        own = tensor.detach().to(parameter.device)
        if not isinstance(parameter, DTensor) or tensor.shape != parameter.shape:
            return own
        return distribute_tensor(own, parameter.device_mesh, parameter.placements, src_data_rank=None)

    def whole_tensors(self, tensors: Iterable[Tensor]) -> list[Tensor]:
        self._call_the_others(Action.OPTIMIZER)
        return self._gathered_on_the_first(tensors)

    def load(self, checkpoint: Path) -> None:
        self._mesh.control.tell(Action.LOAD)
        self._mesh.control.send(checkpoint)

    def _call_the_others(self, action: Action) -> None:
        if self.rank == 0:
            self._mesh.control.tell(action)

    @lost_ranks()
    def _gathered_on_the_first(self, tensors: Iterable[Tensor]) -> list[Tensor]:
        """On the host of rank 0, one after the other; nothing on the others."""
        from torch.distributed.tensor import DTensor

        kept = []
        for tensor in tensors:
            full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
            if self.rank == 0:
                kept.append(full.detach().cpu())
        return kept


def _layers(model: nn.Module) -> list[nn.Module]:
    """The layers of a transformers model, where it has them in one list; else none."""
    count = getattr(model.config, "num_hidden_layers", None)
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return list(module)
    return []
