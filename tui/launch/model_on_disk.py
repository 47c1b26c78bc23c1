"""What lies on this disk of the model that a config names, and what it says of itself.

Everything here reads files and is called in a worker thread.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.config import ModelConfig
from engine.model_description import ModelDescription, files_of, read_description
from engine.paths import expanded, home_folder

_HEADER_LIMIT = 100 * 1024 * 1024


@dataclass(frozen=True)
class ModelOnDisk:
    """``described`` is None where the description, if the model has one, has not been downloaded yet."""

    folder: Path
    described: ModelDescription | None

    def parameters(self) -> int | None:
        """Counted in the headers of the safetensors files of body and head; None where there are none."""
        described = self.described or ModelDescription()
        folders = [described.body_path, *(module.path for module in described.head if module.path)]
        files = {path for folder in folders for path in (self.folder / folder).glob("*.safetensors")}
        return sum(filter(None, map(_parameters_in, sorted(files)))) or None


def model_on_disk(model: ModelConfig) -> ModelOnDisk | None:
    """Of a local folder, or of a snapshot in the hub's cache; None: downloaded when a run starts, or made by it.

    Raises:
        ConfigError: the model's own description cannot be used, names the field.
    """
    if model.name == "tiny":
        return None
    path = expanded(model.name)
    if path.is_dir():
        return ModelOnDisk(path, read_description(model.name, files_of(path)))
    cached = _cached(model)
    if cached is None:
        return None
    repository, snapshot = cached
    # A snapshot holds what somebody asked for, which need not be all. What the hub has not is marked beside it.
    absent = repository / ".no_exist" / snapshot.name / "modules.json"
    told = (snapshot / "modules.json").is_file() or absent.exists()
    return ModelOnDisk(snapshot, read_description(model.name, files_of(snapshot)) if told else None)


def _cached(model: ModelConfig) -> tuple[Path, Path] | None:
    """(repository, snapshot) in the hub's cache: of the revision, else of what "main" was when last asked for."""
    home = Path(os.environ.get("HF_HOME") or home_folder() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    repository = cache / f"models--{model.name.replace('/', '--')}"
    try:
        snapshots = {place.name: place for place in (repository / "snapshots").iterdir() if place.is_dir()}
        commit = _commit(repository, model.revision or "main")
        if model.revision is None and commit not in snapshots:
            commit = max(snapshots, key=lambda name: snapshots[name].stat().st_mtime, default="")
        return (repository, snapshots[commit]) if commit in snapshots else None
    except OSError:
        return None


def _commit(repository: Path, revision: str) -> str:
    """A branch or tag is a file with its commit in it; a commit stands for itself."""
    reference = repository / "refs" / revision
    if reference.resolve().is_relative_to((repository / "refs").resolve()) and reference.is_file():
        return reference.read_text(encoding="utf-8", errors="replace").strip()
    return revision


def _parameters_in(path: Path) -> int | None:
    """From the header of a safetensors file: 8 bytes of length, then JSON with the shape of every tensor."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _HEADER_LIMIT:
                return None
            header = json.loads(file.read(length))
    except (OSError, ValueError):
        return None
    try:
        shapes = [
            msgspec.convert(tensor["shape"], list[int]) for name, tensor in header.items() if name != "__metadata__"
        ]
    except (AttributeError, KeyError, TypeError, msgspec.ValidationError):
        return None
    return sum(map(math.prod, shapes))
