"""Without padding as with it: values and gradients of every family of encoders, and models that cannot."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from engine.config import ConfigError, ModelConfig
from engine.encoder import DualEncoder, EncodingOptions, load_encoder
from engine.encoder.attention import Segments, attention_by_length, flash_attention, kernel_for

SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
FAMILIES = {
    "bert": lambda **own: BertModel(BertConfig(**SIZES, **own, max_position_embeddings=64), add_pooling_layer=False),
    # 66 embeddings, 64 positions: counted from the padding id + 1, which is not 2 here.
    "xlm-roberta": lambda **own: XLMRobertaModel(
        XLMRobertaConfig(**SIZES, **own, max_position_embeddings=66, type_vocab_size=1), add_pooling_layer=False
    ),
    # Two of its layers see 4 tokens to each side.
    "modernbert": lambda **own: ModernBertModel(
        ModernBertConfig(**SIZES, **own, local_attention=8, max_position_embeddings=64, **SPECIAL)
    ),
    "distilbert": lambda **own: DistilBertModel(
        DistilBertConfig(dim=32, n_layers=3, n_heads=2, hidden_dim=64, max_position_embeddings=64, **own)
    ),
}
SPECIAL = dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 2)


@pytest.fixture
def make(tiny):
    """An encoder of a family, with random weights large enough that attention matters."""

    def of(family, pooling="mean", models=FAMILIES):
        torch.manual_seed(0)
        tokenizer = tiny.hub_tokenizer
        model = models[family](vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 2:
                    parameter.mul_(8.0)
        options = EncodingOptions(
            pooling=pooling, query_prefix="", passage_prefix="", max_query_tokens=60, max_passage_tokens=60
        )
        return DualEncoder(model, tokenizer, options).eval()

    return of


def vectors_and_gradients(encoder, layout, rows):
    encoder.layout = layout
    encoder.zero_grad()
    vectors = encoder.embed(rows)
    weights = torch.randn(vectors.shape, generator=torch.Generator().manual_seed(1)).to(vectors.device)
    (vectors * weights).sum().backward()
    assert (encoder.why_padded() is None) == (layout == "packed")
    gradients = torch.cat([p.grad.flatten() for p in encoder.parameters() if p.grad is not None])
    return vectors.detach(), gradients


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("family", FAMILIES)
def test_packed_equals_padded(family, pooling, make, texts):
    """Vectors to a relative 1e-6, the whole gradient to 1e-5, as float32 rounds."""
    encoder = make(family, pooling)
    rows = encoder.tokenize([text * (1 + index % 3) for index, text in enumerate(texts)], kind="passage")
    assert len(set(rows.lengths)) > 10
    packed, padded = (vectors_and_gradients(encoder, layout, rows) for layout in ("packed", "padded"))
    for ours, theirs, tolerance in zip(packed, padded, (1e-6, 1e-5), strict=True):
        assert (ours - theirs).norm() < tolerance * theirs.norm()


@pytest.mark.parametrize("family", FAMILIES)
def test_packed_equals_padded_in_encoding(family, make, texts):
    encoder = make(family)
    packed = encoder.encode_passages(texts).vectors
    encoder.layout = "padded"
    np.testing.assert_allclose(packed, encoder.encode_passages(texts).vectors, atol=1e-5)


def test_pairs_are_packed_with_their_segments(make, texts):
    encoder = make("bert")
    rows = encoder.tokenize(texts, texts[::-1], kind="passage")
    packed = encoder.encode_rows(rows)
    encoder.layout = "padded"
    np.testing.assert_allclose(packed, encoder.encode_rows(rows), atol=1e-5)


def test_a_packed_row_depends_on_no_other(make, texts):
    encoder = make("modernbert")
    together = encoder.encode_queries(texts).vectors
    alone = np.concatenate([encoder.encode_queries([text]).vectors for text in texts[:10]])
    np.testing.assert_allclose(together[:10], alone, atol=1e-5)


@pytest.mark.parametrize("family", ["mpnet", "deberta"])
def test_a_model_that_cannot_is_padded_and_says_why(family, make, texts):
    models = {
        "mpnet": lambda **own: MPNetModel(MPNetConfig(**SIZES, **own), add_pooling_layer=False),
        "deberta": lambda **own: DebertaV2Model(DebertaV2Config(**SIZES, **own)),
    }
    encoder = make(family, models=models)
    assert encoder.why_padded() == f"{type(encoder.model).__name__} has an attention of its own"
    assert encoder.encode_queries(texts[:3]).vectors.shape == (3, 32)
    encoder.layout = "packed"
    with pytest.raises(ConfigError, match=r"^runtime.layout: .* has an attention of its own"):
        encoder.encode_queries(texts[:3])


def test_a_model_whose_packed_vectors_are_wrong_is_padded(make, texts, monkeypatch):
    """Sequences that see each other, in a model that takes every argument."""

    def leaky(query, key, value, *_):
        return torch.nn.functional.scaled_dot_product_attention(
            *(x.transpose(0, 1) for x in (query, key, value))
        ).transpose(0, 1)

    encoder = make("bert")
    monkeypatch.setattr("engine.encoder.attention.attention_by_length", leaky)
    assert encoder.why_padded() == "BertModel gives other vectors packed than padded"


def test_outside_its_calls_the_model_is_as_transformers_made_it(make, texts, tmp_path):
    encoder = make("xlm-roberta")
    encoder.encode_queries(texts)
    encoder.embed(encoder.tokenize(texts, kind="query"))
    assert encoder.why_padded() is None
    assert encoder.model.config._attn_implementation == "sdpa"
    encoder.save(tmp_path)
    assert "packed" not in json.dumps(json.loads((tmp_path / "config.json").read_text()))


def test_frozen_embeddings_have_no_gradient(texts):
    encoder = load_encoder(ModelConfig(freeze_embeddings=True), "cpu", texts=texts)
    encoder.embed(encoder.tokenize(texts, kind="query")).sum().backward()
    assert [name for name, p in encoder.named_parameters() if p.grad is None] == [
        "model.embeddings.word_embeddings.weight"
    ]


def segments_on(device, lengths):
    return Segments.of(np.array(lengths), lambda array: torch.from_numpy(array).to(device))


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("window", [None, 4])
def test_the_kernel_of_a_gpu_is_called_as_it_is_declared(dropout, window):
    """Its shapes and its gradient's, on torch's meta device: names and order of its arguments, not its numbers."""
    states = [torch.empty(30, 2, 16, device="meta", dtype=torch.bfloat16, requires_grad=True) for _ in range(3)]
    attended = flash_attention(*states, segments_on("meta", [3, 7, 20]), dropout, 0.25, window)
    assert (attended.shape, attended.dtype) == (states[0].shape, torch.bfloat16)
    attended.sum().backward()
    assert all(state.grad.shape == state.shape for state in states)


def test_the_kernel_of_a_gpu_is_for_what_it_takes():
    """In float32, in which a model is tried, a GPU attends by length."""

    def chosen(is_cuda, dtype):
        return kernel_for(SimpleNamespace(is_cuda=is_cuda, dtype=dtype))

    assert chosen(True, torch.bfloat16) is chosen(True, torch.float16) is flash_attention
    assert chosen(True, torch.float32) is chosen(False, torch.bfloat16) is attention_by_length


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("window", [None, 4])
def test_the_kernel_of_a_gpu_equals_attention_by_length(window):
    torch.manual_seed(0)
    segments = segments_on("cuda", [1, 3, 7, 7, 20, 150])
    states = [torch.randn(188, 2, 32, device="cuda", dtype=torch.bfloat16, requires_grad=True) for _ in range(3)]
    found = flash_attention(*states, segments, 0.0, None, window)
    gradients = torch.autograd.grad(found.float().square().sum(), states)
    wide = [state.detach().float().requires_grad_() for state in states]
    expected = attention_by_length(*wide, segments, 0.0, None, window)
    expected_gradients = torch.autograd.grad(expected.square().sum(), wide)
    for ours, theirs in zip((found, *gradients), (expected, *expected_gradients), strict=True):
        assert (ours.float() - theirs).norm() < 0.02 * theirs.norm()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("family", FAMILIES)
def test_packed_on_a_gpu_equals_padded_in_float32(family, make, texts):
    """Vectors and gradient as far as bfloat16 goes."""
    encoder = make(family).cuda()
    rows = encoder.tokenize(texts, kind="passage")
    packed = vectors_and_gradients(encoder, "packed", rows)
    encoder.precision = "float32"
    padded = vectors_and_gradients(encoder, "padded", rows)
    for ours, theirs, tolerance in zip(packed, padded, (0.05, 0.2), strict=True):
        assert (ours - theirs).norm() < tolerance * theirs.norm()
