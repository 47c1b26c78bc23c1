"""A model's name -> its transformers network and tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from engine.config import ConfigError

_DROPOUT_FIELDS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "dropout",
    "attention_dropout",
    "embedding_dropout",
    "mlp_dropout",
)


@dataclass(frozen=True, slots=True)
class Network:
    model: Any
    tokenizer: Any
    notes: tuple[str, ...] = ()
    commit: str | None = None


def load_network(
    name: str,
    *,
    revision: str | None = None,
    subfolder: str = "",
    trust_remote_code: bool = False,
    dropout: float | None = None,
) -> Network:
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    trust = trust_remote_code
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=trust, subfolder=subfolder)
        if dropout is not None:
            for field in _DROPOUT_FIELDS:
                if hasattr(config, field):
                    setattr(config, field, dropout)
        cls = AutoModel
        import transformers

        if config.model_type in ("t5", "mt5"):
            cls = {"t5": transformers.T5EncoderModel, "mt5": transformers.MT5EncoderModel}[config.model_type]
            cls._keys_to_ignore_on_load_unexpected = [r"decoder.*"]
        network, report = cls.from_pretrained(
            name,
            config=config,
            dtype=torch.float32,
            trust_remote_code=trust,
            output_loading_info=True,
            subfolder=subfolder,
        )
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=trust, subfolder=subfolder)
    except (OSError, ValueError, ImportError) as error:
        raise ConfigError(f"model.name: cannot load {name!r}: {str(error).splitlines()[0]}") from error
    if missing := sorted(key for key in report["missing_keys"] if not key.startswith("pooler.")):
        raise ConfigError(f"model.name: {name!r} has no weights for {missing[0]} ({len(missing)} are missing)")
    if not tokenizer.is_fast:
        raise ConfigError(f"model.name: {name!r} has no fast tokenizer")
    if isinstance(getattr(network, "pooler", None), nn.Module):
        network.pooler = None
    return Network(network, tokenizer)
