"""What a model folder says of itself: all layouts are read, and what is not known is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.config import ConfigError
from engine.model_description import HeadModule, ModelDescription, files_of, read_description

OLD = "sentence_transformers.models."  # the module paths of versions 2 to 5
TANH = "torch.nn.modules.activation.Tanh"
DENSE = {"in_features": 32, "out_features": 16, "bias": True, "activation_function": TANH}
LABSE = (
    HeadModule(kind="dense", path="2_Dense", inputs=32, outputs=16),
    HeadModule(kind="normalize", path="3_Normalize"),
)


def write(folder: Path, files: dict[str, object]) -> Path:
    for name, value in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(value))
    return folder


def listed(*modules: tuple[str, str]) -> list[dict[str, object]]:
    """modules.json: (path, full name of the class) of each."""
    return [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (path, kind) in enumerate(modules)]


def read(folder: Path, files: dict[str, object]) -> ModelDescription:
    return read_description("some/model", files_of(write(folder, files)))


def pooling(**flags: bool) -> dict[str, object]:
    return {"word_embedding_dimension": 32, **flags}


VERSION_2 = {
    "modules.json": listed(
        ("", OLD + "Transformer"), ("1_Pooling", OLD + "Pooling"), ("2_Dense", OLD + "Dense"),
        ("3_Normalize", OLD + "Normalize"),
    ),
    "sentence_bert_config.json": {"max_seq_length": 256, "do_lower_case": False},
    "1_Pooling/config.json": pooling(pooling_mode_cls_token=True, pooling_mode_mean_tokens=False),
    "2_Dense/config.json": DENSE,
}  # fmt: skip
VERSION_0 = {
    "modules.json": listed(
        ("0_Transformer", OLD + "Transformer"), ("1_Pooling", OLD + "Pooling"), ("2_Dense", OLD + "Dense"),
        ("3_Normalize", OLD + "Normalize"),
    ),
    "0_Transformer/sentence_bert_config.json": {"max_seq_length": 256},
    "1_Pooling/config.json": pooling(pooling_mode_cls_token=True),
    "2_Dense/config.json": DENSE,
}  # fmt: skip
VERSION_6 = {
    "modules.json": listed(
        ("", "sentence_transformers.base.modules.transformer.Transformer"),
        ("1_Pooling", "sentence_transformers.sentence_transformer.modules.pooling.Pooling"),
        ("2_Dense", "sentence_transformers.base.modules.dense.Dense"),
        ("3_Normalize", "sentence_transformers.base.modules.normalize.Normalize"),
    ),
    "sentence_bert_config.json": {
        "transformer_task": "feature-extraction",
        "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
        "module_output_name": "token_embeddings",
    },
    "tokenizer_config.json": {"model_max_length": 256},
    "config.json": {"max_position_embeddings": 512},
    "1_Pooling/config.json": {"embedding_dimension": 32, "pooling_mode": "cls", "include_prompt": True},
    "2_Dense/config.json": {**DENSE, "module_input_name": "sentence_embedding"},
    "config_sentence_transformers.json": {
        "model_type": "SentenceTransformer",
        "prompts": {"query": "", "document": ""},
    },
}


@pytest.mark.parametrize(("layout", "path"), [(VERSION_0, "0_Transformer"), (VERSION_2, ""), (VERSION_6, "")])
def test_every_layout_says_the_same(layout: dict[str, object], path: str, tmp_path: Path) -> None:
    described = read(tmp_path, layout)
    assert (described.body, described.body_path) == ("transformer", path)
    assert described.pooling == ("cls",)
    assert described.head == LABSE
    assert (described.max_query_tokens, described.max_passage_tokens) == (256, 256)
    assert described.module_names() == "Transformer, cls pooling, Dense 16 Tanh, Normalize"


def test_version_6_has_a_length_for_each_kind_of_text(tmp_path: Path) -> None:
    lengths = {**VERSION_6["sentence_bert_config.json"], "query_length": 32, "document_length": 180}
    described = read(tmp_path, {**VERSION_6, "sentence_bert_config.json": lengths})
    assert (described.max_query_tokens, described.max_passage_tokens) == (32, 180)


def test_a_plain_folder_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, {"config.json": {"model_type": "bert"}}) == ModelDescription()
    assert ModelDescription().pooling is None


def test_prompts_similarity_and_width(tmp_path: Path) -> None:
    overall = {
        "prompts": {"query": "query: ", "passage": "passage: "},
        "default_prompt_name": "query",
        "similarity_fn_name": "dot_score",
        "truncate_dim": 8,
    }
    described = read(tmp_path, {**VERSION_2, "config_sentence_transformers.json": overall})
    assert described.prompts == {"query": "query: ", "passage": "passage: "}
    assert (described.default_prompt, described.similarity, described.truncate_dim) == ("query", "dot", 8)


def test_several_poolings_are_in_the_order_of_their_vectors(tmp_path: Path) -> None:
    flags = pooling(pooling_mode_mean_tokens=True, pooling_mode_max_tokens=True, pooling_mode_cls_token=True)
    assert read(tmp_path, {**VERSION_2, "1_Pooling/config.json": flags}).pooling == ("cls", "max", "mean")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"modules.json": listed(("", OLD + "Router"))}, "begins with Router"),
        ({"modules.json": listed(("", OLD + "CLIPModel"))}, "begins with CLIPModel"),
        (
            {"modules.json": listed(("", OLD + "Transformer"), ("1_P", OLD + "Pooling"), ("2_C", OLD + "CNN"))},
            "a module CNN, which is not supported",
        ),
        ({"modules.json": listed(("", OLD + "Transformer"))}, "no module where a Pooling was expected"),
        ({"modules.json": listed(("", "custom_st.Transformer"))}, "custom_st.Transformer"),
        ({"modules.json": listed(("../other", OLD + "Transformer"))}, "outside its folder"),
        ({"modules.json": {"0": "Transformer"}}, "modules.json that cannot be used"),
        ({"dual_encoder.json": [1]}, "dual_encoder.json that holds no JSON object"),
        ({"config_sentence_transformers.json": {"prompts": [1]}}, "a description that cannot be used"),
        ({"config_sentence_transformers.json": {"model_type": "CrossEncoder"}}, "a re-ranker"),
        ({"config_sentence_transformers.json": {"model_type": "SparseEncoder"}}, "a sparse encoder (SparseEncoder)"),
        ({"config_sentence_transformers.json": {"model_type": "MultiVectorEncoder"}}, "a multi-vector encoder"),
        ({"1_Pooling/config.json": {"embedding_dimension": 32, "pooling_mode": "attention"}}, "'attention'"),
        ({"2_Dense/config.json": {**DENSE, "module_input_name": "token_embeddings"}}, "Dense of token_embeddings"),
        ({"2_Dense/config.json": {**DENSE, "activation_function": "mine.Swish"}}, "mine.Swish, which is none of torch"),
        ({"2_Dense/config.json": {"in_features": 32}}, "a Dense whose config.json cannot be used"),
        ({"sentence_bert_config.json": {"transformer_task": "fill-mask"}}, "fill-mask"),
        ({"sentence_bert_config.json": {"config_args": {"is_decoder": True}}}, "config_args.is_decoder"),
        ({"sentence_bert_config.json": {"something_new": 1}}, "something_new"),
    ],
)
def test_what_would_give_other_vectors_is_refused_by_name(
    changed: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, {**VERSION_2, **changed})
    line = str(caught.value)
    assert line.startswith("model.name: 'some/model'")
    assert message in line
    assert "\n" not in line


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    write(tmp_path, VERSION_2)
    (tmp_path / "modules.json").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ConfigError, match=r"cannot use .*modules\.json"):
        read_description("some/model", files_of(tmp_path))


def test_a_static_model_cuts_texts_only_where_its_tokenizer_does(tmp_path: Path) -> None:
    files = {"modules.json": listed(("", OLD + "StaticEmbedding")), "tokenizer.json": {"truncation": None}}
    described = read(tmp_path, files)
    assert (described.body, described.max_query_tokens) == ("static", None)
    described = read(tmp_path, {**files, "tokenizer.json": {"truncation": {"max_length": 512}}})
    assert described.max_passage_tokens == 512
