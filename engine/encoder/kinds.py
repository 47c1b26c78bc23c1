"""Which models are text encoders; the others are refused by name, before their weights are read."""

from __future__ import annotations

from typing import Any

import transformers
from transformers import AutoModel

from engine.config import ConfigError
from engine.encoder.model_files import ModelFiles

# Encoder-decoders whose encoders are used alone, from a checkpoint of either.
_ENCODERS = {
    "t5": "T5EncoderModel",
    "mt5": "MT5EncoderModel",
    "umt5": "UMT5EncoderModel",
    "longt5": "LongT5EncoderModel",
}
_SENSES = ("vision", "image", "video", "audio", "speech", "acoustic", "codec", "vq_", "backbone")
# Where the encoders of transformers keep their dropout rates. Not those of heads, which are not part of an encoder,
# nor layerdrop, which is something else.
_DROPOUT_FIELDS = (
    "hidden_dropout_prob",  # BERT, XLM-R, DeBERTa
    "attention_probs_dropout_prob",
    "dropout",  # DistilBERT, XLM, OPT
    "attention_dropout",  # the same, and Llama, Mistral, Qwen, Gemma
    "embedding_dropout",  # ModernBERT
    "mlp_dropout",
    "dropout_rate",  # T5
    "hidden_dropout",  # BLOOM, Falcon, GPT-NeoX
    "activation_dropout",  # XGLM, Funnel
    "residual_dropout",  # Starcoder 2
    "resid_pdrop",  # GPT-2, and Nomic's own code
    "embd_pdrop",
    "attn_pdrop",
    "resid_dropout",  # GPT-Neo
    "embed_dropout",
    "lsh_attention_probs_dropout_prob",  # Reformer
    "local_attention_probs_dropout_prob",
)


def check_kind(files: ModelFiles, config: Any, *, remote: bool) -> list[str]:
    """Refuses a ``config`` of transformers that is not of a text encoder; returns notes on what is left out.

    ``remote``: the model comes with its own code, whose input and kind cannot be checked here.

    Raises:
        ConfigError: names the kind.
    """
    name, kind = files.name, config.model_type
    if getattr(config, "quantization_config", None):
        raise ConfigError(f"model.name: {name!r} has quantized weights, which are not trained: take the plain model")
    inner = sorted(getattr(type(config), "sub_configs", {}))
    senses = [part for part in inner if any(sense in part for sense in _SENSES)]
    if senses or "text_config" in inner:
        raise ConfigError(f"model.name: {name!r} is a multimodal model ({kind}): take a text encoder")
    if not remote:
        if kind not in _ENCODERS and getattr(config, "is_encoder_decoder", False):
            raise ConfigError(
                f"model.name: {name!r} is an encoder-decoder ({kind}), which gives no vectors: take an encoder; of"
                " T5, mT5, UMT5 and LongT5 the encoder is used alone"
            )
        _check_input(name, model_class(config))
    notes = []
    architectures = [str(architecture) for architecture in config.architectures or []]
    if any(architecture.endswith("ForSequenceClassification") for architecture in architectures):
        described = files.file("modules.json", root=True) is not None
        if config.num_labels == 1 and not described:
            raise ConfigError(
                f"model.name: {name!r} is a re-ranker ({architectures[0]} with one label), which scores pairs and"
                " gives no vectors: take a dual encoder"
            )
        if not described:
            notes.append(f"the classifier of {name} ({config.num_labels} labels) is left out: only its encoder is used")
    if kind in _ENCODERS and not any(architecture.endswith("EncoderModel") for architecture in architectures):
        notes.append(f"only the encoder of {name} ({kind}) is used, not its decoder")
    return notes


def is_encoder_alone(config: Any) -> bool:
    """Whether the encoder is a part of an encoder-decoder, which AutoModel would load whole."""
    return config.model_type in _ENCODERS


def model_class(config: Any) -> Any:
    """The class of transformers whose ``from_pretrained`` gives the encoder of a ``config``; None: it has none."""
    encoder = _ENCODERS.get(config.model_type)
    if encoder is not None:
        return getattr(transformers, encoder)
    classes = AutoModel._model_mapping.get(type(config), None)
    return classes[0] if isinstance(classes, tuple | list) else classes


def set_dropout(files: ModelFiles, config: Any, dropout: float) -> None:
    """Sets every dropout rate of an encoder's ``config``.

    Raises:
        ConfigError: it has none.
    """
    fields = [field for field in _DROPOUT_FIELDS if hasattr(config, field)]
    if not fields:
        raise ConfigError(f"model.dropout: {files.name!r} ({config.model_type}) has no dropout to set: leave it out")
    for field in fields:
        setattr(config, field, dropout)


def _check_input(name: str, kind: Any) -> None:
    given = getattr(kind, "main_input_name", "input_ids")
    if kind is not None and given != "input_ids":
        raise ConfigError(f"model.name: {name!r} ({kind.__name__}) takes {given} and not text: take a text encoder")
