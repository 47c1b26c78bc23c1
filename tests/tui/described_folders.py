"""Model folders as SentenceTransformers leaves them, without weights that could be loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HEAD = {"Dense": {"in_features": 4, "out_features": 2, "bias": True}, "Normalize": {}, "LayerNorm": {"dimension": 2}}


def write_weights(path: Path, **shapes: list[int]) -> None:
    """A safetensors file of which only the header is there."""
    tensors = {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    header = json.dumps({"__metadata__": {"format": "pt"}, **tensors}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(header).to_bytes(8, "little") + header)


def described_folder(
    folder: Path,
    *head: str,
    pooling: str = "cls",
    body: str = "",
    prompts: dict[str, str] | None = None,
    tokens: int = 128,
) -> Path:
    """Transformer, Pooling and ``head``, each with its settings; ``body`` is where the Transformer lies."""
    modules = [{"type": "sentence_transformers.models.Transformer", "path": body}]
    modules.append({"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"})
    modules += [
        {"type": f"sentence_transformers.models.{kind}", "path": f"{number}_{kind}"}
        for number, kind in enumerate(head, 2)
    ]
    settings: dict[str, Any] = {
        "modules.json": modules,
        "config_sentence_transformers.json": {"prompts": prompts or {}},
        f"{body}/sentence_bert_config.json": {"max_seq_length": tokens},
        "1_Pooling/config.json": {"pooling_mode": pooling},
    }
    settings |= {f"{number}_{kind}/config.json": HEAD.get(kind, {}) for number, kind in enumerate(head, 2)}
    for name, content in settings.items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return folder
