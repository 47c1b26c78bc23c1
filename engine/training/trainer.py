"""One optimizer update, and all the state that updates change."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from engine.config import ConfigError, RunConfig
from engine.data.corpus import ParallelCorpus
from engine.encoder import DualEncoder
from engine.encoder.adapters import add_adapters, frozen_digest, merged
from engine.encoder.precision import substitution_note
from engine.progress import Tick
from engine.training.average import WeightAverage
from engine.training.backward import Backward
from engine.training.batches import BatchSource, Prefetcher
from engine.training.errors import NonFiniteError
from engine.training.flops import FlopCounter
from engine.training.loss import InfoNCE
from engine.training.micro_batches import limit_that_fits
from engine.training.optimizer import build_optimizer, clip_gradients, learning_rate
from engine.training.ranks import Alone, Processes
from engine.training.scaling import LossScaler
from engine.training.skipping import SkippedUpdates, floating
from engine.training.step_values import StepValues
from engine.training.streams import Mode
from engine.training.tokenized import TokenizedCorpus
from engine.training.validation import ValidationLoss


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one update did. ``loss`` and ``grad_norm`` may be NaN or infinite; nothing is raised for it.

    They and the temperature are still computed, on CUDA, when the record is made: reading one of them waits for the
    device unless ``has_arrived``.
    """

    step: int  # 1 for the first update
    mode: Mode
    lr: float
    masked: float  # masked in-batch negatives per row
    seconds: float  # the update, data wait included; on CUDA the time to enqueue it
    data_wait: float  # seconds of it spent waiting for the batch
    tokens: int  # of all ranks, without padding
    flops: float  # of this rank, as engine.training.flops counts them
    values: StepValues  # loss, gradient norm and temperature
    notes: tuple[str, ...] = ()  # what happened that a person should know, a line each

    def has_arrived(self) -> bool:
        return self.values.has_arrived()

    @property
    def loss(self) -> float:
        return self.values.loss

    @property
    def grad_norm(self) -> float:
        return self.values.grad_norm

    @property
    def temperature(self) -> float | None:
        return self.values.temperature


def trained_parameters(encoder: DualEncoder) -> list[tuple[str, nn.Parameter]]:
    """Those of the encoder's parameters that are not frozen, in a fixed order."""
    return [(name, parameter) for name, parameter in encoder.named_parameters() if parameter.requires_grad]


