"""Loading: what a model cannot do shows before hours are spent on it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from model_families import DECODER, qwen_tokenizer, shaken
from safetensors.torch import load_file, save_file
from transformers import Qwen3Config, Qwen3Model

from engine.config import ConfigError, ModelConfig
from engine.encoder import load_encoder


@pytest.fixture
def folder(tiny, tmp_path):
    tiny.save(tmp_path / "model")
    return tmp_path / "model"


def test_vectors_that_are_not_finite_are_refused(folder):
    """A table of plausible numbers came of such models: every candidate ties."""
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layer.0.output.dense.bias"] += torch.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"^model.name: BertModel gives vectors that are infinite or NaN"):
        load_encoder(ModelConfig(name=str(folder)), "cpu")


@pytest.mark.parametrize("tokens", [1, 2])
def test_a_length_without_room_for_text_is_refused(tokens, folder):
    """[CLS], and the first piece of the prefix: every text would be the same."""
    with pytest.raises(ConfigError, match=rf"^model.max_passage_tokens: {tokens}, but .* leave no room for text$"):
        load_encoder(ModelConfig(name=str(folder), max_passage_tokens=tokens), "cpu")


def test_a_causal_model_that_is_averaged_is_told_of(tmp_path):
    """Of a decoder's tokens only the last has seen the whole text."""
    tokenizer = qwen_tokenizer()
    shaken(Qwen3Model(Qwen3Config(vocab_size=len(tokenizer), head_dim=8, **DECODER))).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    (note,) = load_encoder(ModelConfig(name=str(tmp_path)), "cpu").notes
    assert "Qwen3Model sees only what stands before a token" in note
    assert load_encoder(ModelConfig(name=str(tmp_path), pooling="lasttoken"), "cpu").notes == ()


def test_rotary_positions_that_grow_with_the_longest_text_are_not_let_grow(tmp_path):
    """Beyond its positions such a model gives a text other vectors beside a longer one than alone."""
    tokenizer = qwen_tokenizer()
    rope = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0}
    config = Qwen3Config(
        vocab_size=len(tokenizer), head_dim=8, rope_parameters=rope, **{**DECODER, "max_position_embeddings": 48}
    )
    shaken(Qwen3Model(config)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    encoder = load_encoder(ModelConfig(name=str(tmp_path), pooling="lasttoken"), "cpu")
    assert (encoder.options.max_query_tokens, encoder.options.max_passage_tokens) == (48, 48)
    texts = ["a short text", "a long one " * 40]
    together = encoder.encode_passages(texts).vectors
    alone = [encoder.encode_passages([text]).vectors[0] for text in texts]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    with pytest.raises(ConfigError, match="at most 48 tokens"):
        load_encoder(ModelConfig(name=str(tmp_path), max_passage_tokens=49), "cpu")


def test_whatever_decides_a_vector_is_in_its_key(folder):
    base = load_encoder(ModelConfig(name=str(folder)), "cpu")
    changes = (
        {"pooling": "cls"}, {"passage_prefix": "p: "}, {"max_passage_tokens": 30}, {"truncate_dim": 8},
        {"similarity": "dot", "truncate_dim": 8},
    )  # fmt: skip
    keys = [load_encoder(ModelConfig(name=str(folder), **change), "cpu").encoding("passage") for change in changes]
    base.layout = "padded"
    padded = base.encoding("passage")
    base.layout, base.precision = "auto", "bfloat16"
    everything = [*keys, padded, base.encoding("passage"), base.encoding("query")]
    assert len({json.dumps(key, sort_keys=True) for key in everything}) == len(everything)
