"""Memory: layers that keep less of it in training, and what to do where it ran out."""

from __future__ import annotations

import gc
import inspect
from typing import Any

import torch

from engine.config import ConfigError

# What torch says where it has no error of its own: on a CPU, and in the libraries beneath it on a GPU.
_MESSAGES = ("DefaultCPUAllocator", "CUBLAS_STATUS_ALLOC_FAILED", "CUDA error: out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or any(message in str(error) for message in _MESSAGES)


def release_memory() -> None:
    """Frees what an abandoned computation has left behind."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def enable_gradient_checkpointing(model: Any) -> None:
    """Gradient checkpointing (Chen et al. 2016, 1604.06174): the layers of a transformers model keep only their inputs,
    and the backward pass computes the rest again. The gradient is the same; dropout masks are drawn again as they were.

    It holds for training only, and is not part of the saved config. In the backward pass the model must have the
    attention that it had in the forward pass.

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
    # Both calls make frozen embeddings require a gradient, which only the reentrant kind needs.
    model.disable_input_require_grads()
