"""A model folder that transformers, SentenceTransformer and ``load_encoder`` read with equal vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers.utils import logging as transformers_logging

from engine.encoder.options import EncodingOptions, write_options


def save_model_folder(
    model: Any, hub_tokenizer: Any, options: EncodingOptions, folder: Path, matryoshka_dimensions: tuple[int, ...] = ()
) -> None:
    """Writes weights, tokenizer and every description; existing files of the same names are replaced.

    SentenceTransformer knows one length for both kinds of text: it gets the longer one. ``matryoshka_dimensions``
    are a description too: whoever loads the model chooses one of them (``truncate_dim``), or none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    transformers_logging.disable_progress_bar()  # it would fill a worker's log
    model.save_pretrained(folder)
    hub_tokenizer.save_pretrained(folder)
    write_options(options, folder, matryoshka_dimensions)
    _write_sentence_transformer_files(folder, model.config.hidden_size, options)


def _write_sentence_transformer_files(folder: Path, width: int, options: EncodingOptions) -> None:
    """The layout that SentenceTransformers has read since version 2."""
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    _write_json(
        folder / "modules.json",
        [
            {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{name}"}
            for index, (path, name) in enumerate(modules)
        ],
    )
    _write_json(
        folder / "sentence_bert_config.json",
        {"max_seq_length": max(options.max_query_tokens, options.max_passage_tokens), "do_lower_case": False},
    )
    _write_json(
        folder / "config_sentence_transformers.json",
        {
            "prompts": {
                "query": options.query_prefix,
                "passage": options.passage_prefix,
                "document": options.passage_prefix,  # the name that encode_document looks for first
            },
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    )
    (folder / "1_Pooling").mkdir(exist_ok=True)
    _write_json(
        folder / "1_Pooling" / "config.json",
        {
            "word_embedding_dimension": width,
            "pooling_mode_mean_tokens": options.pooling == "mean",
            "pooling_mode_cls_token": options.pooling == "cls",
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
    )
    (folder / "2_Normalize").mkdir(exist_ok=True)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
