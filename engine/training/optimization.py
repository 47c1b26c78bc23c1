"""AdamW, its learning rate at every update, and gradient clipping."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from engine.config import OptimizerConfig

_BETA1 = 0.9


def build_optimizer(parameters: Iterable[tuple[str, nn.Parameter]], config: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) in one fused kernel; matrices and embeddings decay, vectors and scalars
    (biases, LayerNorm, the temperature) do not."""
    named = [(name, parameter) for name, parameter in parameters if parameter.requires_grad]
    groups = [
        {"params": [parameter for _, parameter in named if parameter.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [parameter for _, parameter in named if parameter.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(_BETA1, config.beta2), fused=True)


def learning_rate(step: int, config: OptimizerConfig) -> float:
    """The rate of update ``step`` = 1, 2, ..., max_steps.

    Linear warm-up reaches the peak at ``warmup_steps``; the decay starts from the peak at the update after, and
    would reach 0 one update after the last: no update is spent on a rate of 0.
    """
    if step <= config.warmup_steps:
        return config.learning_rate * step / config.warmup_steps
    done = (step - 1 - config.warmup_steps) / (config.max_steps - config.warmup_steps)
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "linear":
        return config.learning_rate * (1 - done)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def clip_gradients(parameters: Iterable[nn.Parameter], limit: float) -> Tensor:
    """Scales all gradients down to a global norm of ``limit`` (0: leaves them); returns the norm before, a scalar."""
    return nn.utils.clip_grad_norm_(parameters, limit or math.inf)
