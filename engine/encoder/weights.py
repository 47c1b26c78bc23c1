"""What is wrong with a file of a model, seen from its first bytes and its length."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

# In the order in which transformers looks for them.
WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_FOREIGN_WEIGHTS = {  # of other libraries
    "tf_model.h5": "TensorFlow",
    "flax_model.msgpack": "Flax",
    "onnx/model.onnx": "ONNX",
    "model.onnx": "ONNX",
}
_POINTER = b"version https://git-lfs"
_HEADER_LENGTH = 8  # bytes at the start of a safetensors file that say how long its header is
_LONGEST_HEADER = 100_000_000  # bytes; safetensors reads no longer one


def file_fault(path: Path) -> str | None:
    """Why no library can read this file, with what to do; None: nothing that its start or its length betrays."""
    if not path.is_file():
        return f"{path.name} is missing: download it again"
    size = path.stat().st_size
    if size == 0:
        return f"{path.name} is empty: download it again"
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(_POINTER):
        return f"{path.name} is a git-lfs pointer and not the file itself: run `git lfs pull` in its folder"
    if path.suffix == ".safetensors":
        return _safetensors_fault(path, size)
    if path.suffix == ".bin":
        return _pickle_fault(path, start)
    return None


def weights_fault(folder: Path) -> str | None:
    """The same of the weights that transformers would load from ``folder``, with all their shards."""
    path = weights_in(folder)
    if path is None:
        for name, library in _FOREIGN_WEIGHTS.items():
            if (folder / name).is_file():
                return f"its weights are {library}'s ({name}): it needs a model.safetensors"
        return "it has no weights (model.safetensors or pytorch_model.bin)"
    if fault := file_fault(path):
        return fault
    if path.suffix != ".json":
        return None
    try:
        shards = sorted(set(json.loads(path.read_bytes())["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError):
        return f"{path.name} is damaged: download it again"
    return next((fault for shard in shards if (fault := file_fault(folder / shard))), None)


def weights_in(folder: Path) -> Path | None:
    """The file that transformers would load the weights of ``folder`` from; of shards the index."""
    return next((folder / name for name in WEIGHT_FILES if (folder / name).is_file()), None)


def _safetensors_fault(path: Path, size: int) -> str | None:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_HEADER_LENGTH), "little")
        if size < _HEADER_LENGTH or length > _LONGEST_HEADER:
            return f"{path.name} is not a safetensors file: download it again"
        header = file.read(length)
    if len(header) == length:
        try:
            tensors = json.loads(header)
            end = max((entry["data_offsets"][1] for key, entry in tensors.items() if key != "__metadata__"), default=0)
        except (ValueError, KeyError, AttributeError, TypeError, IndexError):
            return f"{path.name} is damaged (its header is not readable): download it again"
        if size == _HEADER_LENGTH + length + end:
            return None
        if size > _HEADER_LENGTH + length + end:
            return f"{path.name} is damaged (longer than its header says): download it again"
        length += end
    return f"{path.name} is cut short ({size} of at least {_HEADER_LENGTH + length} bytes): download it again"


def _pickle_fault(path: Path, start: bytes) -> str | None:
    if start.startswith(b"PK"):  # a zip archive ends with its directory
        return None if zipfile.is_zipfile(path) else f"{path.name} is cut short or damaged: download it again"
    if start.startswith(b"\x80"):  # a bare pickle, as torch wrote before version 1.6
        return None
    return f"{path.name} is damaged (not a file of torch): download it again"
