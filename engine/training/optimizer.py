"""AdamW, its learning rate at every update, and gradient clipping."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from engine.config import ConfigError, OptimizerConfig
from engine.encoder.memory import is_out_of_memory, release_memory
from engine.training.micro_batches import no_memory_for_moments

_BETA1 = 0.9


def build_optimizer(parameters: Iterable[tuple[str, nn.Parameter]], config: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) in one fused kernel; matrices and embeddings decay, vectors and scalars
    (biases, LayerNorm, the temperature) do not.

    Scalars are a group of their own: where the model is sharded they are whole on every rank, and one kernel takes only
    tensors of one kind.
    """
    named = [(name, parameter) for name, parameter in parameters if parameter.requires_grad]
    groups = [
        {"params": [parameter for _, parameter in named if parameter.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [parameter for _, parameter in named if parameter.ndim == 1], "weight_decay": 0.0},
        {"params": [parameter for _, parameter in named if parameter.ndim == 0], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(_BETA1, config.beta2), fused=True)


def learning_rate(step: int, config: OptimizerConfig) -> float:
    """The rate of update ``step`` = 1, 2, ..., max_steps.

    Linear warm-up reaches the peak at ``warmup_steps``; a decay starts from the peak, and would reach 0 one update
    after the last: no update is spent on a rate of 0. "wsd" keeps the peak until the last ``decay_share`` of the
    updates (Hu et al. 2024, 2404.06395); "inverse_sqrt" falls as the inverse square root of the step from the end of
    warm-up (Vaswani et al. 2017) and knows no last update.
    """
    if step <= config.warmup_steps:
        return config.learning_rate * step / config.warmup_steps
    done = (step - 1 - config.warmup_steps) / (config.max_steps - config.warmup_steps)
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "inverse_sqrt":
        peak_step = max(1, config.warmup_steps)
        return config.learning_rate * math.sqrt(peak_step / max(peak_step, step))
    if config.schedule == "wsd":
        decay = min(max(1, round(config.decay_share * config.max_steps)), config.max_steps - config.warmup_steps)
        return config.learning_rate * min(1.0, (config.max_steps - step + 1) / decay)
    if config.schedule == "linear":
        return config.learning_rate * (1 - done)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def update_weights(optimizer: torch.optim.Optimizer) -> None:
    """``optimizer.step()``. The first one makes the moments: where memory runs out for them it is tried once more.

    Raises:
        ConfigError: there is no memory for the moments.
    """
    if optimizer.state:
        optimizer.step()
        return
    try:
        optimizer.step()
        return
    except RuntimeError as error:
        # A group of parameters that has moments is updated before those of the next one are made.
        if not is_out_of_memory(error) or any(state["step"] > 0 for state in optimizer.state.values()):
            raise
    optimizer.state.clear()  # some have moments, one perhaps half of them
    release_memory()
    try:
        optimizer.step()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        raise ConfigError(no_memory_for_moments(parameters)) from error


def clip_gradients(
    parameters: Sequence[nn.Parameter],
    limit: float,
    norm_of: Callable[[Sequence[Tensor]], Tensor] = nn.utils.get_total_norm,
) -> Tensor:
    """Scales all gradients down to a global norm of ``limit`` (0: leaves them); returns the norm before, a scalar.

    Where that norm is not finite, gradients that were scaled mean nothing.
    """
    norm = norm_of([parameter.grad for parameter in parameters if parameter.grad is not None])
    if limit:
        # Scalars apart, as in build_optimizer.
        for group in ([p for p in parameters if p.ndim], [p for p in parameters if not p.ndim]):
            nn.utils.clip_grads_with_norm_(group, limit, norm)
    return norm
