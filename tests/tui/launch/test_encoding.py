"""Before a start one reads how texts become vectors, and what of it the config sets."""

from __future__ import annotations

from pathlib import Path

import pytest
from described_folders import described_folder

from engine.config import ModelConfig
from engine.model_description import HeadModule, ModelDescription, files_of, read_description
from tui.launch.encoding import encoding_words, lengths

E5 = {"query": "query: ", "passage": "passage: "}


def test_a_description_is_told_in_words(tmp_path: Path) -> None:
    described_folder(tmp_path, "Dense", "Normalize", prompts=E5)
    described = read_description("m", files_of(tmp_path))
    assert encoding_words(ModelConfig(), described) == (
        'cls pooling, Dense 2 Tanh, Normalize; queries "query: ", passages "passage: "; at most 128 tokens'
    )


def test_a_model_that_says_nothing_gets_the_defaults_and_is_called_so() -> None:
    assert encoding_words(ModelConfig(name="bert"), ModelDescription()) == (
        "no description of its own: mean pooling; no prefix; at most 64 and 256 tokens"
    )


def test_what_the_config_sets_goes_first_and_is_marked() -> None:
    described = ModelDescription(pooling=("cls",), prompts=E5, max_query_tokens=128, max_passage_tokens=128)
    model = ModelConfig(pooling="max", query_prefix="", max_query_tokens=32)
    assert encoding_words(model, described) == (
        'max pooling (config); queries "" (config), passages "passage: "; at most 32 (config) and 128 tokens'
    )


def test_the_options_that_a_run_left_with_its_model_go_before_its_modules() -> None:
    options = {"pooling": "cls", "query_prefix": "q: ", "max_query_tokens": 24, "max_passage_tokens": None}
    described = ModelDescription(pooling=("mean",), prompts=E5, options=options, max_passage_tokens=512)
    assert encoding_words(ModelConfig(), described) == (
        'cls pooling; queries "q: ", passages "passage: "; queries at most 24 tokens, passages any length'
    )


@pytest.mark.parametrize(
    ("described", "model", "words"),
    [
        (ModelDescription(pooling=("mean",), similarity="dot"), ModelConfig(), "any length; dot product"),
        (ModelDescription(), ModelConfig(similarity="dot"), "dot product (config)"),
        (ModelDescription(), ModelConfig(truncate_dim=64), "first 64 dimensions (config)"),
        (ModelDescription(body="static", pooling=("mean",)), ModelConfig(), "StaticEmbedding; no prefix; any length"),
        (ModelDescription(pooling=("cls", "mean")), ModelConfig(), "cls+mean pooling"),
        (ModelDescription(prompts={"sts": "a: "}), ModelConfig(query_prompt="sts"), '"a: " (config: sts)'),
        (ModelDescription(), ModelConfig(query_prefix="{task}\nQ:", task="Find"), r'"Find\nQ:" (config)'),
        (ModelDescription(pooling=("mean",), head=(HeadModule(kind="layer_norm"),)), ModelConfig(), "LayerNorm"),
    ],
)
def test_what_is_unusual_is_told(described: ModelDescription, model: ModelConfig, words: str) -> None:
    assert words in encoding_words(model, described)


def test_lengths_that_nobody_sets_are_the_defaults_unless_a_description_has_no_limit() -> None:
    assert lengths(ModelConfig(), ModelDescription()) == (64, 256)
    assert lengths(ModelConfig(), ModelDescription(pooling=("mean",))) == (None, None)
    assert lengths(ModelConfig(max_passage_tokens=8), ModelDescription(max_query_tokens=12)) == (12, 8)
