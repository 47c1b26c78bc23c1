"""Every rank but the first: builds what rank 0 has built, then does as it says.

It writes nothing in the run's folder; what it prints goes to worker.log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from engine.config import RunConfig
from engine.distributed.encoding import encode_part
from engine.distributed.ranks import Order, TorchRanks
from engine.training.checkpoint import load_checkpoint
from engine.training.trainer import Trainer
from engine.worker.loading import build_trainer, load_corpora, set_up_torch


def follow(config: RunConfig, device: str, processes: int) -> None:
    """Takes part in one attempt at a run, until rank 0 lets go.

    Raises:
        RankLost: another rank ended or fell silent.
    """
    set_up_torch(config.runtime, processes)
    ranks = TorchRanks(torch.device(device))
    order, checkpoint = ranks.take()
    if order is Order.BUILD:
        trainer = _build(config, torch.device(device), ranks, checkpoint)
        try:
            ranks.meet().wait()
            _serve(trainer, ranks)
        finally:
            trainer.close()
    ranks.close()


def _build(config: RunConfig, device: torch.device, ranks: TorchRanks, checkpoint: Path | None) -> Trainer:
    corpora = load_corpora(config, _quiet)
    trainer = build_trainer(config, corpora, device, _quiet, ranks, checkpoint)
    if checkpoint is not None:
        load_checkpoint(trainer, checkpoint, checked=True)
    return trainer


def _serve(trainer: Trainer, ranks: TorchRanks) -> None:
    while True:
        order, payload = ranks.take()
        if order is Order.UPDATE:
            trainer.update()
        elif order is Order.ENCODE:
            with trainer.finished() as encoder:
                encode_part(encoder, ranks, payload)
        else:
            return


def _quiet(*_: Any) -> None:
    """Rank 0 reports progress for all."""
