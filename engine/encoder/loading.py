"""A configuration -> its dual encoder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from engine.config import ConfigError, ModelConfig
from engine.encoder.model import DualEncoder
from engine.encoder.options import EncodingOptions, resolve_options
from engine.encoder.positions import positions_of
from engine.encoder.tiny import build_tiny

# Where the encoders of transformers keep their dropout rates.
_DROPOUT_FIELDS = (
    "hidden_dropout_prob",  # BERT, XLM-R, DeBERTa
    "attention_probs_dropout_prob",
    "dropout",  # DistilBERT, XLM
    "attention_dropout",
    "embedding_dropout",  # ModernBERT
    "mlp_dropout",
)


def load_encoder(
    model: ModelConfig, device: torch.device | str = "auto", *, texts: Iterable[str] | None = None, seed: int = 0
) -> DualEncoder:
    """The encoder of ``model``, in evaluation mode, in float32.

    Args:
        device: "auto" is CUDA where there is one.
        texts: what the tokenizer of "tiny" is trained on; otherwise unused.
        seed: of the initial weights of "tiny"; otherwise unused.

    A folder that ``DualEncoder.save`` wrote brings its pooling, prefixes and lengths along; a value of
    ``model`` that is not the default goes before them.

    Raises:
        ConfigError: names the field, on one line: no such model, no fast tokenizer, texts missing for "tiny",
            or lengths beyond what the model takes.
    """
    if model.name == "tiny":
        if texts is None:
            raise ConfigError('model.name: "tiny" is built from the texts of a run\'s sources, and there are none here')
        # Four hundred steps from scratch do not overfit, and dropout makes a step on a CPU an eighth longer.
        network, tokenizer = build_tiny(texts, seed, dropout=model.dropout or 0.0)
        options = resolve_options(model, None)
    else:
        folder = _folder(model.name)
        options = resolve_options(model, folder)
        network, tokenizer = _from_pretrained(model, str(folder or model.name))
    _check_lengths(options, _longest(network, tokenizer))
    network.get_input_embeddings().requires_grad_(not model.freeze_embeddings)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return DualEncoder(network, tokenizer, options).to(device).eval()


def _folder(name: str) -> Path | None:
    """The local folder that ``name`` stands for, or None for a hub id."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ConfigError(f"model.name: no folder {name!r}")
    return None


def _from_pretrained(model: ModelConfig, source: str) -> tuple[Any, Any]:
    trust = model.trust_remote_code
    # Its report on loading is checked below, and its progress bars would fill a log file.
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(source, trust_remote_code=trust)
        if model.dropout is not None:
            for field in _DROPOUT_FIELDS:
                if hasattr(config, field):
                    setattr(config, field, model.dropout)
        # Weights of safetensors, or unpickled with weights_only; float32 whatever they were stored in.
        network, report = AutoModel.from_pretrained(
            source, config=config, dtype=torch.float32, trust_remote_code=trust, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=trust)
    except (OSError, ValueError, ImportError) as error:
        raise ConfigError(f"model.name: cannot load {model.name!r}: {_first_line(error)}") from error
    if missing := sorted(key for key in report["missing_keys"] if not key.startswith("pooler.")):
        # transformers would fill them with random numbers and only say so in its log.
        raise ConfigError(f"model.name: {model.name!r} has no weights for {missing[0]} ({len(missing)} are missing)")
    if not tokenizer.is_fast:
        raise ConfigError(f"model.name: {model.name!r} has no fast tokenizer")
    if tokenizer.pad_token_id is None:
        raise ConfigError(f"model.name: the tokenizer of {model.name!r} has no padding token")
    if isinstance(getattr(network, "pooler", None), nn.Module):
        network.pooler = None  # not part of our pooling: untrained weights that cost a product and a gradient
    return network, tokenizer


def _longest(network: Any, tokenizer: Any) -> int:
    """Tokens that the model has positions for, special tokens included."""
    limit = int(tokenizer.model_max_length)  # 10**30 where the tokenizer does not say
    positions = positions_of(network).limit
    return limit if positions is None else min(limit, positions)


def _check_lengths(options: EncodingOptions, limit: int) -> None:
    for field in ("max_query_tokens", "max_passage_tokens"):
        wanted = getattr(options, field)
        if wanted > limit:
            raise ConfigError(f"model.{field}: {wanted}, but this model takes at most {limit} tokens")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
