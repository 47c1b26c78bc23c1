"""Collections of passages too large for memory: read once, sorted by id, kept as an Arrow file in the cache.

The cache key is the identity of what was read (path, size and time of each file), so that a changed file is read again.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from engine.config import ConfigError
from engine.data.cache import cache_folder
from engine.data.digest import ContentDigest
from engine.data.store.building import build_once
from engine.data.store.tables import CHUNK, TableWriter, TextColumn, read_table
from engine.progress import Counter, Tick

if TYPE_CHECKING:
    import pyarrow as pa

_FORMAT = "1"  # part of the key: a new layout is a new file
_PASSAGES, _SUMMARY = "passages.arrow", "summary.json"


@dataclass(frozen=True, slots=True)
class PassageFile:
    """One file, or one hub data set, of passages in one language, or in the languages that each row names."""

    label: str  # for messages
    identity: str  # changes when the content does
    id_field: str  # what the id is called there, for messages
    rows: Callable[[], Iterable[PassageRow]]


@dataclass(frozen=True, slots=True)
class PassageRow:
    line: int
    language: str
    id: str
    text: str


class _Summary(msgspec.Struct, frozen=True):
    digest: str
    runs: list[tuple[str, int]]  # languages in the order of the ids, with their numbers of passages
    repeats: int = 0  # passages that were there again, word for word
    empty: int = 0  # passages without a text


@dataclass(frozen=True, slots=True)
class Passages:
    """Sorted by id, ``LANGUAGE:p:NAME``."""

    ids: TextColumn
    texts: TextColumn
    runs: Sequence[tuple[str, int]]
    digest: str  # SHA-256 over ids and texts
    repeats: int = field(default=0, kw_only=True)  # left out: passages that were there again, word for word
    empty: int = field(default=0, kw_only=True)  # passages without a text

    def find(self, id: str) -> int | None:
        """The index of an id."""
        index = bisect_left(self.ids, id)
        return index if index < len(self.ids) and self.ids[index] == id else None

    def language_column(self, languages: Sequence[str]) -> npt.NDArray[np.int16]:
        """[n] indices into ``languages``."""
        codes = [languages.index(language) for language, _ in self.runs]
        return np.repeat(np.array(codes, np.int16), [count for _, count in self.runs])


def titled(title: str | None, text: str) -> str:
    """What is encoded: title, space, text, as BEIR's and MIRACL's own baselines do."""
    return f"{title or ''} {text}".strip()


def load_passages(files: Sequence[PassageFile], tick: Tick | None = None) -> Passages:
    """All passages of the files; from the cache where they were read before.

    Args:
        tick: called as ``tick("reading passages", done, None)``; may raise to abandon the work.

    Raises:
        ConfigError: ``FILE:LINE: field: ...``; nothing is left in the cache.
    """
    key = hashlib.sha256("\n".join([_FORMAT, *(file.identity for file in files)]).encode()).hexdigest()
    folder = cache_folder() / "passages" / key[:32]
    build_once(folder, lambda new: _write(files, new, tick), tick)
    table = read_table(folder / _PASSAGES)
    summary = msgspec.json.decode((folder / _SUMMARY).read_bytes(), type=_Summary)
    columns = TextColumn(table["id"]), TextColumn(table["text"])
    return Passages(*columns, summary.runs, summary.digest, repeats=summary.repeats, empty=summary.empty)


def _write(files: Sequence[PassageFile], folder: Path, tick: Tick | None) -> None:
    """Reads all files, then writes their passages in ascending order of id."""
    import pyarrow.compute as pc

    unsorted = folder / "unsorted.arrow"
    _read(files, unsorted, tick)
    table = read_table(unsorted)
    if not len(table):
        raise ConfigError(f"{files[0].label}: expected at least one passage")
    order = pc.sort_indices(table["id"]).to_numpy()
    ids, texts = TextColumn(table["id"]), TextColumn(table["text"])
    digest, counter = ContentDigest(), Counter(tick, "sorting passages", len(order))
    runs: list[tuple[str, int]] = []
    previous, text_before, row_before, repeats, empty = "", "", 0, 0, 0
    with TableWriter(folder / _PASSAGES, {"id": "string", "text": "string"}) as writer:
        for start in range(0, len(order), CHUNK):
            some = order[start : start + CHUNK].astype(np.int64)
            for row, id, text in zip(some.tolist(), ids.take(some), texts.take(some), strict=True):
                if id == previous:
                    if text != text_before:
                        raise ConfigError(_twice(files, table, row_before, row, id))
                    repeats += 1
                    continue
                previous, text_before, row_before = id, text, row
                empty += not text.strip()
                digest.add(id, text)
                language = id.partition(":")[0]
                if not runs or runs[-1][0] != language:
                    runs.append((language, 0))
                runs[-1] = language, runs[-1][1] + 1
                writer.append((id, text))
            counter.advance(len(some))
    unsorted.unlink()
    (folder / _SUMMARY).write_bytes(msgspec.json.encode(_Summary(digest.hexdigest(), runs, repeats, empty)))


def _read(files: Sequence[PassageFile], path: Path, tick: Tick | None) -> None:
    counter = Counter(tick, "reading passages", every=CHUNK)
    with TableWriter(path, {"id": "string", "text": "string", "file": "int32", "line": "int64"}) as writer:
        for number, file in enumerate(files):
            for row in file.rows():
                if not row.id:
                    raise ConfigError(f"{file.label}:{row.line}: {file.id_field}: expected an id")
                writer.append((f"{row.language}:p:{row.id}", row.text, number, row.line))
                counter.advance()


def _twice(files: Sequence[PassageFile], table: pa.Table, first: int, second: int, id: str) -> str:
    """The rows ``first`` and ``second`` have one id and two texts; the sort keeps their order."""
    places = [f"{files[table['file'][row].as_py()].label}:{table['line'][row].as_py()}" for row in (first, second)]
    field, name = files[table["file"][second].as_py()].id_field, id.split(":", 2)[2]
    return f"{places[1]}: {field}: {name!r} comes twice with different texts (first {places[0]})"
