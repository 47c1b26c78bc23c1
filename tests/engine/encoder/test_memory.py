"""Gradient checkpointing: less memory for the same gradient, and nothing else of a model changes."""

import json

import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    Qwen3Config,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
)

from engine.config import ConfigError
from engine.encoder import DualEncoder, EncodingOptions
from engine.encoder.memory import enable_gradient_checkpointing

SIZES = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 64}
SPECIAL = dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 2)
FAMILIES = {
    "bert": lambda **own: BertModel(BertConfig(**SIZES, **own, max_position_embeddings=64), add_pooling_layer=False),
    "modernbert": lambda **own: ModernBertModel(
        ModernBertConfig(
            **SIZES, **own, local_attention=8, max_position_embeddings=64, mlp_dropout=0.1, attention_dropout=0.1,
            **SPECIAL,
        )
    ),
    "qwen3": lambda **own: Qwen3Model(
        Qwen3Config(**SIZES, **own, num_key_value_heads=1, head_dim=16, max_position_embeddings=64,
                    attention_dropout=0.1)
    ),
    "t5": lambda **own: T5EncoderModel(
        T5Config(d_model=32, d_kv=16, num_heads=2, d_ff=64, num_layers=4, dropout_rate=0.1, **own)
    ),
}  # fmt: skip
# Every family padded, and packed two that packing knows.
LAYOUTS = [("bert", "packed"), ("modernbert", "packed"), *((family, "padded") for family in FAMILIES)]


@pytest.fixture
def make(tiny):
    def of(family, layout="auto"):
        torch.manual_seed(0)
        tokenizer = tiny.hub_tokenizer
        model = FAMILIES[family](vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)
        options = EncodingOptions(
            pooling="mean", query_prefix="", passage_prefix="", max_query_tokens=60, max_passage_tokens=60
        )
        encoder = DualEncoder(model, tokenizer, options).train()
        encoder.layout = layout
        return encoder

    return of


def vectors_and_gradients(encoder, rows):
    torch.manual_seed(1)
    vectors = encoder.embed(rows)
    after = torch.get_rng_state()
    with encoder.recomputing():
        vectors.backward(torch.randn(vectors.shape, generator=torch.Generator().manual_seed(2)))
    return [vectors.detach(), after, torch.get_rng_state(), *(p.grad for p in encoder.parameters())]


def saved_bytes(encoder, rows):
    """What autograd keeps for a backward pass, parameters aside; a storage that is shared counts once."""
    parameters = {parameter.untyped_storage().data_ptr() for parameter in encoder.parameters()}
    storages = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            storages[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        vectors = encoder.embed(rows)
    assert vectors.requires_grad
    return sum(storage.nbytes() for storage in storages.values())


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize(("family", "layout"), LAYOUTS)
def test_the_gradient_is_the_same_bit_for_bit_with_dropout(family, layout, precision, make, texts):
    plain, checkpointed = make(family, layout), make(family, layout)
    checkpointed.checkpoint_gradients()
    rows = plain.tokenize([text * (1 + index % 3) for index, text in enumerate(texts)], kind="passage")
    for encoder in (plain, checkpointed):
        encoder.precision = precision
    expected, found = vectors_and_gradients(plain, rows), vectors_and_gradients(checkpointed, rows)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True))
    masks = vectors_and_gradients(plain.eval(), rows)[0]
    assert not torch.equal(masks, expected[0])  # there was dropout


@pytest.mark.parametrize(("family", "layout"), LAYOUTS)
def test_autograd_keeps_less(family, layout, make, texts):
    plain, checkpointed = make(family, layout), make(family, layout)
    checkpointed.checkpoint_gradients()
    rows = plain.tokenize(texts, kind="passage")
    assert saved_bytes(checkpointed, rows) < saved_bytes(plain, rows) / 2


def test_it_works_beneath_frozen_embeddings_and_leaves_them_without_a_gradient(make, texts):
    plain, checkpointed = make("bert"), make("bert")
    outputs = []
    for encoder in (plain, checkpointed):
        encoder.model.get_input_embeddings().requires_grad_(False)
        encoder.model.get_input_embeddings().register_forward_hook(lambda *call: outputs.append(call[-1]))
    checkpointed.checkpoint_gradients()
    rows = plain.tokenize(texts, kind="query")
    expected, found = vectors_and_gradients(plain, rows), vectors_and_gradients(checkpointed, rows)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours is None) == (theirs is None)
        assert ours is None or torch.equal(ours, theirs)
    assert not any(output.requires_grad for output in outputs)


def test_encoding_and_the_saved_config_are_as_without(make, texts, tmp_path):
    plain, checkpointed = make("bert"), make("bert")
    checkpointed.checkpoint_gradients()
    assert (plain.encode_queries(texts).vectors == checkpointed.encode_queries(texts).vectors).all()
    for name, encoder in (("plain", plain), ("checkpointed", checkpointed)):
        encoder.save(tmp_path / name)
    plain_config, config = (
        json.loads((tmp_path / name / "config.json").read_text()) for name in ("plain", "checkpointed")
    )
    assert config == plain_config
    assert not any("checkpointing" in key for key in config)


def test_a_model_that_cannot_is_refused_by_its_name():
    model = MPNetModel(MPNetConfig(**SIZES, vocab_size=50))
    with pytest.raises(ConfigError, match=r"^runtime.gradient_checkpointing: MPNetModel does not support it"):
        enable_gradient_checkpointing(model)
    with pytest.raises(ConfigError, match=r"^runtime.gradient_checkpointing: Linear does not support it"):
        enable_gradient_checkpointing(torch.nn.Linear(2, 2))


class OldModel(BertModel):
    """As remote code of the hub has it from before transformers 4.35."""

    def _set_gradient_checkpointing(self, module, value=False):
        module.gradient_checkpointing = value


def test_the_older_way_of_remote_code_is_refused():
    model = OldModel(BertConfig(**SIZES, vocab_size=50))
    with pytest.raises(ConfigError, match=r"^runtime.gradient_checkpointing: OldModel supports it only as"):
        enable_gradient_checkpointing(model)
    assert not any(getattr(module, "gradient_checkpointing", False) for module in model.modules())