class Trainer:
    """Trains ``encoder`` in place.

    Update s is a function of the weights, the optimizer state and (seed, s) alone, so a trainer that takes up
    another's checkpoint goes on bit for bit (on a CPU with as many threads).

    Attributes:
        step: updates done.
        average: of the weights, where the config asks for one; else None.
        scaler: of the loss, where the model runs in float16; else None.
        skipped: the updates that were left out because a gradient was not finite.
        validation: the loss on groups that are held out, where there are such; set by who builds the trainer.
    """

    def __init__(
        self,
        config: RunConfig,
        encoder: DualEncoder,
        corpora: Sequence[ParallelCorpus | TokenizedCorpus],
        device: torch.device,
        *,
        ranks: Processes | None = None,
        tick: Tick | None = None,
    ) -> None:
        """Tokenises the corpora that are not yet, as ``tokenized_corpora``, which says what ``tick`` is called with.

        ``ranks``: the processes that share the batches; None: this one alone.

        Raises:
            ConfigError: no batch can be drawn from these corpora, or model or device cannot do what ``config.runtime``
                asks for; names the field.
        """
        self.config, self.device, self.step = config, device, 0
        self.encoder = encoder.to(device)
        self.encoder.precision = config.runtime.precision
        self.scaler = LossScaler(device) if self.encoder.autocast is torch.float16 else None
        self.encoder.matryoshka_dimensions = _matryoshka_dimensions(config, self.encoder.width)
        if config.lora.rank:
            add_adapters(self.encoder.model, config.lora, config.seed)
        if config.runtime.gradient_checkpointing:
            self.encoder.checkpoint_gradients()
        self.loss = InfoNCE(config.loss, is_normalized=self.encoder.is_normalized).to(device)
        self.skipped = SkippedUpdates(config.optimizer.max_nonfinite)
        self._flops = FlopCounter(self.encoder.model)
        self.validation: ValidationLoss | None = None
        self._finished: ExitStack | None = None  # undoes what ``finished`` did, while it lasts
        self.encoder.layout = config.runtime.layout
        reason = self.encoder.why_padded()
        self._notes: list[str] = []
        self._told_no_negatives = False
        if note := substitution_note(device, config.runtime.precision, self.encoder.autocast):
            self._notes.append(note)
        if reason is not None and config.runtime.layout == "auto":
            self._notes.append(f"sequences are padded to similar lengths, not packed: {reason}")
        if not self.encoder.is_normalized:
            self._notes.append(
                "this model compares vectors by their dot product as they are: the loss divides that by "
                f'loss.temperature = {config.loss.temperature:g} (1 is usual; model.similarity = "cosine" changes it)'
            )
        if config.runtime.compile:
            self.encoder.compile_model()
        ranks = ranks or Alone()
        source = BatchSource(config, corpora, encoder, ranks, tick)
        self.ranks = ranks.adopt(self.encoder)
        self.optimizer = build_optimizer(self.named_parameters(), config.optimizer)
        decay = config.optimizer.ema_decay
        self.average = WeightAverage(trained_parameters(self.encoder), decay) if decay else None
        self._backward = Backward(
            self.encoder, self.loss, self.ranks, config.seed, config.runtime.tokens_per_micro_batch, self.scaler
        )
        self._batches = Prefetcher(source)

    @property
    def tokens_per_micro_batch(self) -> int:
        """As the config has it, or less where memory ran out; dropout masks depend on it. 0: whole batches."""
        return self._backward.tokens

    @tokens_per_micro_batch.setter
    def tokens_per_micro_batch(self, tokens: int) -> None:
        self._backward.tokens = tokens

    @cached_property
    def frozen_digest(self) -> str:
        """SHA-256 of the weights beneath adapters, which never change."""
        return frozen_digest(self.encoder.model)

    def named_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """Everything the optimizer may change, in a fixed order."""
        return [*trained_parameters(self.encoder), *self.loss.named_parameters(prefix="loss")]

    def optimizer_state(self) -> dict[str, Tensor]:
        """AdamW's, by ``<state>/<parameter name>`` in a fixed order; empty before the first update."""
        state = self.optimizer.state
        return {
            f"{key}/{name}": value
            for name, parameter in self.named_parameters()
            for key, value in state.get(parameter, {}).items()
        }

    @contextmanager
    def finished(self) -> Iterator[DualEncoder]:
        """Inside, the encoder is as it is evaluated and saved: of averaged weights, where there is an average, and
        with its adapters merged. Nothing of it stays behind."""
        with self._weights(finished=True):
            yield self.encoder

    @contextmanager
    def unfinished(self) -> Iterator[None]:
        """Inside, the encoder is as it is trained, also within ``finished``, where a pause may want to save."""
        with self._weights(finished=False):
            yield

    @contextmanager
    def _weights(self, *, finished: bool) -> Iterator[None]:
        former = self._finished is not None
        self._switch(finished)
        try:
            yield
        finally:
            self._switch(former)

    def _switch(self, finished: bool) -> None:
        if finished and self._finished is None:
            self._finished = ExitStack()
            if self.average is not None:
                self._finished.enter_context(self.average.in_place())
            self._finished.enter_context(merged(self.encoder.model))
        elif not finished and self._finished is not None:
            self._finished.close()
            self._finished = None

    def fit_into_memory(self) -> None:
        """Before the first update: makes micro-batches so small that the largest batch of the plan can be computed.

        Where there are several ranks each does so for itself; with the first exchange all take the least.

        Raises:
            ConfigError: it does not fit, however small they are.
        """
        rows = self._batches.largest(self.config.optimizer.max_steps).rows
        trained = [parameter for _, parameter in self.named_parameters()]
        limit = limit_that_fits(self.encoder, rows, self.tokens_per_micro_batch, trained)
        if limit != self.tokens_per_micro_batch:
            self.tokens_per_micro_batch = limit
            self._notes.append(
                f"the largest batch, of {len(rows.ids):,} tokens, does not fit into memory at once: batches are "
                f"computed in micro-batches of at most {limit:,} tokens (runtime.tokens_per_micro_batch)"
            )

    def update(self) -> StepRecord:
        """The next update. One that is left out, because a gradient is not finite, is a step too."""
        start = time.perf_counter()
        batch = self._batches.get(self.step)
        data_wait = time.perf_counter() - start

        self.encoder.train()
        self.optimizer.zero_grad()
        loss = self._backward(batch, self.step)
        parameters = [parameter for _, parameter in self.named_parameters()]
        if self.scaler is not None:
            self.scaler.unscale(parameters)
        norm = clip_gradients(parameters, self.config.optimizer.clip, self.ranks.norm)

        if not batch.has_negatives and not self._told_no_negatives:
            self._told_no_negatives = True
            self._notes.append(
                f"every negative of the batch of step {self.step + 1:,} is masked: its loss is 0 and nothing is learnt "
                "from it (the passages of its source are all translations of each other, or the same)"
            )
        self.step += 1
        lr = learning_rate(self.step, self.config.optimizer)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        skipped = self.skipped.step(self.optimizer, norm, self.scaler)
        self.loss.keep_in_range()
        if self.average is not None:
            self.average.update(self.step, skipped)
        values = StepValues.of(
            loss,
            norm,
            temperature=self.loss.learned_temperature(),
            scale=None if self.scaler is None else self.scaler.factor,
        )
        self.skipped.append(self.step, values)
        return StepRecord(
            step=self.step,
            mode=batch.mode,
            lr=lr,
            masked=float(batch.mask.sum() / len(batch.mask)),
            seconds=time.perf_counter() - start,
            data_wait=data_wait,
            tokens=batch.tokens,
            flops=self._flops(batch.rows.lengths),
            values=values,
            notes=self._take_notes(),
        )

    def _take_notes(self) -> tuple[str, ...]:
        notes, self._notes = self._notes, []
        return (*notes, *self._backward.take_notes(), *self.skipped.take_notes())

    def is_finite(self) -> bool:
        """Whether no weight, nor one of the average, is infinite or NaN; waits for the device."""
        averaged = () if self.average is None else self.average.tensors.values()
        numbers = [*self.encoder.parameters(), *self.loss.parameters(), *averaged]
        return bool(self.ranks.norm(floating(numbers), math.inf).isfinite())

    def check(self, *, weights: bool) -> None:
        """Asked between updates; with ``weights`` it waits for the device, to look at these too.

        Of several ranks the first one decides for all, which have the same gradients and weights: another one may hear
        of it an update earlier, and would leave without the reason in the run's log.

        Raises:
            NonFiniteError: on the first rank: too many updates in a row were left out, or a weight is not finite.
        """
        # NaN weights, once there, make every gradient NaN: at the first one they are looked at, before many follow.
        # Shards are looked at by all ranks together, and each may hear of it at another step.
        decides = self.ranks.rank == 0
        began = decides and self.skipped.began() and not self.ranks.is_sharded
        if (weights or began) and not self.is_finite() and decides:
            raise NonFiniteError(f"optimizer: some weights are infinite or NaN after step {self.step:,}")
        if decides:
            self.skipped.check(wait=weights)

    def close(self) -> None:
        """Ends the thread that assembles batches; the trainer can still be saved."""
        self._batches.close()


def _matryoshka_dimensions(config: RunConfig, width: int) -> tuple[int, ...]:
    """All the widths that are trained, the largest first; empty without Matryoshka dimensions."""
    wanted = config.loss.matryoshka_dimensions
    if wanted and max(wanted) > width:
        raise ConfigError(f"loss.matryoshka_dimensions: {max(wanted)}, but this model's vectors have {width}")
    return tuple(sorted({*wanted, width}, reverse=True)) if wanted else ()
