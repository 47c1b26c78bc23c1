"""Tables of hub data sets, by subset and split: from the hub, or from a folder laid out as the hub's repository.

A folder is read as its README.md says, where that names the subsets, as the README of a copy of a repository does.
Without one, the files of a subset are ``SUBSET.EXT``, ``data/SUBSET.EXT`` or, in a folder ``SUBSET`` or
``data/SUBSET``, those called ``SPLIT.EXT`` or ``SPLIT-*.EXT``, or those of the only split; EXT is jsonl, jsonl.gz,
parquet or tsv.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.config import ConfigError
from engine.data.cache import offline
from engine.data.lines import visible_files

if TYPE_CHECKING:
    from datasets import Dataset

_SLICE = 4096  # rows read at a time
_FORMATS = {".jsonl": "json", ".jsonl.gz": "json", ".parquet": "parquet", ".tsv": "csv"}


def hub_table(repository: str, folder: Path | None, subset: str | None, split: str, columns: Iterable[str]) -> Dataset:
    """One split of one subset; columns beyond ``columns`` may be there too.

    Args:
        repository: its name on the hub.
        folder: a local copy of it; None: from the hub, or its cache.

    Raises:
        ConfigError: one line: not there, not readable, or a column is missing.
    """
    label = repository if folder is None else str(folder)
    forbid_network()
    from datasets import load_dataset

    try:
        if folder is None or names_subsets(folder):
            data = load_dataset(label, subset, split=split)
        else:
            kind, files = _table_files(folder, subset, split)
            options = {"sep": "\t"} if kind == "csv" else {}
            data = load_dataset(kind, data_files=[str(path) for path in files], split="train", **options)
    except (OSError, ValueError, RuntimeError) as error:
        where = "from the hub" if folder is None else "from the folder"
        name = split if subset is None else f"{subset}, {split}"
        raise ConfigError(f"{label}: cannot load {name!r} {where}: {first_line(error)}") from None
    for column in columns:
        if column not in data.column_names:
            names = ", ".join(data.column_names)
            raise ConfigError(f"{label}: {subset or split}: no column {column!r}, the data set has {names}")
    return data


def table_rows(data: Dataset) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row number from 1, its columns), read in slices."""
    number = 0
    for batch in data.iter(batch_size=_SLICE):
        for values in zip(*batch.values(), strict=True):
            number += 1
            yield number, dict(zip(batch, values, strict=True))


def forbid_network() -> None:
    """Keeps the hub's libraries offline where the user wants that."""
    if offline():
        os.environ["HF_HUB_OFFLINE"] = "1"
        for name in ("huggingface_hub.constants", "datasets.config"):  # what was imported before has read it already
            if (module := sys.modules.get(name)) is not None:
                module.HF_HUB_OFFLINE = True  # type: ignore[attr-defined]


def names_subsets(folder: Path) -> bool:
    """Whether the README of a copied repository says which files are which subset."""
    readme = folder / "README.md"
    return readme.is_file() and "config_name:" in readme.read_text(encoding="utf-8", errors="replace")


def table_files(folder: Path, subset: str | None, split: str) -> tuple[str, list[Path]] | None:
    """The format and the files of a subset in a folder without a README; None: there are none."""
    for extension, kind in _FORMATS.items():
        for root in (folder, folder / "data"):
            if subset is not None and (path := root / f"{subset}{extension}").is_file():
                return kind, [path]
            splits: dict[str, list[Path]] = {}
            for path in visible_files(root / subset if subset is not None else root, f"*{extension}"):
                splits.setdefault(path.name.removesuffix(extension).partition("-")[0], []).append(path)
            only = next(iter(splits.values())) if len(splits) == 1 and subset is not None else None
            if found := splits.get(split) or only:
                return kind, found
    return None


def _table_files(folder: Path, subset: str | None, split: str) -> tuple[str, list[Path]]:
    found = table_files(folder, subset, split)
    if found is None:
        name = split if subset is None else f"{subset} or {subset}/{split}"
        raise ConfigError(f"{folder}: no {name} with one of the endings {', '.join(_FORMATS)}")
    return found


def first_line(error: BaseException) -> str:
    """What an error of another library says, on one line."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
