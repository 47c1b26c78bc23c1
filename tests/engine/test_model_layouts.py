"""One model as SentenceTransformers 2.7, 5.1 and 6.2 wrote it: their files, copied, say the same of it here."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from engine.model_description import HeadModule, ModelDescription, files_of, read_description

Files = dict[str, object]

OLD_MODULES = ["Transformer", "Pooling", "Dense", "LayerNorm", "Normalize"]
NEW_MODULES = [
    "base.modules.transformer.Transformer",
    "sentence_transformer.modules.pooling.Pooling",
    "base.modules.dense.Dense",
    "sentence_transformer.modules.layer_norm.LayerNorm",
    "base.modules.normalize.Normalize",
]
OLD_POOLING = {
    "word_embedding_dimension": 32,
    "pooling_mode_cls_token": True,
    "pooling_mode_mean_tokens": False,
    "pooling_mode_max_tokens": False,
    "pooling_mode_mean_sqrt_len_tokens": False,
    "pooling_mode_weightedmean_tokens": False,
    "pooling_mode_lasttoken": False,
    "include_prompt": True,
}
DENSE = {
    "in_features": 32,
    "out_features": 16,
    "bias": False,
    "activation_function": "torch.nn.modules.activation.Tanh",
}
SENTENCE = {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}
PROMPTS = {"query": "query: ", "passage": "passage: ", "sts": "same: "}


def modules(package: str, names: list[str], transformer: str) -> list[dict[str, object]]:
    paths = [transformer, "1_Pooling", "2_Dense", "3_LayerNorm", "4_Normalize"]
    return [
        {"idx": index, "name": str(index), "path": path, "type": f"{package}.{name}"}
        for index, (path, name) in enumerate(zip(paths, names, strict=True))
    ]


def versions(library: str, transformers: str) -> dict[str, str]:
    return {"sentence_transformers": library, "transformers": transformers, "pytorch": "2.13.0"}


def version_2(transformer: str) -> Files:
    return {
        "modules.json": modules("sentence_transformers.models", OLD_MODULES, transformer),
        f"{transformer}/sentence_bert_config.json": {"max_seq_length": 128, "do_lower_case": False},
        f"{transformer}/config.json": {"model_type": "bert", "max_position_embeddings": 512},
        f"{transformer}/tokenizer_config.json": {"model_max_length": 512},
        "1_Pooling/config.json": OLD_POOLING,
        "2_Dense/config.json": DENSE,
        "3_LayerNorm/config.json": {"dimension": 16},
        "config_sentence_transformers.json": {
            "__version__": versions("2.7.0", "4.57.1"),
            "prompts": PROMPTS,
            "default_prompt_name": "query",
        },
    }


def version_5(transformer: str) -> Files:
    return version_2(transformer) | {
        f"{transformer}/tokenizer_config.json": {"model_max_length": 128},
        "config_sentence_transformers.json": {
            "model_type": "SentenceTransformer",
            "__version__": versions("5.1.2", "4.57.1"),
            "prompts": {**PROMPTS, "document": ""},
            "default_prompt_name": "query",
            "similarity_fn_name": "cosine",
        },
    }


def version_6(transformer: str) -> Files:
    return version_5(transformer) | {
        "modules.json": modules("sentence_transformers", NEW_MODULES, transformer),
        f"{transformer}/sentence_bert_config.json": {
            "transformer_task": "feature-extraction",
            "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
            "module_output_name": "token_embeddings",
        },
        "1_Pooling/config.json": {"embedding_dimension": 32, "pooling_mode": "cls", "include_prompt": True},
        "2_Dense/config.json": {**DENSE, **SENTENCE},
        "4_Normalize/config.json": SENTENCE,
    }


MODEL = ModelDescription(
    pooling=("cls",),
    head=(
        HeadModule(kind="dense", path="2_Dense", inputs=32, outputs=16, bias=False),
        HeadModule(kind="layer_norm", path="3_LayerNorm", outputs=16),
        HeadModule(kind="normalize", path="4_Normalize"),
    ),
    max_query_tokens=128,
    max_passage_tokens=128,
    prompts=PROMPTS,
    default_prompt="query",
    similarity="cosine",
)


@pytest.mark.parametrize("transformer", ["", "0_Transformer", "transformer"])
@pytest.mark.parametrize("layout", [version_2, version_5, version_6])
def test_the_same_model_is_read_from_every_layout(layout, transformer: str, tmp_path: Path) -> None:
    for name, value in layout(transformer).items():
        path = tmp_path / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    described = read_description("some/model", files_of(tmp_path))
    assert described.body_path == transformer
    # Version 2 writes no similarity, and versions from 5 on an empty prompt for documents.
    prompts = {name: text for name, text in described.prompts.items() if text}
    similarity = described.similarity if layout is not version_2 else "cosine"
    assert msgspec.structs.replace(described, body_path="", prompts=prompts, similarity=similarity) == MODEL
