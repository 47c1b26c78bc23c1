"""Vectors of a benchmark's queries and passages in a folder, made by whatever program.

    queries.npy    [Q, D], floating point        queries.txt    the id of each row, one a line
    passages.npy   [C, D], floating point        passages.txt   the same for passages

Ids are the benchmark's; rows come in any order. A list of ids in queries.json or passages.json may stand for
the text file.

Shapes: Q queries, C candidates, D dimensions, U distinct vectors, n rows of a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Floats, Ints
from engine.files import write_folder

Side = Literal["queries", "passages"]

_BLOCK = 1 << 14  # rows looked at together
_UNIT = 1e-3  # how far from 1 the length of a normalised vector may be: float16 rounds by half of that


@dataclass(frozen=True, slots=True)
class Vectors:
    """One side's vectors, as they lie in a file, and the row of each id of the benchmark.

    Attributes:
        is_normalized: all of them have length 1, within the rounding of float16.
        digest: SHA-256 of the vectors and of the ids.
    """

    rows: npt.NDArray[Any]  # [n, D], memory-mapped
    row_of: Ints  # [Q] or [C]
    is_normalized: bool
    digest: str

    @property
    def width(self) -> int:
        return int(self.rows.shape[1])

    def __len__(self) -> int:
        return len(self.row_of)

    def take(self, numbers: Ints) -> Floats:
        """The vectors of ids of the benchmark, by their numbers [u], in float32 [u, D]."""
        return np.asarray(self.rows[self.row_of[numbers]], np.float32)


def save_vectors(folder: Path, benchmark: Benchmark, queries: Floats, passages: Floats) -> None:
    """Writes vectors [Q, D] and [C, D], in the benchmark's order of ids; an existing folder is replaced.

    Raises:
        ValueError: there are not as many vectors as ids.
        OSError: the folder cannot be written.
    """

    def fill(new: Path) -> None:
        for side, ids, vectors in (
            ("queries", benchmark.query_ids, queries),
            ("passages", benchmark.candidate_ids, passages),
        ):
            if len(ids) != len(vectors):
                raise ValueError(f"{len(vectors)} vectors of {len(ids)} {side}")
            np.save(new / f"{side}.npy", vectors)
            (new / f"{side}.json").write_bytes(msgspec.json.encode(list(ids)))

    write_folder(folder, fill)


def load_vectors(folder: Path, benchmark: Benchmark) -> tuple[Vectors, Vectors]:
    """Queries and passages of a folder, checked against the benchmark.

    Raises:
        ConfigError: a file is missing or of another form; ids are missing, double or not the benchmark's (those of
            queries that a sample of them left out may stay); widths differ; a vector is not finite. One line that
            names the file.
    """
    is_sample = benchmark.sampled is not None
    queries = _load(folder, "queries", benchmark.query_ids, benchmark.key, may_have_others=is_sample)
    passages = _load(folder, "passages", benchmark.candidate_ids, benchmark.key, may_have_others=False)
    if queries.width != passages.width:
        raise ConfigError(
            f"{folder}: queries.npy has vectors of width {queries.width}, passages.npy of width {passages.width}"
        )
    return queries, passages


def _load(folder: Path, side: Side, wanted: Sequence[str], key: str, *, may_have_others: bool) -> Vectors:
    path = folder / f"{side}.npy"
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; expected queries.npy and passages.npy with their ids") from None
    except (OSError, ValueError, EOFError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if rows.ndim != 2 or rows.shape[1] == 0 or not np.issubdtype(rows.dtype, np.floating):
        raise ConfigError(f"{path}: expected floating point numbers [{side}, width], got {rows.dtype} {rows.shape}")
    ids_path, ids = _ids(folder, side)
    if len(ids) != len(rows):
        raise ConfigError(f"{ids_path}: {len(ids):,} ids for {len(rows):,} vectors")
    is_normalized = True
    hasher = hashlib.sha256(f"{rows.dtype} {rows.shape}".encode())
    for start, block in _blocks(rows):
        if not np.isfinite(block).all():
            at = start + int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
            raise ConfigError(f"{path}: the vector of {ids[at]!r} (row {at:,}) is not finite")
        is_normalized = is_normalized and bool((np.abs(np.linalg.norm(block, axis=1) - 1) < _UNIT).all())
        hasher.update(block.tobytes())
    for id in ids:
        hasher.update(f"{len(id)} {id}".encode())
    row_of = _places(ids, wanted, ids_path, key, may_have_others=may_have_others)
    return Vectors(rows, row_of, is_normalized, hasher.hexdigest())


def _blocks(rows: npt.NDArray[Any]) -> Iterator[tuple[int, Floats]]:
    for start in range(0, len(rows), _BLOCK):
        with np.errstate(over="ignore"):  # what float32 cannot hold is told as not finite
            yield start, np.asarray(rows[start : start + _BLOCK], np.float32)


def _ids(folder: Path, side: Side) -> tuple[Path, list[str]]:
    text, listed = folder / f"{side}.txt", folder / f"{side}.json"
    try:
        if text.exists():
            return text, text.read_text(encoding="utf-8-sig").splitlines()
        return listed, msgspec.json.decode(listed.read_bytes(), type=list[str])
    except FileNotFoundError:
        raise ConfigError(f"{folder}: expected {text.name}, one id a line, or {listed.name}, a list of ids") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"{listed if not text.exists() else text}: {error}") from None


def _places(ids: Sequence[str], wanted: Sequence[str], path: Path, key: str, *, may_have_others: bool) -> Ints:
    """The row of each id of the benchmark."""
    row_of: dict[str, int] = {}
    for row, id in enumerate(ids):
        if row_of.setdefault(id, row) != row:
            raise ConfigError(f"{path}: id {id!r} comes twice (rows {row_of[id]:,} and {row:,})")
    missing = [id for id in wanted if id not in row_of]
    if missing:
        raise ConfigError(f"{path}: {len(missing):,} ids of {key} are missing, the first is {missing[0]!r}")
    if len(ids) > len(wanted) and not may_have_others:
        known = set(wanted)
        extra = [id for id in ids if id not in known]
        raise ConfigError(f"{path}: {len(extra):,} ids are not of {key}, the first is {extra[0]!r}")
    return np.array([row_of[id] for id in wanted], np.int64)
