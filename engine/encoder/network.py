"""A model's name -> its network and its tokenizer, or one line that names the real cause."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoConfig, AutoModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.utils import logging as transformers_logging

from engine.config import ConfigError
from engine.encoder.adapters import ADAPTER_CONFIG, merge_adapter
from engine.encoder.hub_tokenizer import load_hub_tokenizer, tokenizer_fault
from engine.encoder.kinds import check_kind, is_encoder_alone, model_class, set_dropout
from engine.encoder.memory import is_out_of_memory
from engine.encoder.model_files import ModelFiles, find_model_files
from engine.encoder.remote_code import UnreliableCodeError, load_reliably
from engine.encoder.weights import WEIGHT_FILES, weights_fault, weights_in
from engine.paths import expanded

_VERSION = f"transformers {transformers.__version__}"
# transformers looks for an adapter beside the weights and builds its layers in. Here adapters are merged, so it is told
# to look in a folder that does not exist.
_NO_ADAPTER = {"subfolder": "no-adapter"}


@dataclass(frozen=True, slots=True)
class Network:
    """An encoder of transformers in float32 and evaluation mode, without pooler or head, with its fast tokenizer."""

    model: Any
    tokenizer: Any
    notes: tuple[str, ...]  # what a person should know, a line each
    commit: str | None  # of a hub id: the commit that was loaded


def load_network(
    name: str,
    *,
    revision: str | None = None,
    subfolder: str = "",
    trust_remote_code: bool = False,
    dropout: float | None = None,
) -> Network:
    """The encoder of a folder or hub id.

    Args:
        revision: of a hub id: branch, tag or commit.
        subfolder: where the encoder lies in the model, such as "0_Transformer".
        trust_remote_code: whether code that comes with the model may run. Such a model is loaded twice.
        dropout: every dropout rate of the encoder; None: as the model says.

    An adapter, in place of a model or beside one, is merged into its base model.

    Raises:
        ConfigError: names the field and the cause, on one line: no such model, damaged or missing files, not a text
            encoder, no fast tokenizer, code that is not trusted or does not run, no dropout to set, and so on.
    """
    # Its report on loading is checked below, and its progress bars would fill a log file.
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    files = find_model_files(name, revision, subfolder)
    adapter = files.file(ADAPTER_CONFIG) is not None
    if adapter and not (files.file("config.json") and any(files.file(file) for file in WEIGHT_FILES)):
        return _load_adapted(files, trust_remote_code, dropout)
    remote = _has_code(files) and trust_remote_code
    with _explained(files, _no_fault, remote=remote):
        config = AutoConfig.from_pretrained(files.location, trust_remote_code=trust_remote_code, **files.arguments())
    notes = check_kind(files, config, remote=remote)
    if dropout is not None:
        set_dropout(files, config, dropout)

    def load() -> Any:
        return _load_weights(files, config, trust_remote_code)

    with _explained(files, _weights_fault, remote=remote):
        model = load_reliably(load) if remote else load()
    if adapter:
        notes.append(f"the adapter beside the weights of {name} ({merge_adapter(model, files)}) is merged into them")
    tokenizer, remarks = _load_tokenizer(files, model, trust_remote_code)
    return Network(model, tokenizer, (*notes, *remarks), None if files.is_folder else files.revision)


def _load_adapted(files: ModelFiles, trust_remote_code: bool, dropout: float | None) -> Network:
    """An adapter merged into the base model that it names, with its own tokenizer where it has one."""
    adapter = files.json(ADAPTER_CONFIG)
    base = str(adapter.get("base_model_name_or_path") or "")
    inside = files.is_folder and (expanded(base) if base else Path()).resolve() == Path(files.location).resolve()
    if not base or inside:
        raise ConfigError(
            f"model.name: the adapter {files.name!r} names no base model: merge it yourself and save both"
        )
    revision = None if expanded(base).exists() else adapter.get("revision")
    try:
        network = load_network(base, revision=revision, trust_remote_code=trust_remote_code, dropout=dropout)
    except ConfigError as error:
        line = str(error).removeprefix("model.name: ")
        raise ConfigError(
            f"model.name: {files.name!r} is an adapter, and its base model cannot be had: {line}"
        ) from error
    notes = list(network.notes)
    kind = merge_adapter(network.model, files)
    notes.append(f"the adapter {files.name} ({kind}) is merged into its base model {base}")
    tokenizer = network.tokenizer
    if files.file("tokenizer.json") or files.file("tokenizer_config.json"):
        tokenizer, remarks = _load_tokenizer(files, network.model, trust_remote_code)
        notes += [remark for remark in remarks if remark not in notes]
    return Network(network.model, tokenizer, tuple(notes), None if files.is_folder else files.revision)


def _has_code(files: ModelFiles) -> bool:
    """Whether the encoder comes with code of its own.

    Raises:
        ConfigError: there is no description, or one of a model that transformers does not know.
    """
    description = files.json("config.json")
    if not description:
        raise ConfigError(
            f"model.name: cannot load {files.name!r}: it has no config.json, so it is not the folder of a model"
        )
    code = description.get("auto_map") or {}
    kind = description.get("model_type")
    if kind not in CONFIG_MAPPING and not code:
        raise ConfigError(
            f"model.name: cannot load {files.name!r}: {_VERSION} knows no model of the type {kind!r}; a newer one may"
        )
    return "AutoModel" in code or "AutoConfig" in code


def _load_weights(files: ModelFiles, config: Any, trust_remote_code: bool) -> Any:
    kind = model_class(config) if is_encoder_alone(config) else AutoModel
    # Weights of safetensors, or unpickled with weights_only; float32 whatever they were stored in.
    network, report = kind.from_pretrained(
        files.location,
        config=config,
        dtype=torch.float32,
        trust_remote_code=trust_remote_code,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
        adapter_kwargs=dict(_NO_ADAPTER),
        **files.arguments(),
    )
    if mismatched := sorted(report["mismatched_keys"]):
        key, stored, described = mismatched[0]
        raise ConfigError(
            f"model.name: the weights of {files.name!r} do not fit its config.json: {key} has the shape {tuple(stored)}"
            f" and should have {tuple(described)} ({len(mismatched)} do not fit)"
        )
    if missing := sorted(key for key in report["missing_keys"] if not key.startswith("pooler.")):
        # transformers would fill them with random numbers and only say so in its log.
        raise ConfigError(f"model.name: {files.name!r} has no weights for {missing[0]} ({len(missing)} are missing)")
    return _encoder_only(network)


def _encoder_only(network: Any) -> Any:
    if isinstance(getattr(network, "pooler", None), nn.Module):
        network.pooler = None  # our pooling does not use it: it would cost a product and a gradient
    return network.float()  # a model with its own code may ignore the type


def _load_tokenizer(files: ModelFiles, model: Any, trust_remote_code: bool) -> tuple[Any, list[str]]:
    with _explained(files, tokenizer_fault, remote=False):
        tokenizer, notes = load_hub_tokenizer(files, model.config, trust_remote_code=trust_remote_code)
        rows = model.get_input_embeddings().weight.shape[0]
        largest = max([tokenizer.vocab_size - 1, *tokenizer("a")["input_ids"]])
    if largest >= rows:
        raise ConfigError(
            f"model.name: the tokenizer of {files.name!r} is not its own: it gives ids up to {largest}, and the model"
            f" has embeddings for {rows}"
        )
    return tokenizer, notes


@contextmanager
def _explained(files: ModelFiles, fault: Callable[[ModelFiles], str | None], *, remote: bool) -> Iterator[None]:
    """Inside, whatever goes wrong is one line: what ``fault`` knows of the files, or else what was raised."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ConfigError:
        raise
    except UnreliableCodeError as error:
        raise ConfigError(
            f"model.name: cannot load {files.name!r}: on {_VERSION} its code {error}; no result would be reliable"
        ) from error
    except BaseException as error:
        panic = type(error).__name__ == "PanicException"  # of a library in Rust
        if not (panic or isinstance(error, Exception)) or isinstance(error, MemoryError) or is_out_of_memory(error):
            raise
        reason = fault(files) or _reason(error, remote)
        raise ConfigError(f"model.name: cannot load {files.name!r}: {reason}") from error


def _reason(error: BaseException, remote: bool) -> str:
    line = next(iter(str(error).strip().splitlines()), "")
    if not remote and "trust_remote_code" in str(error):
        return (
            "it needs code of its own, which runs only where it is trusted: read it, then set"
            " model.trust_remote_code = true, or in eval --trust-remote-code"
        )
    raised = f"{type(error).__name__}: {line}".removesuffix(": ")
    if remote and not isinstance(error, OSError):  # of a file that is not there
        return f"its code does not run on {_VERSION}: {raised}"
    return raised


def _weights_fault(files: ModelFiles) -> str | None:
    if files.is_folder:
        return weights_fault(Path(files.location))
    path = files.file("config.json")
    if path is None or weights_in(path.parent) is None:
        return None
    return weights_fault(path.parent)


def _no_fault(_: ModelFiles) -> None:
    return None
