"""SentenceTransformers, loaded by the first test that compares with it: every test process would wait for it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any


def sentence_transformer(folder: Path, **options: Any) -> Any:
    """The model of a folder, on the CPU."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", **options)


def losses() -> ModuleType:
    from sentence_transformers.sentence_transformer import losses

    return losses


def sentence_transformer_pooling(hidden: Any, mask: Any, modes: tuple[str, ...], skip: int) -> Any:
    """Hidden states [n, L, D] under a mask [n, L] -> [n, M * D]; ``skip``: tokens of the prompt that are left out."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    names = tuple("mean_sqrt_len_tokens" if mode == "mean_sqrt_len" else mode for mode in modes)
    module = Pooling(hidden.shape[-1], names, include_prompt=not skip)
    features = {"token_embeddings": hidden, "attention_mask": mask}
    return module(features | ({"prompt_length": skip} if skip else {}))["sentence_embedding"]
