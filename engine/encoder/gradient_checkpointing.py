"""Gradient checkpointing (Chen et al. 2016, 1604.06174): the layers of a transformers model keep their inputs alone,
and the backward pass computes the rest anew. The gradient is the same; dropout masks are drawn again as they were.
"""

from __future__ import annotations

import inspect
from typing import Any

from engine.config import ConfigError


def enable_gradient_checkpointing(model: Any) -> None:
    """In training, from here on; in evaluation, and in the config that is saved, nothing changes.

    The backward pass has to find the model with the attention that the forward pass had.

    Raises:
        ConfigError: this model cannot.
    """
    kind = type(model).__name__
    if not getattr(model, "supports_gradient_checkpointing", False):
        raise ConfigError(f"runtime.gradient_checkpointing: {kind} does not support it; set it to false")
    if "value" in inspect.signature(model._set_gradient_checkpointing).parameters:
        # transformers would let such code choose how, and it may lose the gradient beneath frozen embeddings.
        raise ConfigError(
            f"runtime.gradient_checkpointing: {kind} supports it only as transformers before 4.35 did; set it to false"
        )
    options = {"use_reentrant": False}
    try:
        if hasattr(model, "activation_checkpointing_enable"):  # its name since transformers 5.23
            model.activation_checkpointing_enable(activation_checkpointing_kwargs=options)
        else:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=options)
    except ValueError:
        raise ConfigError(f"runtime.gradient_checkpointing: {kind} does not support it; set it to false") from None
    # They make frozen embeddings require a gradient, which only the reentrant kind needs.
    model.disable_input_require_grads()
