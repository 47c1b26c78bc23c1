"""Adapters, a run's own and those that peft saved: merged, the model is an ordinary one with the same vectors."""

from __future__ import annotations

import builtins
import shutil

import numpy as np
import peft
import pytest
import torch
import transformers
from model_folders import bert, byte_pairs, decoder, edit
from peers import sentence_transformer
from safetensors.torch import load_file, save_file
from transformers import (
    DistilBertConfig,
    DistilBertModel,
    ModernBertConfig,
    ModernBertModel,
    RobertaConfig,
    RobertaModel,
)

from engine.config import ConfigError, LoraConfig, ModelConfig
from engine.encoder import DualEncoder, load_encoder
from engine.encoder.adapters import add_adapters, frozen_digest, merged
from engine.encoder.network import load_network


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


IDS = torch.tensor([[2, 5, 6, 7, 3]])


def hidden(model):
    with torch.inference_mode():
        return model.eval()(input_ids=IDS).last_hidden_state


def adapter(base, folder, config=None, kind=transformers.AutoModel):
    """A random adapter of ``base`` in ``folder``; returns what peft's own model gives."""
    torch.manual_seed(1)
    config = config or peft.LoraConfig(r=2, target_modules=["query", "value"], init_lora_weights=False)
    model = peft.get_peft_model(kind.from_pretrained(base), config).eval()
    model.save_pretrained(folder)
    inner = model.get_base_model()
    return hidden(getattr(inner, "model", inner))


def refusal(name, **options):
    with pytest.raises(ConfigError) as caught:
        load_network(str(name), **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def base(tmp_path):
    return bert(tmp_path / "base")


def test_an_adapter_alone_is_merged_into_the_base_that_it_names(base, tmp_path):
    expected = adapter(base, tmp_path / "adapter")
    network = load_network(str(tmp_path / "adapter"))
    plain = load_network(str(base))
    assert torch.allclose(hidden(network.model), expected, atol=1e-6)
    assert not torch.allclose(hidden(plain.model), expected, atol=1e-2)
    assert network.notes == (f"the adapter {tmp_path / 'adapter'} (LORA) is merged into its base model {base}",)
    assert network.tokenizer("the house")["input_ids"] == plain.tokenizer("the house")["input_ids"]
    # Nothing of peft is left: it trains, saves and loads as the plain model.
    assert [name for name, _ in network.model.named_parameters()] == [
        name for name, _ in plain.model.named_parameters()
    ]
    assert all(parameter.requires_grad for parameter in network.model.parameters())
    network.model.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved" / "adapter_config.json").exists()
    assert torch.equal(hidden(transformers.AutoModel.from_pretrained(tmp_path / "saved")), hidden(network.model))


def test_an_adapter_beside_weights_is_merged_into_these(base, tmp_path):
    other = bert(tmp_path / "other", seed=5)
    adapter(base, tmp_path / "adapter")
    expected = adapter(other, tmp_path / "unused")
    folder = shutil.copytree(other, tmp_path / "both")
    for path in (tmp_path / "adapter").glob("adapter_*"):
        shutil.copy(path, folder)
    network = load_network(str(folder))  # not merged twice, not into the base that the adapter names
    assert torch.allclose(hidden(network.model), expected, atol=1e-6)
    assert "beside the weights" in network.notes[0]
    assert not any("lora" in name for name in network.model.state_dict())


def test_an_adapter_of_a_model_with_a_head_fits_the_encoder(tmp_path):
    base = decoder(tmp_path / "base", byte_pairs(eos_token="</s>"))
    config = peft.LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    expected = adapter(base, tmp_path / "adapter", config, transformers.AutoModelForCausalLM)
    assert torch.allclose(hidden(load_network(str(tmp_path / "adapter")).model), expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["dora", "ia3", "loha", "saved module"])
def test_other_kinds_that_merge(base, tmp_path, kind):
    config = {
        "dora": peft.LoraConfig(r=2, target_modules=["query"], init_lora_weights=False, use_dora=True),
        "ia3": peft.IA3Config(target_modules=["query"], feedforward_modules=[], init_ia3_weights=False),
        "loha": peft.LoHaConfig(r=2, target_modules=["query"], init_weights=False),
        "saved module": peft.LoraConfig(
            r=2, target_modules=["query"], init_lora_weights=False, modules_to_save=["LayerNorm"]
        ),
    }[kind]
    expected = adapter(base, tmp_path / "adapter", config)
    assert torch.allclose(hidden(load_network(str(tmp_path / "adapter")).model), expected, atol=1e-5)


def test_what_cannot_be_merged_is_refused_by_name(base, tmp_path):
    for name, config in (
        ("prefix", peft.PrefixTuningConfig(num_virtual_tokens=2, task_type="FEATURE_EXTRACTION")),
        ("prompt", peft.PromptTuningConfig(num_virtual_tokens=2, task_type="FEATURE_EXTRACTION")),
    ):
        peft.get_peft_model(transformers.AutoModel.from_pretrained(base), config).save_pretrained(tmp_path / name)
        line = refusal(tmp_path / name)
        assert config.peft_type.value in line
        assert "cannot be merged" in line


def test_a_base_that_is_missing_or_of_another_shape(base, tmp_path):
    adapter(base, tmp_path / "adapter")
    config = tmp_path / "adapter" / "adapter_config.json"
    edit(config, base_model_name_or_path=str(tmp_path / "gone"))
    line = refusal(tmp_path / "adapter")
    assert line.startswith("model.name: ")
    assert f"is an adapter, and its base model cannot be had: no folder {str(tmp_path / 'gone')!r}" in line
    edit(config, base_model_name_or_path=None)
    assert "names no base model" in refusal(tmp_path / "adapter")
    edit(config, base_model_name_or_path=str(bert(tmp_path / "wide", hidden_size=20)))
    assert "does not fit its base model" in refusal(tmp_path / "adapter")
    edit(config, base_model_name_or_path=str(base))
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    weights = load_file(path)
    save_file(dict(list(weights.items())[1:]), path)
    assert "does not fit its base model" in refusal(tmp_path / "adapter")
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    assert "adapter_model.safetensors is a git-lfs pointer" in refusal(tmp_path / "adapter")
    path.unlink()
    assert "has no weights" in refusal(tmp_path / "adapter")


def test_without_peft_one_line_says_what_to_install(base, tmp_path, monkeypatch):
    adapter(base, tmp_path / "adapter")
    original = builtins.__import__

    def without(name, *arguments, **options):
        if name == "peft":
            raise ImportError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "pip install 'hybrid-tui[lora]'" in refusal(tmp_path / "adapter")
