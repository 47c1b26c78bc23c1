"""Tensor files whose SHA-256 is known when they are written: nothing is read again to be hashed."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

_digests: ContextVar[dict[Path, str] | None] = ContextVar("digests", default=None)


def save_file(tensors: Mapping[str, Tensor], path: str | Path, metadata: dict[str, str] | None = None) -> None:
    """``safetensors.torch.save_file``; within ``recording_digests`` the file's digest is recorded.

    Raises:
        OSError, SafetensorError: disk full, no permission.
    """
    here = {name: tensor.detach().cpu() for name, tensor in tensors.items()}  # once, for writing and hashing
    safetensors.torch.save_file(here, path, metadata)
    if (recorded := _digests.get()) is not None:
        recorded[Path(path)] = _digest(Path(path), here)


@contextmanager
def recording_digests() -> Iterator[dict[Path, str]]:
    """SHA-256 by path of the tensor files that this thread writes within, transformers' ``save_pretrained`` included.

    Of a release of transformers that writes in another way nothing is recorded: who needs the digest reads the file.
    """
    recorded: dict[Path, str] = {}
    saving = sys.modules.get("transformers.modeling_utils")  # not loaded: there is no model that it could save
    theirs = getattr(saving, "safe_save_file", None)
    token = _digests.set(recorded)
    try:
        if theirs is not None:
            setattr(saving, "safe_save_file", save_file)  # noqa: B010 - of a module whose type does not tell of it
        yield recorded
    finally:
        _digests.reset(token)
        if theirs is not None:
            setattr(saving, "safe_save_file", theirs)  # noqa: B010


def _digest(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the file, from its header and the memory that it was written from.

    The header is eight bytes with its length, then JSON; the tensors' bytes follow in the order of their offsets.
    """
    with path.open("rb") as file:
        length = file.read(8)
        header = file.read(int.from_bytes(length, "little"))
    digest = hashlib.sha256(length + header)
    entries = json.loads(header)
    entries.pop("__metadata__", None)
    for name in sorted(entries, key=lambda name: entries[name]["data_offsets"]):
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
