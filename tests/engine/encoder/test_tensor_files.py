"""Digests of tensor files that are known without reading them: the same as of the bytes on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import safetensors.torch
import torch
from transformers import BertConfig, BertModel

from engine.encoder.tensor_files import recording_digests, save_file


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_the_digest_is_of_the_file_whatever_types_and_shapes_it_holds(tmp_path: Path, metadata) -> None:
    """Files order tensors by type and then by name, which is not the order that they are handed over in."""
    dtypes = [torch.float32, torch.int64, torch.bfloat16, torch.uint8, torch.float16, torch.bool, torch.float64]
    tensors = {f"{index}/Ä {dtype}": torch.randn(3, index).to(dtype) for index, dtype in enumerate(dtypes)}
    tensors |= {"step": torch.tensor(7.0), "a": torch.randn(2, 3)}
    with recording_digests() as digests:
        save_file(tensors, tmp_path / "ours", metadata)
    safetensors.torch.save_file(tensors, tmp_path / "theirs", metadata)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert digests == {tmp_path / "ours": sha256(tmp_path / "ours")}


def test_what_transformers_saves_is_recorded_also_in_parts(tmp_path: Path) -> None:
    """A release that writes in another way fails here; checkpoints would then be read again, and nothing else."""
    model = BertModel(BertConfig(hidden_size=16, num_attention_heads=2, num_hidden_layers=3, intermediate_size=16))
    with recording_digests() as digests:
        model.save_pretrained(tmp_path, max_shard_size="100KB")
    files = set(tmp_path.glob("*.safetensors"))
    assert len(files) > 1
    assert digests == {path: sha256(path) for path in files}
    model.save_pretrained(tmp_path / "later")
    assert digests.keys() == files
