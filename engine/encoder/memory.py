"""Telling that memory ran out from every other error."""

from __future__ import annotations

import gc

import torch


def is_out_of_memory(error: RuntimeError) -> bool:
    """On a GPU torch has an error of its own for it, on a CPU only a message."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def release_memory() -> None:
    """Gives back what an abandoned computation has left behind."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
