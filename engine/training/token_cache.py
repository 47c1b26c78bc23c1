"""Corpora tokenised once: flat files that are memory-mapped, so that millions of texts take no memory.

One folder an entry, named by all that decides its content: the digest of the texts, how they are tokenised (tokenizer,
prefixes, lengths), and whether hard negatives are among them. It is built beside its place and moved in whole:

    tokens/.KEY.lock          flock of the one process that builds
    tokens/.building-KEY/     progress.json, and the files so far
    tokens/KEY/               the same files, and manifest.json

What is built survives a kill: files are synced before ``progress.json`` names their lengths, and the next process cuts
them back to those and goes on. Others that want the same entry wait for the lock, and find it done, or go on.

Shapes: G groups, L languages, R rows, K hard negatives, n texts of a column, T their tokens.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine.data.corpus import ParallelCorpus
from engine.data.store.building import alone
from engine.encoder.tokens import TokenRows
from engine.files import move_in, remove_leftovers, sync, write_file, writing
from engine.progress import Counter
from engine.training.tokenized import (
    PassageKeys,
    TextColumns,
    Tokenize,
    TokenizedCorpus,
    TokenizedNegatives,
    text_columns,
)
from engine.training.usable import UsableGroups, usable_parts

_FORMAT = "1"  # part of every key: a new layout is a new entry
_CHUNK = 1 << 14  # texts between two syncs: what a kill can cost
_LIST = 1 << 16  # entries of an array written at a time
_MANIFEST, _PROGRESS = "manifest.json", "progress.json"


class ColumnSize(msgspec.Struct, frozen=True):
    texts: int
    tokens: int
    truncated: int
    segments: bool  # whether the tokenizer tells the two texts of a pair apart


class Manifest(msgspec.Struct, frozen=True):
    """Everything about an entry that its arrays do not say; ``None`` in ``usable`` stands for all groups."""

    languages: tuple[str, ...]
    groups: int
    rows: int
    columns: dict[str, ColumnSize]
    usable: list[int | None]  # L + 2


class _Columns(msgspec.Struct, frozen=True):
    columns: dict[str, ColumnSize]


def entry_key(digest: str, tokenization: Mapping[str, Any], *, negatives: bool) -> str:
    """The name of an entry: ``digest`` of the corpus, and what ``DualEncoder.tokenization`` says."""
    parts = {"format": _FORMAT, "texts": digest, "negatives": negatives, "tokenization": dict(tokenization)}
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:32]


def open_entry(folder: Path, name: str, weight: float) -> TokenizedCorpus | None:
    """The corpus of that entry, memory-mapped; None where it is not there, or damaged."""
    try:
        manifest = msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=Manifest)
        return _mapped(folder, manifest, name, weight)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def tokenize_stored(
    corpus: ParallelCorpus,
    tokenize: Tokenize,
    folder: Path,
    *,
    negatives: bool = False,
    counter: Counter | None = None,
) -> TokenizedCorpus:
    """The corpus from the entry ``folder``, which is built where it is not there.

    ``counter`` counts texts, also those that were done before, and reports after every chunk. A report that raises, or
    a kill, loses no more than a chunk.

    Raises:
        OSError: no space, or no permission.
    """
    columns = text_columns(corpus, negatives=negatives)
    found = open_entry(folder, corpus.name, corpus.weight)
    if found is None:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with alone(folder, lambda: counter.report(_texts_done(folder)) if counter is not None else None):
            found = open_entry(folder, corpus.name, corpus.weight)  # another process may have built it meanwhile
            if found is None:
                _build(corpus, columns, tokenize, folder, counter)
                counter = None  # it has counted them
                found = open_entry(folder, corpus.name, corpus.weight)
        if found is None:
            raise OSError(f"{folder}: cannot be read back")
    if counter is not None:
        counter.advance(sum(len(column.texts) for column in columns))
    return found


def write_arrays(folder: Path, languages: tuple[str, ...], row_of: npt.NDArray[np.int64]) -> Manifest:
    """Completes an entry whose columns are there: rows, usable groups and the manifest.

    Raises:
        OSError: a column is missing, or no space.
    """
    progress = _read_columns(folder)
    with writing(folder / "row_of", durable=True) as file:
        for start in range(0, len(row_of), _LIST):
            file.write(np.ascontiguousarray(row_of[start : start + _LIST], np.int64).tobytes())
    counts = _write_usable(folder, row_of)
    manifest = Manifest(languages, len(row_of), progress.columns["questions"].texts, progress.columns, counts)
    write_file(folder / _MANIFEST, msgspec.json.encode(manifest), durable=True)
    return manifest


class ColumnWriter:
    """Appends tokenised texts to the files of one column, after those that were committed before.

    Attributes:
        texts: how many there are.
    """

    def __init__(self, folder: Path, name: str, *, keyed: bool) -> None:
        self._folder, self._name = folder, name
        size = _read_columns(folder).columns.get(name)
        if size is None or not _is_whole(folder, name, size, keyed=keyed):
            size = ColumnSize(0, 0, 0, False)
        self.texts, self._tokens, self._truncated = size.texts, size.tokens, size.truncated
        self._segments = size.segments
        self._files = {part: (folder / f"{name}.{part}").open("ab") for part in _lengths(size, keyed=keyed)}
        for part, length in _lengths(size, keyed=keyed).items():
            self._files[part].truncate(length)  # what was written after the last commit
        if not size.texts:
            self._files["offsets"].truncate(0)
            self._files["offsets"].write(bytes(8))

    def append(self, rows: TokenRows, keys: PassageKeys | None) -> None:
        """The next texts [n]; ``keys`` for passages."""
        self._files["ids"].write(np.ascontiguousarray(rows.ids, np.int32).tobytes())
        self._files["offsets"].write((rows.offsets[1:] + self._tokens).tobytes())
        if rows.segments is not None:
            self._segments = True
            self._files["segments"].write(rows.segments.tobytes())
        if keys is not None:
            self._files["by_id"].write(keys.by_id.tobytes())
            self._files["by_text"].write(keys.by_text.tobytes())
        self.texts += len(rows)
        self._tokens += len(rows.ids)
        self._truncated += rows.truncated

    def commit(self) -> None:
        """Syncs the files, then says in ``progress.json`` how far they go."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        columns = _read_columns(self._folder).columns
        size = ColumnSize(self.texts, self._tokens, self._truncated, self._segments)
        write_file(self._folder / _PROGRESS, msgspec.json.encode(_Columns({**columns, self._name: size})), durable=True)

    def close(self) -> None:
        for file in self._files.values():
            file.close()


