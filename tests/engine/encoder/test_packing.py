"""Without padding as with it: values and gradients of every family of encoders, and models that cannot."""

import json

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
    EuroBertConfig,
    EuroBertModel,
    Gemma2Config,
    Gemma2Model,
    Gemma3TextConfig,
    Gemma3TextModel,
    GPTNeoConfig,
    GPTNeoModel,
    JinaEmbeddingsV3Config,
    JinaEmbeddingsV3Model,
    LlamaConfig,
    LlamaModel,
    MistralConfig,
    MistralModel,
    MobileBertConfig,
    MobileBertModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    NomicBertConfig,
    NomicBertModel,
    OPTConfig,
    OPTModel,
    Qwen2Config,
    Qwen2Model,
    Qwen2MoeConfig,
    Qwen2MoeModel,
    Qwen3Config,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from engine.config import ConfigError, ModelConfig
from engine.encoder import DualEncoder, EncodingOptions, load_encoder
from engine.encoder.attention import AttentionCall, attention_by_length
from engine.encoder.packing import AttentionReport, objection

SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
SPECIAL = dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 2)
GROUPED = {**SIZES, "num_attention_heads": 4, "num_key_value_heads": 2}
GEMMA = {**GROUPED, "head_dim": 16, "layer_types": ["sliding_attention", "sliding_attention", "full_attention"]}
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
    "eurobert": lambda **own: EuroBertModel(EuroBertConfig(**GROUPED, **own)),
    "nomic": lambda **own: NomicBertModel(NomicBertConfig(**SIZES, **own)),
    "jina-v3": lambda **own: JinaEmbeddingsV3Model(JinaEmbeddingsV3Config(**SIZES, **own, type_vocab_size=1)),
    # Decoders: a token sees those before it.
    "qwen3": lambda **own: Qwen3Model(Qwen3Config(**GROUPED, **own, head_dim=16)),
    "qwen2": lambda **own: Qwen2Model(Qwen2Config(**GROUPED, **own)),
    "llama": lambda **own: LlamaModel(LlamaConfig(**GROUPED, **own)),
    "opt": lambda **own: OPTModel(
        OPTConfig(
            hidden_size=32,
            num_hidden_layers=3,
            num_attention_heads=2,
            ffn_dim=64,
            word_embed_proj_dim=32,
            max_position_embeddings=64,
            **own,
        )
    ),
    "mistral": lambda **own: MistralModel(MistralConfig(**GROUPED, **own, sliding_window=None)),
    # The last 8 tokens before it, itself included.
    "mistral with a window": lambda **own: MistralModel(MistralConfig(**GROUPED, **own, sliding_window=8)),
    "gemma3": lambda **own: Gemma3TextModel(Gemma3TextConfig(**GEMMA, **own, sliding_window=8)),
    # As EmbeddingGemma: a token sees to both sides.
    "gemma3, bidirectional": lambda **own: Gemma3TextModel(
        Gemma3TextConfig(**GEMMA, **own, sliding_window=8, use_bidirectional_attention=True)
    ),
}
PADDED = {
    "mpnet": lambda **own: MPNetModel(MPNetConfig(**SIZES, **own), add_pooling_layer=False),
    "deberta": lambda **own: DebertaV2Model(DebertaV2Config(**SIZES, **own)),
    "t5": lambda **own: T5EncoderModel(T5Config(d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, **own)),
    "gpt-neo": lambda **own: GPTNeoModel(
        GPTNeoConfig(hidden_size=32, num_layers=2, num_heads=2, attention_types=[[["global", "local"], 1]], **own)
    ),
}


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


@pytest.mark.parametrize(
    ("family", "pooling"),
    [
        *((family, "mean") for family in FAMILIES),
        *((family, "cls") for family in ("bert", "xlm-roberta", "modernbert", "distilbert")),
        *((family, "lasttoken") for family in ("qwen3", "mistral with a window")),
    ],
)
def test_packed_equals_padded(family, pooling, make, texts):
    """Vectors to a relative 1e-6, the whole gradient to 1e-5, as float32 rounds."""
    encoder = make(family, pooling)
    rows = encoder.tokenize([text * (1 + index % 3) for index, text in enumerate(texts[::3])], kind="passage")
    assert len(set(rows.lengths)) > 10
    packed, padded = (vectors_and_gradients(encoder, layout, rows) for layout in ("packed", "padded"))
    for ours, theirs, tolerance in zip(packed, padded, (1e-6, 1e-5), strict=True):
        assert (ours - theirs).norm() < tolerance * theirs.norm()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_packed_family_attends_in_the_type_of_autocast(family, make, texts, monkeypatch):
    """Rotary positions and norms leave queries and keys in float32, which the kernel of a GPU does not take."""
    types = []

    def recorded(query, key, value, *arguments):
        types.append({query.dtype, key.dtype, value.dtype})
        return attention_by_length(query, key, value, *arguments)

    encoder = make(family)
    encoder.precision = "bfloat16"
    assert encoder.why_padded() is None
    monkeypatch.setattr("engine.encoder.attention.kernel_for", lambda query: recorded)
    encoder.embed(encoder.tokenize(texts[:5], kind="passage")).sum().backward()
    assert types == [{torch.bfloat16}] * 3


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


