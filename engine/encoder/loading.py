"""A configuration -> its dual encoder: what the config sets, over what the model says of itself, over the defaults."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from engine.config import ConfigError, ModelConfig
from engine.encoder.encoder import DualEncoder, Kind
from engine.encoder.memory import is_out_of_memory
from engine.encoder.model_files import ModelFiles, find_model_files
from engine.encoder.network import Network, load_network
from engine.encoder.packing import positions_of
from engine.encoder.static import load_static
from engine.encoder.tiny import build_tiny
from engine.encoding_options import resolve_options, saved_sources
from engine.model_description import ModelDescription, read_description

_VOCABULARY_SAMPLE = 256  # texts of each collection, spread over all of it
_MOST_UNKNOWN = 0.5  # of the tokens of a sample


def load_encoder(
    model: ModelConfig,
    device: torch.device | str = "auto",
    *,
    texts: Iterable[str] | None = None,
    seed: int = 0,
    saved: Path | None = None,
    base_weights: bool = False,
) -> DualEncoder:
    """The encoder of ``model``, in evaluation mode, in float32.

    Args:
        device: "auto" is CUDA where there is one.
        texts: what the tokenizer of "tiny" is trained on; otherwise unused.
        seed: of the initial weights of "tiny"; otherwise unused.
        saved: a folder that ``DualEncoder.save`` wrote for a run of this very config: the encoder is the one in it,
            whatever has become of the base model.
        base_weights: with ``saved``, options, head and tokenizer only; the weights are those of the base model, to
            which the adapters of the run belong.

    Raises:
        ConfigError: names the field, on one line: no such model, no fast tokenizer, texts missing for "tiny",
            lengths beyond what the model takes, a module that is not supported.
    """
    source = model if saved is None else _as_saved(model, saved)
    files = _files(source)
    described = _described(source, files)
    network = _network(source, described, files, texts, seed)
    if saved is not None and base_weights:
        network = replace(_base_network(model, texts, seed), tokenizer=network.tokenizer)
    resolved = resolve_options(source, described, _limit(network, described))
    head = described.head if described.pooling is not None else None
    encoder = DualEncoder(network.model, network.tokenizer, resolved.options, head)
    if head and files is not None:
        encoder.head.load(files.file)
    encoder.origins, encoder.revision = dict(resolved.origins), network.commit
    encoder.prompts = dict(described.prompts)
    if saved is not None:
        sources = saved_sources(described)
        encoder.origins = sources.origins or encoder.origins
        encoder.revision = sources.revision
    encoder.notes = (*network.notes, *resolved.notes, *_notes(encoder, files))
    network.model.get_input_embeddings().requires_grad_(not model.freeze_embeddings)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder.to(device).eval()
    _try(encoder)
    return encoder


def check_vocabulary(encoder: DualEncoder, collections: Iterable[tuple[Kind, Sequence[str]]]) -> None:
    """Whether the tokenizer knows the words of the data, by a sample of all collections of texts together.

    One that was made for another language, or for another model, turns most of them into unknown tokens.

    Raises:
        ConfigError: more than half of their tokens are unknown ones, so that nothing measured would mean anything.
    """
    if encoder.unknown_id is None:
        return
    tokens = unknown = 0
    for kind, texts in collections:
        if not len(texts):
            continue
        sample = np.unique(np.linspace(0, len(texts) - 1, _VOCABULARY_SAMPLE).astype(int))
        rows = encoder.tokenize([texts[int(index)] for index in sample], kind=kind)
        tokens += len(rows.ids)
        unknown += int(np.count_nonzero(rows.ids == encoder.unknown_id))
    if unknown > _MOST_UNKNOWN * tokens:
        raise ConfigError(
            f"model.name: the tokenizer turns {unknown / tokens:.0%} of the words of the data into unknown ones "
            f"({encoder.hub_tokenizer.unk_token}): it is not made for these texts, or is not the one of the model"
        )


def _try(encoder: DualEncoder) -> None:
    """Encodes two short texts.

    Raises:
        ConfigError: the model does not run, or its vectors are not finite.
    """
    name = type(encoder.model).__name__
    try:
        vectors = encoder.encode_queries(["a", "a b c d"]).vectors
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        if is_out_of_memory(error):
            raise
        line = next(iter(str(error).splitlines()), "")
        raise ConfigError(
            f"model.name: {name} does not run on two short texts: {type(error).__name__}: {line}"
        ) from error
    if not np.isfinite(vectors).all():
        raise ConfigError(f"model.name: {name} gives vectors that are infinite or NaN: its weights are of no use")


def _as_saved(model: ModelConfig, folder: Path) -> ModelConfig:
    """``model`` as it was saved in ``folder``: every option is left to what the folder says."""
    return ModelConfig(
        name=str(folder),
        dropout=model.dropout,
        freeze_embeddings=model.freeze_embeddings,
        trust_remote_code=model.trust_remote_code,
    )


def _base_network(model: ModelConfig, texts: Iterable[str] | None, seed: int) -> Network:
    files = _files(model)
    return _network(model, _described(model, files), files, texts, seed)


def _files(model: ModelConfig) -> ModelFiles | None:
    """The files of the model, downloaded from the hub one by one as needed; None for "tiny", which has none."""
    return None if model.name == "tiny" else find_model_files(model.name, model.revision)


def _described(model: ModelConfig, files: ModelFiles | None) -> ModelDescription:
    return ModelDescription() if files is None else read_description(model.name, files.file)


def _network(
    model: ModelConfig, described: ModelDescription, files: ModelFiles | None, texts: Iterable[str] | None, seed: int
) -> Network:
    if files is None:
        if texts is None:
            raise ConfigError('model.name: "tiny" is built from the texts of a run\'s sources, and there are none here')
        # Four hundred steps from scratch do not overfit, and dropout makes a step on a CPU an eighth longer.
        return Network(*build_tiny(texts, seed, dropout=model.dropout or 0.0), notes=(), commit=None)
    if described.body == "static":
        return Network(*load_static(described.body_path, files.file), notes=(), commit=files.revision)
    return load_network(
        model.name,
        revision=files.revision,  # the commit of the description, even if another is pushed meanwhile
        subfolder=described.body_path,
        trust_remote_code=model.trust_remote_code,
        dropout=model.dropout,
    )


def _limit(network: Network, described: ModelDescription) -> int | None:
    """Tokens that the model takes, special tokens included; None: any number.

    The tokenizer's own limit counts only where nothing else is known: SentenceTransformers 6 keeps there the length
    that texts are cut to, which says nothing of what the model can take.
    """
    positions = positions_of(network.model).limit
    if positions is not None or described.body == "static":
        return positions
    config = network.model.config
    rope = getattr(config, "rope_parameters", None) or {}  # of all layers, or by kind of layer
    if any(settings.get("rope_type") == "dynamic" for settings in (rope, *rope.values()) if isinstance(settings, dict)):
        # Beyond these, such rotary positions depend on the longest text of a call, and so would the vectors.
        return int(config.max_position_embeddings)
    limit = int(network.tokenizer.model_max_length)  # 10**30 where the tokenizer does not say
    return limit if limit < 10**9 and described.pooling is None else None


def _notes(encoder: DualEncoder, files: ModelFiles | None) -> list[str]:
    """What is unusual about a model that is loaded as it was asked for."""
    notes = []
    if files is not None and not files.is_known("modules.json"):
        notes.append(
            f"whether {files.name} describes itself (modules.json) is not known without a way to the hub: it is taken "
            "for a model that does not (`hf download` fetches all of it)"
        )
    is_causal = any(getattr(module, "is_causal", False) for module in encoder.model.modules())
    undeclared = encoder.origins["pooling"] != "model"
    if is_causal and undeclared and {"mean", "cls"} & set(encoder.options.pooling_modes):
        notes.append(
            f"{type(encoder.model).__name__} sees only what stands before a token, and is pooled by "
            f"{encoder.options.pooling}: lasttoken is usual (model.pooling)"
        )
    return notes
