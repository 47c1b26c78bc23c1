"""Saved folders that transformers 4 reads too: its spelling of some settings beside that of version 5.

Version 5 writes some settings where version 4 does not look. Version 4 then takes its defaults in silence: a model with
a rotary base of a million runs with ten thousand, and gives other vectors. Here the same settings are written a second
time as version 4 spells them. Version 5 still reads these spellings, and they agree with its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.encoder.model_files import write_json
from engine.encoder.static import StaticEmbedding
from engine.encoding_options import EncodingOptions
from engine.model_description import HeadModule

# Types of models whose hidden states of transformers 4.57 were compared with those of version 5, and were equal.
_COMPARED = {
    "albert", "bert", "big_bird", "camembert", "cohere", "convbert", "data2vec-text", "deberta-v2", "distilbert",
    "electra", "ernie", "esm", "gemma", "gemma3_text", "gpt_neo", "gpt_neox", "llama", "longformer", "mistral",
    "mobilebert", "modernbert", "mpnet", "mt5", "olmo2", "phi", "phi3", "qwen2", "qwen3", "rembert", "roberta",
    "roformer", "t5", "xlm-roberta", "xlm-roberta-xl", "xmod",
}  # fmt: skip
_COMPARED_SCALINGS = {"default", "linear", "dynamic", "yarn", "llama3"}

# Rotary settings per kind of layer: the keys of the base of each kind in version 4.
_NESTED_BASES = {
    "modernbert": {"full_attention": "global_rope_theta", "sliding_attention": "local_rope_theta"},
    "gemma3_text": {"full_attention": "rope_theta", "sliding_attention": "rope_local_base_freq"},
}
_NOT_SCALING = ("rope_theta", "partial_rotary_factor")  # beside rope_scaling, and not in it
_GPT_NEOX = {"rope_theta": "rotary_emb_base", "partial_rotary_factor": "rotary_pct"}
_DEFAULT_INTERVAL = 3  # ModernBERT's


def requirements(model: Any, head: Iterable[HeadModule], options: EncodingOptions) -> tuple[str, ...]:
    """What must be installed for a saved folder to give its vectors, a line each, for a model card.

    Empty: transformers 4.57 with SentenceTransformers 5.0 will do, and all that is newer.
    """
    lines = []
    if not isinstance(model, StaticEmbedding) and (reason := why_version_5(model.config.to_dict())) is not None:
        lines.append(f"transformers 5 or newer: {reason}")
    if any(module.residual for module in head):
        lines.append("sentence-transformers 6 or newer: older ones have no Dense that adds its input to its output")
    if options.truncate_dim is not None:
        lines.append(
            "sentence-transformers 5.4 or newer: older ones keep all dimensions unless they are called with "
            f"truncate_dim={options.truncate_dim}"
        )
    return tuple(lines)


def why_version_5(config: Mapping[str, Any]) -> str | None:
    """What keeps transformers 4.57 from giving the vectors of version 5; None: nothing, once keys are written for it.

    Args:
        config: of the model, as a dictionary: the content of its config.json.
    """
    kind = config.get("model_type")
    if config.get("auto_map"):
        return "it has code of its own, which was run with that version"
    if kind not in _COMPARED:
        return f"version 4 is not known to read models of the type {kind}"
    rope = config.get("rope_parameters") or {}
    layers = _rope_of_layers(rope, config)
    if layers and kind not in _NESTED_BASES:
        return "version 4 has one rotary base for all layers"
    scalings = {layer: settings.get("rope_type", "default") for layer, settings in (layers or {"": rope}).items()}
    unscaled = scalings.values() if kind == "modernbert" else [scalings.get("sliding_attention", "default")]
    if not _COMPARED_SCALINGS.issuperset(scalings.values()) or set(unscaled) != {"default"}:
        return "version 4 does not scale its rotary positions so"
    if kind == "modernbert" and _full_layer_interval(config.get("layer_types")) is None:
        return "version 4 knows only layers that are full at regular intervals"
    return None


def keys_of_version_4(config: Mapping[str, Any]) -> dict[str, Any]:
    """What ``config`` (the content of a config.json that version 5 wrote) lacks for version 4."""
    if why_version_5(config) is not None:
        return {}
    rope, kind = config.get("rope_parameters") or {}, config["model_type"]
    layers = _rope_of_layers(rope, config)
    keys: dict[str, Any] = {}
    if layers:
        keys = {_NESTED_BASES[kind][layer]: settings["rope_theta"] for layer, settings in layers.items()}
        rope = layers.get("full_attention", {})  # Gemma 3 scales these only
    elif rope:
        spelling = _GPT_NEOX if kind == "gpt_neox" else {}
        keys = {spelling.get(key, key): rope[key] for key in _NOT_SCALING if key in rope}
    if rope.get("rope_type", "default") != "default":
        keys["rope_scaling"] = {key: value for key, value in rope.items() if key not in _NOT_SCALING}
    if kind == "modernbert" and (interval := _full_layer_interval(config.get("layer_types"))) != _DEFAULT_INTERVAL:
        keys["global_attn_every_n_layers"] = interval
    return {key: value for key, value in keys.items() if key not in config}


def write_for_version_4(folder: Path, hub_tokenizer: Any) -> None:
    """Adds to the config.json and the tokenizer_config.json that version 5 wrote to ``folder``."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, dict(sorted((config | keys_of_version_4(config)).items())))
    path = folder / "tokenizer_config.json"
    settings = _tokenizer_settings(json.loads(path.read_text(encoding="utf-8")), hub_tokenizer)
    write_json(path, dict(sorted(settings.items())))


def _tokenizer_settings(settings: dict[str, Any], hub_tokenizer: Any) -> dict[str, Any]:
    """``settings`` with which both versions use tokenizer.json as it is.

    A named class builds its own rules, and version 4 builds other ones than version 5 (GemmaTokenizer, T5Tokenizer), or
    does not know the class (TokenizersBackend).
    """
    if "auto_map" not in settings:
        settings["tokenizer_class"] = "PreTrainedTokenizerFast"
        for attribute in ("model_input_names", "padding_side", "truncation_side"):  # the class may have set them
            settings[attribute] = getattr(hub_tokenizer, attribute)
    # Version 4 takes a list of extra tokens only under the older key. Version 5 takes both.
    if isinstance(extra := settings.get("extra_special_tokens"), list):
        del settings["extra_special_tokens"]
        settings["additional_special_tokens"] = extra
    # Where this is missing, version 4 sets the rule to its default, false.
    rules = hub_tokenizer.backend_tokenizer.pre_tokenizer
    state = {} if rules is None else json.loads(rules.__getstate__())
    if "add_prefix_space" in state:
        settings["add_prefix_space"] = state["add_prefix_space"]
    # They say how this machine loaded the tokenizer, and nothing about the tokenizer.
    for key in ("is_local", "local_files_only"):
        settings.pop(key, None)
    return settings


def _rope_of_layers(rope: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Rotary settings by kind of layer; empty where all layers have the same."""
    kinds = {*(config.get("layer_types") or ()), "full_attention", "sliding_attention"}
    return {key: settings for key, settings in rope.items() if key in kinds and settings is not None}


def _full_layer_interval(layer_types: Sequence[str] | None) -> int | None:
    """The n of "every n-th layer is full, from the first one on"; None: it is not so."""
    if not layer_types:
        return None
    full = [kind == "full_attention" for kind in layer_types]
    intervals = (_DEFAULT_INTERVAL, *range(1, len(full) + 1))
    return next((n for n in intervals if full == [index % n == 0 for index in range(len(full))]), None)
