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
