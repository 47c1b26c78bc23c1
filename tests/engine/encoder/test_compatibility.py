"""A saved folder for transformers 4.57, which cannot be installed beside the version of the tests.

What was seen there once is held here by the files: version 4 takes its own default for every key below that is
missing, and gives other vectors without a word. Version 5 must not notice the keys.
"""

import json

import numpy as np
import pytest
import torch
import transformers
from model_folders import bert, byte_pairs, decoder, edit, save, unigrams, word_pieces
from tokenizers import pre_tokenizers

from engine.config import ModelConfig
from engine.encoder import load_encoder
from engine.encoder.compatibility import keys_of_version_4, requirements, why_version_5

TEXTS = ["the house", "water " * 20, "Ein Haus am Wasser", "<s> </s> [MASK]", "вода 水"]
SIZES = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 24}
FULL, SLIDING = "full_attention", "sliding_attention"


def load(folder):
    return load_encoder(ModelConfig(name=str(folder), max_query_tokens=48, max_passage_tokens=48), "cpu")


def content(folder, name="config.json"):
    return json.loads((folder / name).read_text())


def saved(folder, target):
    load(folder).save(target)
    return target


def gemma(folder, **config):
    tokenizer = unigrams()
    torch.manual_seed(0)
    settings = {**SIZES, "vocab_size": len(tokenizer), "head_dim": 8, "num_key_value_heads": 1, "sliding_window": 8}
    config = transformers.Gemma3TextConfig(**settings, use_bidirectional_attention=True, **config)
    return save(folder, transformers.Gemma3TextModel(config), tokenizer)


def modern(folder, **config):
    tokenizer = word_pieces()
    torch.manual_seed(0)
    settings = {"vocab_size": len(tokenizer), "pad_token_id": 0, "local_attention": 8, "max_position_embeddings": 64}
    for name in ("bos", "eos", "cls", "sep"):
        settings[f"{name}_token_id"] = 2
    return save(
        folder, transformers.ModernBertModel(transformers.ModernBertConfig(**SIZES, **settings, **config)), tokenizer
    )


def rotary(folder, kind, **config):
    tokenizer = byte_pairs(eos_token="</s>", pad_token="<|end|>")
    torch.manual_seed(0)
    settings = {**SIZES, "vocab_size": len(tokenizer), "max_position_embeddings": 64}
    return save(
        folder,
        getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**settings, **config)),
        tokenizer,
    )


LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
LLAMA3["original_max_position_embeddings"] = 16
ROTARY = {
    # As mmBERT, whose sliding layers have the base of the others.
    "modernbert": (
        lambda folder: modern(folder, global_rope_theta=5e4, local_rope_theta=3e2),
        {"global_rope_theta": 5e4, "local_rope_theta": 3e2},
    ),
    "modernbert, every second layer": (
        lambda folder: modern(folder, global_attn_every_n_layers=2),
        {"global_rope_theta": 16e4, "local_rope_theta": 1e4, "global_attn_every_n_layers": 2},
    ),
    "gemma": (
        lambda folder: gemma(folder, rope_theta=5e4, rope_local_base_freq=3e2, layer_types=[SLIDING] * 3 + [FULL]),
        {"rope_theta": 5e4, "rope_local_base_freq": 3e2},
    ),
    "gemma, scaled": (
        lambda folder: gemma(
            folder, rope_scaling={"rope_type": "linear", "factor": 8.0}, layer_types=[SLIDING] * 3 + [FULL]
        ),
        {"rope_theta": 1e6, "rope_local_base_freq": 1e4, "rope_scaling": {"rope_type": "linear", "factor": 8.0}},
    ),
    # As Qwen3-Embedding, whose base is a million.
    "qwen": (
        lambda folder: rotary(folder, "Qwen3", head_dim=8, num_key_value_heads=1, rope_theta=1e6),
        {"rope_theta": 1e6},
    ),
    "llama, scaled": (
        lambda folder: rotary(folder, "Llama", rope_theta=5e5, rope_scaling=dict(LLAMA3)),
        {"rope_theta": 5e5, "rope_scaling": LLAMA3},
    ),
    "phi": (
        lambda folder: rotary(folder, "Phi", rope_theta=3e2, partial_rotary_factor=0.75),
        {"rope_theta": 3e2, "partial_rotary_factor": 0.75},
    ),
    "gpt-neox": (
        lambda folder: rotary(folder, "GPTNeoX", rotary_emb_base=3e2, rotary_pct=0.5),
        {"rotary_emb_base": 3e2, "rotary_pct": 0.5},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROTARY)
def test_rotary_settings_are_written_as_version_4_reads_them(name, tmp_path):
    make, keys = ROTARY[name]
    config = content(saved(make(tmp_path / "base"), tmp_path / "saved"))
    assert {key: config.get(key) for key in keys} == keys
    assert why_version_5(config) is None
    for key in ("rope_theta", "partial_rotary_factor"):  # version 4 warns of them there
        assert key not in config.get("rope_scaling", {})


@pytest.mark.parametrize("name", ROTARY)
def test_version_5_does_not_notice_them(name, tmp_path):
    base = ROTARY[name][0](tmp_path / "base")
    encoder = load(base)
    encoder.save(tmp_path / "saved")
    again = load(tmp_path / "saved")
    before, after = (transformers.AutoConfig.from_pretrained(folder).to_dict() for folder in (base, tmp_path / "saved"))
    keys = {"_name_or_path", "global_attn_every_n_layers"}  # the second: kept by version 5 and not read
    assert {key: before[key] for key in before if key not in keys} == {
        key: after[key] for key in after if key not in keys
    }
    assert np.array_equal(encoder.encode_passages(TEXTS).vectors, again.encode_passages(TEXTS).vectors)
    again.save(tmp_path / "twice")
    assert content(tmp_path / "twice") == content(tmp_path / "saved")


def test_keys_that_the_config_has_are_left_alone():
    config = {"model_type": "llama", "rope_parameters": {"rope_type": "default", "rope_theta": 3.0}, "rope_theta": 4.0}
    assert keys_of_version_4(config) == {}


def test_a_model_without_rotary_positions_needs_no_key(tmp_path):
    folder = saved(bert(tmp_path / "base"), tmp_path / "saved")
    assert keys_of_version_4(content(folder)) == {}
    assert why_version_5(content(folder)) is None


DEFAULT = {"rope_type": "default", "rope_theta": 1e4}
PAIR = {FULL: DEFAULT, SLIDING: DEFAULT}


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"model_type": "eurobert", "rope_parameters": DEFAULT}, "models of the type eurobert"),
        ({"model_type": "bert", "auto_map": {"AutoModel": "modeling.Mine"}}, "code of its own"),
        ({"model_type": "llama", "rope_parameters": {**DEFAULT, "rope_type": "longrope"}}, "scale"),
        ({"model_type": "llama", "rope_parameters": PAIR, "layer_types": [FULL, SLIDING]}, "one rotary base"),
        (
            {"model_type": "modernbert", "rope_parameters": PAIR, "layer_types": [SLIDING, FULL, FULL, SLIDING]},
            "regular intervals",
        ),
        (
            {
                "model_type": "modernbert",
                "rope_parameters": {**PAIR, FULL: {**DEFAULT, "rope_type": "linear", "factor": 2.0}},
                "layer_types": [FULL, SLIDING],
            },
            "scale",
        ),
        (
            {
                "model_type": "gemma3_text",
                "rope_parameters": {**PAIR, SLIDING: {**DEFAULT, "rope_type": "linear", "factor": 2.0}},
                "layer_types": [FULL, SLIDING],
            },
            "scale",
        ),
    ],
)
def test_what_version_4_cannot_do_has_a_reason_and_no_keys(config, reason):
    """Half the keys would make it give other vectors instead of an error."""
    assert reason in why_version_5(config)
    assert keys_of_version_4(config) == {}


def test_a_card_tells_what_must_be_installed(tmp_path, texts):
    encoder = load_encoder(ModelConfig(max_query_tokens=16, max_passage_tokens=16), "cpu", texts=texts)
    assert requirements(encoder.model, encoder.head.specs, encoder.options) == ()
    short = load_encoder(ModelConfig(max_query_tokens=16, max_passage_tokens=16, truncate_dim=8), "cpu", texts=texts)
    (line,) = requirements(short.model, short.head.specs, short.options)
    assert "truncate_dim=8" in line
    encoder = load(rotary(tmp_path / "base", "EuroBert", num_key_value_heads=1, mask_token_id=2, pad_token_id=2))
    (line,) = requirements(encoder.model, encoder.head.specs, encoder.options)
    assert line == "transformers 5 or newer: version 4 is not known to read models of the type eurobert"


