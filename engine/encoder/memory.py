"""Telling that memory ran out from every other error."""

from __future__ import annotations

import gc

import torch

# What torch says where it has no error of its own: on a CPU, and in the libraries beneath it on a GPU.
_MESSAGES = ("DefaultCPUAllocator", "CUBLAS_STATUS_ALLOC_FAILED", "CUDA error: out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or any(message in str(error) for message in _MESSAGES)


def release_memory() -> None:
    """Gives back what an abandoned computation has left behind."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
