"""Adapters on every family of encoders: merged and saved, the model is an ordinary one with the same vectors."""

import numpy as np
import pytest
import torch
from peers import sentence_transformer
from transformers import (
    DistilBertConfig,
    DistilBertModel,
    ModernBertConfig,
    ModernBertModel,
    RobertaConfig,
    RobertaModel,
)

from engine.config import LoraConfig, ModelConfig
from engine.encoder import DualEncoder, load_encoder
from engine.encoder.adapters import add_adapters, frozen_digest, merged


def network(family, tokenizer):
    """A small one of random weights."""
    torch.manual_seed(0)
    common = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    if family == "roberta":
        layers = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        config = RobertaConfig(**common, **layers, max_position_embeddings=300, type_vocab_size=1)
        return RobertaModel(config, add_pooling_layer=False)
    if family == "distilbert":
        return DistilBertModel(DistilBertConfig(**common, dim=32, n_layers=2, n_heads=2, hidden_dim=64))
    ends = {"bos_token_id": 2, "cls_token_id": 2, "eos_token_id": 3, "sep_token_id": 3}
    layers = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    return ModernBertModel(ModernBertConfig(**common, **layers, **ends))


@pytest.mark.parametrize("family", ["roberta", "distilbert", "modernbert"])
def test_a_merged_folder_has_the_vectors_of_the_adapters(family, tiny, texts, tmp_path):
    encoder = DualEncoder(network(family, tiny.hub_tokenizer), tiny.hub_tokenizer, tiny.options).eval()
    before = encoder.encode_passages(texts).vectors
    add_adapters(encoder.model, LoraConfig(rank=2), seed=0)
    assert np.array_equal(encoder.encode_passages(texts).vectors, before)
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.1)
    vectors, frozen = encoder.encode_passages(texts).vectors, frozen_digest(encoder.model)
    assert np.abs(vectors - before).max() > 0.01
    with merged(encoder.model):
        together = encoder.encode_passages(texts).vectors
    np.testing.assert_allclose(together, vectors, atol=1e-5)
    encoder.save(tmp_path)
    assert frozen_digest(encoder.model) == frozen

    loaded = load_encoder(ModelConfig(name=str(tmp_path)), "cpu")
    assert loaded.digests() == encoder.digests()
    assert np.array_equal(loaded.encode_passages(texts).vectors, together)
    np.testing.assert_allclose(sentence_transformer(tmp_path).encode_document(texts), vectors, atol=1e-5)


def test_initial_adapters_depend_on_the_seed_alone(tiny):
    def first(seed):
        model = network("roberta", tiny.hub_tokenizer)
        torch.manual_seed(99 + seed)  # whatever was drawn before
        add_adapters(model, LoraConfig(rank=2), seed=seed)
        return next(parameter for name, parameter in model.named_parameters() if "lora_A" in name)

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))