def _lengths(size: ColumnSize, *, keyed: bool) -> dict[str, int]:
    """Bytes of the files of a column."""
    lengths = {"ids": 4 * size.tokens, "offsets": 8 * (size.texts + 1), "segments": size.tokens * size.segments}
    return lengths | ({"by_id": 8 * size.texts, "by_text": 8 * size.texts} if keyed else {})


def _is_whole(folder: Path, name: str, size: ColumnSize, *, keyed: bool) -> bool:
    paths = {folder / f"{name}.{part}": length for part, length in _lengths(size, keyed=keyed).items()}
    return all(path.is_file() and path.stat().st_size >= length for path, length in paths.items())


def _build(
    corpus: ParallelCorpus, columns: list[TextColumns], tokenize: Tokenize, target: Path, counter: Counter | None
) -> None:
    folder = _building(target)
    folder.mkdir(exist_ok=True, mode=0o700)
    remove_leftovers(folder)
    for column in columns:
        writer = ColumnWriter(folder, column.name, keyed=column.keyed)
        try:
            if counter is not None and writer.texts:
                counter.advance(writer.texts)
            for texts, contexts, ids in column.chunks(writer.texts, _CHUNK):
                rows = tokenize(texts, contexts, column.kind)
                writer.append(rows, PassageKeys.of(ids, texts) if column.keyed else None)
                writer.commit()
                if counter is not None:
                    counter.advance(len(texts))
            writer.commit()
        finally:
            writer.close()
    if corpus.negatives is not None and "negatives" in _read_columns(folder).columns:
        write_file(folder / "starts", np.ascontiguousarray(corpus.negatives.starts, np.int64).tobytes(), durable=True)
    write_arrays(folder, corpus.languages, corpus.row_of)
    move_in(folder, target)  # what is there, is damaged


