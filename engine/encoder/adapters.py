"""Low-rank adapters (LoRA, Hu et al. 2021, 2106.09685) in the linear layers of an encoder, through peft.

The adapters stand in place of the layers they adapt. ``merged`` puts plain layers with the merged weights there for a
while: inside it the encoder is an ordinary transformers model, which is what is evaluated and saved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from engine.config import ConfigError, LoraConfig

_ADAPTER = "default"  # peft's name for the only one


def add_adapters(model: nn.Module, config: LoraConfig, seed: int) -> None:
    """Adapts ``model`` in place: all its weights are frozen, and only the adapters' are trained from here on.

    ``seed``: of the adapters' initial weights; their product is zero, so that the vectors are unchanged at first.

    Raises:
        ConfigError: peft is not installed, or no layer has one of the names in ``config.targets``.
    """
    try:
        import peft
    except ImportError:
        raise ConfigError("lora.rank: needs the extra 'lora': pip install 'hybrid-tui[lora]'") from None
    lora = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=list(config.targets) or "all-linear",
    )
    model.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            peft.inject_adapter_in_model(lora, model, _ADAPTER)
        except ValueError as error:  # peft's word for names that no layer has, and for layers it cannot adapt
            reason = " ".join(str(error).split())
            raise ConfigError(f"lora.targets: {reason}") from None


@contextmanager
def merged(model: nn.Module) -> Iterator[None]:
    """Inside, every adapted layer is its own plain layer with the adapter added to its weights; then as before.

    Neither the adapters nor the frozen weights change, not by a bit. Without adapters it does nothing.
    """
    layers = _adapted(model)
    frozen = []
    for parent, name, layer in layers:
        base = layer.get_base_layer()
        frozen.append(base.weight.data)
        with torch.inference_mode(False), torch.no_grad():  # a pause may come in the middle of an encoding
            base.weight.data = base.weight.data + layer.get_delta_weight(_ADAPTER)
        setattr(parent, name, base)
    try:
        yield
    finally:
        for (parent, name, layer), weight in zip(layers, frozen, strict=True):
            layer.get_base_layer().weight.data = weight
            setattr(parent, name, layer)


def frozen_digest(model: nn.Module) -> str:
    """SHA-256 of the weights that are not trained: names, shapes, values."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        if not parameter.requires_grad:
            digest.update(f"{name} {parameter.dtype} {tuple(parameter.shape)}\n".encode())
            values: Any = parameter.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
            digest.update(values)
    return digest.hexdigest()


def _adapted(model: nn.Module) -> list[tuple[nn.Module, str, Any]]:
    """(module that holds it, its name there, layer) of every adapted layer."""
    return [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if hasattr(child, "lora_A")
    ]
