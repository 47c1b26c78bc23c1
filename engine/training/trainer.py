"""One optimizer update, and all the state that updates change."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.config import RunConfig
from engine.data.corpus import ParallelCorpus
from engine.encoder import DualEncoder
from engine.training.backward import Backward
from engine.training.batches import BatchSource, Prefetcher, Tick
from engine.training.loss import InfoNCE
from engine.training.optimization import build_optimizer, clip_gradients, learning_rate
from engine.training.ranks import Alone, Ranks
from engine.training.streams import Mode


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one update did. ``loss`` and ``grad_norm`` may be NaN or infinite; nothing is raised for it."""

    step: int  # 1 for the first update
    mode: Mode
    lr: float
    masked: float  # masked in-batch negatives per row
    seconds: float  # the update, data wait included; on CUDA the time to enqueue it
    data_wait: float  # seconds of it spent waiting for the batch
    tokens: int  # of this rank, without padding
    device_loss: Tensor
    device_grad_norm: Tensor

    @property
    def loss(self) -> float:
        """Waits for the device on CUDA: read it when it is reported, not between updates."""
        return float(self.device_loss)

    @property
    def grad_norm(self) -> float:
        """Global norm before clipping; waits for the device like ``loss``."""
        return float(self.device_grad_norm)


class Trainer:
    """Trains ``encoder`` in place.

    Update s is a function of the weights, the optimizer state and (seed, s) alone, so a trainer that takes up
    another's checkpoint goes on bit for bit (on a CPU with as many threads).

    Attributes:
        step: updates done.
    """

    def __init__(
        self,
        config: RunConfig,
        encoder: DualEncoder,
        corpora: Sequence[ParallelCorpus],
        device: torch.device,
        *,
        ranks: Ranks | None = None,
        tick: Tick | None = None,
    ) -> None:
        """Tokenises the corpora; ``tick(done, total)`` counts texts and may raise to abandon.

        ``ranks``: the processes that share the batches; None: this one alone.

        Raises:
            ConfigError: no batch can be drawn from these corpora; names the field.
        """
        self.config, self.device, self.step = config, device, 0
        self.encoder = encoder.to(device)
        self.encoder.precision = config.runtime.precision
        self.loss = InfoNCE(config.loss).to(device)
        self.optimizer = build_optimizer(self.named_parameters(), config.optimizer)
        self.ranks = ranks or Alone()
        self._backward = Backward(self.encoder, self.loss, self.ranks, config.seed)
        self._batches = Prefetcher(BatchSource(config, corpora, encoder, self.ranks, tick))

    def named_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """Everything the optimizer may change, in a fixed order."""
        return [*self.encoder.named_parameters(), *self.loss.named_parameters(prefix="loss")]

    def update(self) -> StepRecord:
        """The next update."""
        start = time.perf_counter()
        self.ranks.lead_update()
        batch = self._batches.get(self.step)
        data_wait = time.perf_counter() - start

        self.encoder.train()
        self.optimizer.zero_grad()
        loss = self._backward(batch, self.step)
        norm = clip_gradients([parameter for _, parameter in self.named_parameters()], self.config.optimizer.clip)

        self.step += 1
        lr = learning_rate(self.step, self.config.optimizer)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        return StepRecord(
            step=self.step,
            mode=batch.mode,
            lr=lr,
            masked=float(batch.mask.sum() / len(batch.mask)),
            seconds=time.perf_counter() - start,
            data_wait=data_wait,
            tokens=len(batch.rows.ids),
            device_loss=loss,
            device_grad_norm=norm.detach(),
        )

    def close(self) -> None:
        """Ends the thread that assembles batches; the trainer can still be saved."""
        self._batches.close()
