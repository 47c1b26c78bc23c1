"""Models that bring their own code, which may be written for another transformers and go wrong in silence."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_PROBE_TOKENS = 8


class UnreliableCodeError(Exception):
    """The code of a model gives weights or vectors that cannot be relied on; the message says which."""


def load_reliably(load: Callable[[], Any]) -> Any:
    """What ``load`` returns, an encoder in evaluation mode, if a second call gives the same one.

    transformers 5 builds a model without memory and then fills in the weights of its file: what the code of a model
    computes for itself, such as a table of positions that is not saved, is then whatever the memory held before. The
    first call gets such memory filled with NaN.

    Raises:
        UnreliableCodeError: a weight or buffer is uninitialised or differs between the calls, or vectors are not
            finite or differ.
    """
    with _filled_memory():
        network = load()
    tensors = _tensors(network)
    for name, tensor in tensors.items():
        if _is_filling(tensor):
            raise UnreliableCodeError(f"leaves {name} uninitialised")
    again = load()
    others = _tensors(again)
    for name, tensor in tensors.items():
        if name not in others or not torch.equal(tensor, others[name]):
            raise UnreliableCodeError(f"makes another {name} every time it is loaded")
    vectors = [_probe(network), _probe(network), _probe(again)]
    if not all(bool(torch.isfinite(hidden).all()) for hidden in vectors):
        raise UnreliableCodeError("gives vectors that are not finite")
    if not all(torch.allclose(vectors[0], hidden, rtol=1e-4, atol=1e-5) for hidden in vectors[1:]):
        raise UnreliableCodeError("gives other vectors of the same text every time")
    return network


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers, also those that are not saved."""
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


@contextmanager
def _filled_memory() -> Iterator[None]:
    """Inside, torch hands out memory filled with NaN, or with the largest integer."""
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of operations that have no deterministic algorithm
            yield
    finally:
        torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)


def _is_filling(tensor: Tensor) -> bool:
    if tensor.dtype.is_floating_point or tensor.dtype.is_complex:
        return bool(torch.isnan(tensor).any())
    if tensor.dtype == torch.bool or tensor.numel() == 0:
        return False  # True may be a real value; a second load mostly shows the difference
    return bool((tensor == torch.iinfo(tensor.dtype).max).all())


@torch.inference_mode()
def _probe(network: Any) -> Tensor:
    """Hidden states [1, L, D] of a few tokens."""
    rows = network.get_input_embeddings().weight.shape[0]
    ids = (torch.arange(2, 2 + _PROBE_TOKENS) % rows)[None]
    hidden: Tensor = network(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    return hidden
