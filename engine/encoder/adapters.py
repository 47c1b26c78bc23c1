"""Low-rank adapters (LoRA, Hu et al. 2021, 2106.09685) in the linear layers of an encoder, through peft.

A run's own adapters stand in place of the layers they adapt. ``merged`` puts plain layers with the merged weights there
for a while: inside it the encoder is an ordinary transformers model, which is what is evaluated and saved.
An adapter that comes as a folder, as peft saves it, is merged into its base model for good.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from engine.config import ConfigError, LoraConfig
from engine.encoder.memory import is_out_of_memory
from engine.encoder.model_files import ModelFiles
from engine.encoder.weights import file_fault

_ADAPTER = "default"  # peft's name for the only one
ADAPTER_CONFIG = "adapter_config.json"
_ADAPTER_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_BASE_PREFIX = "base_model.model."  # of the names of the base model's layers in an adapter's file


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
        except ValueError as error:  # no layer has such a name, or peft cannot adapt it
            reason = " ".join(str(error).split())
            raise ConfigError(f"lora.targets: {reason}") from None


@contextmanager
def merged(model: nn.Module) -> Iterator[None]:
    """Inside, every adapted layer is a plain layer whose weights include the adapter; afterwards all is as before.

    Adapters and frozen weights do not change by a bit. Without adapters it does nothing.
    """
    layers = _adapted(model)
    frozen = []
    for parent, name, layer in layers:
        base = layer.get_base_layer()
        frozen.append(base.weight.data)
        with torch.inference_mode(False), torch.no_grad():  # a pause during encoding calls this in inference mode
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


def merge_adapter(network: nn.Module, files: ModelFiles) -> str:
    """Merges the adapter of ``files`` into the weights of ``network``, in place; returns its kind, such as "LORA".

    Nothing of peft is left: the network has the parameters that it had, and all of them are trainable.

    Raises:
        ConfigError: peft is not installed, the adapter's files are missing or damaged, or the adapter is of a kind or
            for a model that it cannot be merged into.
    """
    adapter = f"model.name: the adapter {files.name!r}"
    kind = str(files.json(ADAPTER_CONFIG).get("peft_type", "unknown"))
    try:
        import peft
    except ImportError:
        raise ConfigError(f"{adapter} needs the extra 'lora': pip install 'hybrid-tui[lora]'") from None
    path = next((path for name in _ADAPTER_WEIGHTS if (path := files.file(name))), None)
    if path is None:
        raise ConfigError(f"{adapter} has no weights ({_ADAPTER_WEIGHTS[0]}): download it again")
    if fault := file_fault(path):
        raise ConfigError(f"{adapter} cannot be loaded: {fault}")
    before = _shapes(network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft warns of what is checked here
        try:
            config = peft.PeftConfig.from_pretrained(str(path.parent))
        except Exception as error:
            raise ConfigError(f"{adapter} is not for peft {peft.__version__}: {_one_line(error)}") from error
        if config.is_prompt_learning:
            raise ConfigError(f"{adapter} is of the kind {kind}, which cannot be merged into its base model")
        config.task_type = None  # peft would wrap a head around the encoder
        try:
            model = peft.PeftModel(network, config, autocast_adapter_dtype=False)
            loaded = peft.set_peft_model_state_dict(model, _renamed(_read_weights(path), network))
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise ConfigError(f"{adapter} does not fit its base model: {_one_line(error)}") from error
        missing = [key for key in loaded.missing_keys if _ADAPTER in key.split(".")]
        if unfit := sorted([*loaded.unexpected_keys, *missing]):
            raise ConfigError(f"{adapter} does not fit its base model: {unfit[0]} ({len(unfit)} weights do not)")
        try:
            model.merge_and_unload(safe_merge=True)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise ConfigError(f"{adapter} of the kind {kind} cannot be merged: {_one_line(error)}") from error
    if _shapes(network) != before:
        raise ConfigError(f"{adapter} of the kind {kind} cannot be merged: it adds weights to its base model")
    network.requires_grad_(True)
    return kind


def _adapted(model: nn.Module) -> list[tuple[nn.Module, str, Any]]:
    """(parent module, name in the parent, layer) of every adapted layer."""
    return [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if hasattr(child, "lora_A")
    ]


def _read_weights(path: Path) -> dict[str, Tensor]:
    weights: dict[str, Tensor]
    if path.suffix == ".safetensors":
        weights = safetensors.torch.load_file(str(path))
    else:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def _renamed(weights: dict[str, Tensor], network: Any) -> dict[str, Tensor]:
    """The weights by the layers of a bare encoder, where they were trained in a model with a head around it."""
    keys = {key: key.removeprefix(_BASE_PREFIX) for key in weights}
    children = {name for name, _ in network.named_children()}
    for prefix in ("", f"{network.base_model_prefix}.", "model."):
        if all(key.startswith(prefix) and key[len(prefix) :].split(".")[0] in children for key in keys.values()):
            return {f"{_BASE_PREFIX}{keys[key][len(prefix) :]}": tensor for key, tensor in weights.items()}
    return weights


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: parameter.shape for name, parameter in network.named_parameters()}


def _one_line(error: Exception) -> str:
    """An error on one line, not too long: peft lists every layer."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}{'…' if len(text) > 200 else ''}"
