"""A model folder that transformers, SentenceTransformer and ``load_encoder`` read with equal vectors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers.utils import logging as transformers_logging

from engine.encoder.compatibility import write_for_version_4
from engine.encoder.head import Head
from engine.encoder.model_files import write_json
from engine.encoder.static import StaticEmbedding
from engine.encoding_options import EncodingOptions, OptionSources, write_options
from engine.model_description import POOLING_FLAGS


def save_model_folder(
    model: Any,
    hub_tokenizer: Any,
    head: Head,
    options: EncodingOptions,
    folder: Path,
    *,
    prompts: Mapping[str, str] | None = None,
    sources: OptionSources | None = None,
    matryoshka_dimensions: tuple[int, ...] = (),
) -> None:
    """Writes weights, tokenizer and every description; existing files of the same names are replaced.

    The layout is the one that SentenceTransformers has read since version 3, and transformers since 4.57 where
    ``compatibility.requirements`` says nothing else. It knows one length for both kinds of text and gets the longer
    one: where the two differ, the model card says how to cut the others.
    ``prompts`` of other names than ours are written too. ``matryoshka_dimensions`` are only described: whoever loads
    the model chooses one of them (``truncate_dim``), or none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    transformers_logging.disable_progress_bar()  # it would fill a worker's log
    model.save_pretrained(folder)
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    if isinstance(model, StaticEmbedding):
        hub_tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
        modules = [("", "StaticEmbedding")]
    else:
        hub_tokenizer.save_pretrained(folder)
        write_for_version_4(folder, hub_tokenizer)
        _write_transformer(folder, options)
        _write_pooling(folder, model.config.hidden_size, options)
    modules += head.save(folder, len(modules))
    write_options(options, folder, sources or OptionSources(), matryoshka_dimensions)
    write_json(
        folder / "modules.json",
        [
            {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{name}"}
            for index, (path, name) in enumerate(modules)
        ],
    )
    _write_overall(folder, options, prompts or {})


def _write_transformer(folder: Path, options: EncodingOptions) -> None:
    lengths = (options.max_query_tokens, options.max_passage_tokens)
    longest = None if None in lengths else max(length for length in lengths if length is not None)
    settings = {"max_seq_length": longest, "do_lower_case": options.lower_case}
    write_json(folder / "sentence_bert_config.json", settings)


def _write_pooling(folder: Path, width: int, options: EncodingOptions) -> None:
    (folder / "1_Pooling").mkdir(exist_ok=True)
    flags = {flag: mode in options.pooling_modes for flag, mode in POOLING_FLAGS.items()}
    settings: dict[str, object] = {"word_embedding_dimension": width, **flags}
    if not options.include_prompt:
        settings["include_prompt"] = False
    write_json(folder / "1_Pooling" / "config.json", settings)


def _write_overall(folder: Path, options: EncodingOptions, prompts: Mapping[str, str]) -> None:
    settings: dict[str, object] = {
        "prompts": {
            **prompts,
            "query": options.query_prefix,
            "passage": options.passage_prefix,
            "document": options.passage_prefix,  # the name that encode_document looks for first
        },
        "default_prompt_name": None,
        "similarity_fn_name": options.similarity,
    }
    if options.truncate_dim is not None:
        settings["truncate_dim"] = options.truncate_dim
    write_json(folder / "config_sentence_transformers.json", settings)
