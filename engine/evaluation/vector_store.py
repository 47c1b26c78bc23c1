"""Vectors on disk: float16 shards of a fixed number of rows, memory-mapped, each written whole or not at all.

A shard that is there is complete; what a killed process was writing is not there. So encoding resumes at the first
missing shard, and reading costs page cache, which the system takes back when it needs it.

Shapes: T rows, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from engine.evaluation.ranks import Floats, Ints
from engine.files import write_file, writing

Halves = npt.NDArray[np.float16]

_MANIFEST = "manifest.json"


class _Manifest(msgspec.Struct, frozen=True):
    rows: int
    width: int
    rows_per_shard: int


class _Shard(msgspec.Struct, frozen=True):
    truncated: int  # texts that were cut to fit


class VectorStore:
    """T x D, in ``folder``; its name is the key of its content."""

    def __init__(self, folder: Path, manifest: _Manifest) -> None:
        self.folder = folder
        self._manifest = manifest

    @classmethod
    def open(cls, folder: Path, rows: int, width: int, rows_per_shard: int) -> VectorStore:
        """The store of that folder, created where there is none; an existing one keeps its shards' size."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / _MANIFEST
        if not path.exists():
            write_file(path, msgspec.json.encode(_Manifest(rows, width, rows_per_shard)), durable=True)
        manifest = msgspec.json.decode(path.read_bytes(), type=_Manifest)
        if (manifest.rows, manifest.width) != (rows, width):
            raise ValueError(f"{folder}: holds {manifest.rows} x {manifest.width} vectors, not {rows} x {width}")
        return cls(folder, manifest)

    def __len__(self) -> int:
        return self._manifest.rows

    @property
    def width(self) -> int:
        return self._manifest.width

    @property
    def shards(self) -> list[range]:
        """The rows of each shard."""
        step = self._manifest.rows_per_shard
        return [range(start, min(start + step, len(self))) for start in range(0, len(self), step)]

    def missing(self) -> list[int]:
        """Numbers of the shards that are still to be written."""
        return [number for number in range(len(self.shards)) if not self._path(number).exists()]

    def write(self, number: int, vectors: Floats, truncated: int) -> None:
        """Stores one shard, rounded to float16."""
        if vectors.shape != (len(self.shards[number]), self.width):
            raise ValueError(f"shard {number}: unexpected shape {vectors.shape}")
        path = self._path(number)
        write_file(path.with_suffix(".json"), msgspec.json.encode(_Shard(truncated)), durable=True)
        with writing(path, durable=True) as file:
            np.save(file, vectors.astype(np.float16))

    def truncated(self) -> int:
        """Texts that were cut to fit, in all shards."""
        notes = (self._path(number).with_suffix(".json").read_bytes() for number in range(len(self.shards)))
        return sum(msgspec.json.decode(note, type=_Shard).truncated for note in notes)

    def blocks(self) -> Iterator[Halves]:
        """The shards in order, as they lie on disk."""
        for number in range(len(self.shards)):
            yield self._map(number)

    def gather(self, rows: Ints, into: Floats) -> None:
        """Fills ``into`` [u, D] with ascending ``rows`` [u]."""
        step = self._manifest.rows_per_shard
        bounds = np.searchsorted(rows, np.arange(len(self.shards) + 1) * step)
        for number in np.flatnonzero(np.diff(bounds)).tolist():
            part = slice(int(bounds[number]), int(bounds[number + 1]))
            wanted, shard = rows[part] - number * step, self._map(number)
            whole = wanted[-1] - wanted[0] + 1 == len(wanted)
            into[part] = shard[wanted[0] : wanted[-1] + 1] if whole else shard[wanted]

    def _map(self, number: int) -> Halves:
        # Mapped anew each time: what is not in use is not counted as this process's memory.
        array: Halves = np.load(self._path(number), mmap_mode="r")
        return array

    def _path(self, number: int) -> Path:
        return self.folder / f"shard-{number:06d}.npy"