@pytest.mark.parametrize("family", PADDED)
def test_a_model_that_cannot_is_padded_and_says_why(family, make, texts):
    encoder = make(family, models=PADDED)
    assert encoder.why_padded() == f"{type(encoder.model).__name__} has an attention of its own"
    assert str(encoder.attention()).startswith(("padded, sdpa: ", "padded, eager: "))
    assert encoder.encode_queries(texts[:3]).vectors.shape == (3, 32)
    encoder.layout = "packed"
    with pytest.raises(ConfigError, match=r"^runtime.layout: .* has an attention of its own"):
        encoder.encode_queries(texts[:3])


def test_attention_is_told_in_words(make):
    encoder = make("qwen3")
    assert str(encoder.attention()) == "packed, by length"
    encoder.layout = "padded"
    assert str(encoder.attention()) == "padded, sdpa: runtime.layout is padded"
    assert str(AttentionReport("flash kernel")) == "packed, flash kernel"


def test_scores_that_a_kernel_cannot_cap_keep_a_model_padded(make):
    encoder = make("gemma2", models={"gemma2": lambda **own: Gemma2Model(Gemma2Config(**GROUPED, **own, head_dim=16))})
    assert encoder.why_padded() == "Gemma2Model does not run packed: its attention needs softcap"


def test_neighbours_across_sequences_keep_a_model_padded(make):
    """MobileBERT embeds a token together with those beside it, of whatever sequence."""
    config = {**SIZES, "embedding_size": 16, "intra_bottleneck_size": 32}
    encoder = make(
        "mobilebert", models={"mobilebert": lambda **own: MobileBertModel(MobileBertConfig(**config, **own))}
    )
    assert encoder.why_padded() == "MobileBertModel gives other vectors packed than padded"


@pytest.mark.parametrize(
    ("window", "reason"),
    [
        (200, "gives other vectors packed than padded"),  # longer than the usual row that is tried
        (600, "does not tell its attention of its sliding window of 600 tokens"),  # longer than any
    ],
)
def test_a_window_that_only_a_mask_knows_keeps_a_model_padded(window, reason, make):
    """Qwen2-MoE makes a mask of its window, and its attention is called without."""
    config = {
        **GROUPED,
        "num_experts": 2,
        "num_experts_per_tok": 1,
        "moe_intermediate_size": 16,
        "shared_expert_intermediate_size": 16,
    }
    windows = {"use_sliding_window": True, "sliding_window": window, "max_window_layers": 3}
    encoder = make("moe", models={"moe": lambda **own: Qwen2MoeModel(Qwen2MoeConfig(**config, **windows, **own))})
    assert encoder.why_padded() == f"Qwen2MoeModel {reason}"


def test_on_a_gpu_a_model_is_packed_where_all_its_calls_reach_the_kernel():
    fast, slow = AttentionCall("flash kernel", torch.float16, None), AttentionCall("by length", torch.float32, None)
    assert objection("XModel", [fast, fast], "cuda", None) is None
    assert objection("XModel", [slow, slow], "cpu", None) is None
    assert objection("XModel", [fast, slow], "cuda", None) == (
        "1 of XModel's 2 attention calls are in float32, not for the kernel of a GPU"
    )
    assert objection("XModel", [], "cpu", None) == "XModel calls no attention that can be packed"


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


@pytest.mark.cuda
@pytest.mark.parametrize("family", FAMILIES)
def test_packed_on_a_gpu_equals_padded_in_float32(family, make, texts):
    """Vectors and gradient as far as bfloat16 goes."""
    encoder = make(family).cuda()
    assert str(encoder.attention()) == "packed, flash kernel"
    rows = encoder.tokenize(texts, kind="passage")
    packed = vectors_and_gradients(encoder, "packed", rows)
    encoder.precision = "float32"
    padded = vectors_and_gradients(encoder, "padded", rows)
    for ours, theirs, tolerance in zip(packed, padded, (0.05, 0.2), strict=True):
        assert (ours - theirs).norm() < tolerance * theirs.norm()