def _write_usable(folder: Path, row_of: npt.NDArray[np.int64]) -> list[int | None]:
    """One file a list of ``usable_parts``; no file, and None, where it holds all groups."""
    counts = [0] * (row_of.shape[1] + 2)
    paths = [folder / f"usable.{number}" for number in range(len(counts))]
    for path in paths:
        path.unlink(missing_ok=True)
    for lists in usable_parts(row_of):
        for number, groups in enumerate(lists):
            counts[number] += len(groups)
            with paths[number].open("ab") as file:
                file.write(groups.tobytes())
    for path, count in zip(paths, counts, strict=True):
        if count == len(row_of):
            path.unlink()
        else:
            sync(path)
    return [None if count == len(row_of) else count for count in counts]


def _mapped(folder: Path, manifest: Manifest, name: str, weight: float) -> TokenizedCorpus:
    """
    Raises:
        OSError: a file is missing.
        ValueError: a file has another length than the manifest says.
    """
    rows, keys = {}, {}
    for column, size in manifest.columns.items():
        rows[column] = TokenRows(
            _map(folder / f"{column}.ids", np.int32, size.tokens),
            _map(folder / f"{column}.offsets", np.int64, size.texts + 1),
            size.truncated,
            _map(folder / f"{column}.segments", np.uint8, size.tokens) if size.segments else None,
        )
        if column != "questions":
            keys[column] = PassageKeys(
                _map(folder / f"{column}.by_id", np.uint64, size.texts),
                _map(folder / f"{column}.by_text", np.uint64, size.texts),
            )
    negatives = None
    if "negatives" in rows:
        starts = _map(folder / "starts", np.int64, manifest.rows + 1)
        negatives = TokenizedNegatives(starts, rows["negatives"], keys["negatives"])
    columns = len(manifest.languages)
    lists = [
        None if count is None else _map(folder / f"usable.{number}", np.int32, count)
        for number, count in enumerate(manifest.usable)
    ]
    return TokenizedCorpus(
        name=name,
        languages=manifest.languages,
        row_of=_map(folder / "row_of", np.int64, manifest.groups * columns).reshape(manifest.groups, columns),
        usable=UsableGroups.from_lists(manifest.groups, lists),
        questions=rows["questions"],
        passages=rows["passages"],
        keys=keys["passages"],
        negatives=negatives,
        weight=weight,
    )


def _map(path: Path, dtype: Any, count: int) -> npt.NDArray[Any]:
    expected = count * np.dtype(dtype).itemsize
    if path.stat().st_size != expected:
        raise ValueError(f"{path}: expected {expected} bytes")
    # As a plain array: indexing the subclass costs several times as much. No pages are read here.
    return np.asarray(np.memmap(path, dtype, mode="r")) if count else np.empty(0, dtype)


def _building(folder: Path) -> Path:
    return folder.with_name(f".building-{folder.name}")


def _texts_done(folder: Path) -> int:
    return sum(size.texts for size in _read_columns(_building(folder)).columns.values())


def _read_columns(folder: Path) -> _Columns:
    try:
        return msgspec.json.decode((folder / _PROGRESS).read_bytes(), type=_Columns)
    except (OSError, msgspec.MsgspecError):
        return _Columns({})
