"""How many tokens a model has positions for: so many work, and one more does not."""

import pytest
import torch
import transformers

from engine.encoder.packing import Positions, positions_of

SIZES = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "vocab_size": 100,
    "max_position_embeddings": 40,
}  # fmt: skip
FROM_PADDING = {**SIZES, "pad_token_id": 1}
FIRST_GPTS = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 40, "vocab_size": 100}
T5 = {"d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 2, "num_heads": 2, "vocab_size": 100}
XLM = {"emb_dim": 32, "n_layers": 2, "n_heads": 2, "max_position_embeddings": 40, "vocab_size": 100}
BART = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "max_position_embeddings": 40, "vocab_size": 100, "pad_token_id": 1,
}  # fmt: skip
CANINE = {**SIZES, "local_transformer_stride": 8, "downsampling_rate": 4}
RELATIVE = {"relative_attention": True, "position_biased_input": False, "pos_att_type": ["p2c", "c2p"]}
MODELS = [
    ("Bert", SIZES, Positions(0, 40)),
    ("Albert", {**SIZES, "embedding_size": 16}, Positions(0, 40)),
    ("Electra", SIZES, Positions(0, 40)),
    ("RemBert", SIZES, Positions(0, 40)),
    ("BigBird", {**SIZES, "attention_type": "original_full"}, Positions(0, 40)),
    ("DistilBert", {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48, "max_position_embeddings": 40},
     Positions(0, 40)),
    ("XLM", XLM, Positions(0, 40)),
    ("RoFormer", SIZES, Positions(0, 40)),
    # Counted from the padding id + 1.
    ("XLMRoberta", FROM_PADDING, Positions(2, 38)),
    ("XLMRobertaXL", FROM_PADDING, Positions(2, 38)),
    ("MPNet", FROM_PADDING, Positions(2, 38)),
    ("Longformer", {**FROM_PADDING, "attention_window": 4}, Positions(2, 38)),
    ("IBert", FROM_PADDING, Positions(2, 38)),
    ("Esm", {**FROM_PADDING, "position_embedding_type": "absolute"}, Positions(2, 38)),
    # Counted from 2, with two positions more.
    ("Yoso", SIZES, Positions(2, 40)),
    # Hashes of positions: as many as there are positions, or fewer.
    ("Canine", {**CANINE, "num_hash_buckets": 64}, Positions(0, 40)),
    ("Canine", {**CANINE, "num_hash_buckets": 32}, Positions(0, 32)),
    ("GPT2", FIRST_GPTS, Positions(0, 40)),
    ("OpenAIGPT", FIRST_GPTS, Positions(0, 40)),
    ("GPTJ", {**FIRST_GPTS, "rotary_dim": 8}, Positions(0, 40)),
    ("CTRL", {**FIRST_GPTS, "dff": 48}, Positions(0, 40)),
    ("GPTNeo", {"hidden_size": 32, "num_layers": 2, "num_heads": 2, "attention_types": [[["global", "local"], 1]],
                "window_size": 8, "max_position_embeddings": 40, "vocab_size": 100}, Positions(0, 40)),
    # An offset that they add themselves.
    ("OPT", {**FROM_PADDING, "ffn_dim": 48, "word_embed_proj_dim": 32}, Positions(0, 40)),
    ("BioGpt", FROM_PADDING, Positions(0, 40)),
    ("Bart", BART, Positions(0, 40)),
    ("Marian", BART, Positions(0, 40)),
    # Relative, rotary, or of any length.
    ("DebertaV2", {**SIZES, **RELATIVE, "position_buckets": 8}, Positions(0, None)),
    ("Deberta", {**SIZES, **RELATIVE}, Positions(0, None)),
    ("T5Encoder", T5, Positions(0, None)),
    ("XLNet", {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 48, "vocab_size": 100}, Positions(0, None)),
    ("Funnel", {"vocab_size": 100, "block_sizes": [1, 1], "num_decoder_layers": 1, "d_model": 32, "n_head": 2,
                "d_head": 16, "d_inner": 48}, Positions(0, None)),
    ("XGLM", {"d_model": 32, "num_layers": 2, "attention_heads": 2, "ffn_dim": 48, "max_position_embeddings": 40,
              "vocab_size": 100}, Positions(0, None)),
    ("ModernBert", {**SIZES, "pad_token_id": 0}, Positions(0, None)),
    ("Qwen3", {**SIZES, "head_dim": 16, "num_key_value_heads": 1}, Positions(0, None)),
    ("JinaEmbeddingsV3", FROM_PADDING, Positions(0, None)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("family", "sizes", "positions"), MODELS, ids=lambda value: value if isinstance(value, str) else ""
)
@torch.no_grad()
def test_a_model_takes_as_many_tokens_as_it_has_positions_for(family, sizes, positions):
    config = getattr(transformers, f"{family.removesuffix('Encoder')}Config")(**sizes)
    model = getattr(transformers, f"{family}Model")(config).eval()
    if model.config.is_encoder_decoder and not isinstance(model, transformers.T5EncoderModel):
        model = model.get_encoder()
    assert positions_of(model) == positions
    ids = torch.randint(3, 90, (1, 200), generator=torch.Generator().manual_seed(0))
    model(input_ids=ids[:, : positions.limit])
    if positions.limit is not None:
        with pytest.raises((IndexError, RuntimeError)):
            model(input_ids=ids[:, : positions.limit + 1])