def wordpiece_with(**settings):
    def make(folder):
        bert(folder)
        edit(folder / "tokenizer_config.json", **settings)
        return folder

    return make


def metaspace(kind):
    def make(folder):
        bert(folder, tokenizer=unigrams())
        edit(folder / "tokenizer_config.json", tokenizer_class=kind)
        return folder

    return make


def prefix_space(folder):
    tokenizer = byte_pairs(eos_token="</s>", pad_token="<|end|>")
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return decoder(folder, tokenizer)


def framed(folder):
    decoder(folder, byte_pairs("</s>", bos_token="<s>", eos_token="</s>", pad_token="<|end|>"))
    edit(folder / "tokenizer_config.json", tokenizer_class="LlamaTokenizer", add_bos_token=True, add_eos_token=True)
    return folder


TOKENIZERS = {
    "no class": wordpiece_with(tokenizer_class="TokenizersBackend"),
    "BERT": wordpiece_with(tokenizer_class="BertTokenizer", do_lower_case=True),
    "extra tokens": wordpiece_with(extra_special_tokens=["[MASK]", "[SEP]"]),
    "named extra tokens": wordpiece_with(extra_special_tokens={"image_token": "[MASK]"}),
    "XLM-R": metaspace("XLMRobertaTokenizer"),
    "T5": metaspace("T5Tokenizer"),
    "Gemma": metaspace("GemmaTokenizer"),
    "a space before the text": prefix_space,
    "a frame": framed,
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_both_versions_take_the_tokenizer_as_it_stands(name, tmp_path):
    """Version 4 has no TokenizersBackend, makes another tokenizer of the file of GemmaTokenizer, and asks T5's for
    sentencepiece. It fails on extra tokens that are a list, and takes away a space before the text that no key names.
    """
    encoder = load(TOKENIZERS[name](tmp_path / "base"))
    encoder.save(tmp_path / "saved")
    settings = content(tmp_path / "saved", "tokenizer_config.json")
    assert settings["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert not isinstance(settings.get("extra_special_tokens"), list)
    assert not {"add_bos_token", "add_eos_token", "is_local", "local_files_only"} & set(settings)
    rules = content(tmp_path / "saved", "tokenizer.json")["pre_tokenizer"]
    assert settings.get("add_prefix_space", False) == rules.get("add_prefix_space", False)
    mine = encoder.hub_tokenizer
    hub = transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert hub.backend_tokenizer.to_str() == mine.backend_tokenizer.to_str()
    for attribute in ("all_special_tokens", "model_input_names", "padding_side", "truncation_side", "model_max_length"):
        assert getattr(hub, attribute) == getattr(mine, attribute)
    for kind in ("pad_token", "unk_token", "bos_token", "eos_token", "cls_token", "sep_token", "mask_token"):
        assert getattr(hub, kind) == getattr(mine, kind)
    again = load(tmp_path / "saved")
    assert again.digests() == encoder.digests()
    assert np.array_equal(encoder.encode_passages(TEXTS).vectors, again.encode_passages(TEXTS).vectors)


def test_extra_tokens_are_listed_under_the_key_of_version_4(tmp_path):
    folder = saved(TOKENIZERS["extra tokens"](tmp_path / "base"), tmp_path / "saved")
    assert content(folder, "tokenizer_config.json")["additional_special_tokens"] == ["[MASK]", "[SEP]"]
    assert transformers.AutoTokenizer.from_pretrained(folder).extra_special_tokens == ["[MASK]", "[SEP]"]


def test_a_tokenizer_of_its_own_code_keeps_its_class(tmp_path):
    encoder = load(bert(tmp_path / "base"))
    encoder.hub_tokenizer.init_kwargs["auto_map"] = {"AutoTokenizer": [None, "tokenization.Mine"]}
    encoder.save(tmp_path / "saved")
    settings = content(tmp_path / "saved", "tokenizer_config.json")
    assert settings["tokenizer_class"] != "PreTrainedTokenizerFast"
