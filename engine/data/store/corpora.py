"""A training source as a stream of rows, which becomes a corpus in memory or, where it is large, on disk.

Shapes: G groups, L languages, R rows, K hard negatives of all rows together.
"""

from __future__ import annotations

import hashlib
import logging
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from engine.config import ConfigError
from engine.data.cache import cache_folder
from engine.data.corpus import CorpusRows, HardNegatives, ParallelCorpus, build_corpus, corpus_digest, select_languages
from engine.data.store.building import build_once
from engine.data.store.tables import CHUNK, TableWriter, TextColumn, read_table
from engine.progress import Counter, Tick

if TYPE_CHECKING:
    import pyarrow as pa

LARGE_BYTES = 64 << 20  # of a file that is read to disk instead of into memory

_FORMAT = "1"  # part of the key: a new layout is a new folder
_MANIFEST = "manifest.json"

logger = logging.getLogger(__name__)


class SourceRow(NamedTuple):
    """One group in one language. ``place`` says where it stands (a line), for messages."""

    place: int
    group: str
    language: str
    question: str
    passage: str
    passage_id: str
    cluster: str
    negatives: Sequence[str] = ()
    negative_ids: Sequence[str] = ()  # as many, or none for the whole source


@dataclass(frozen=True, slots=True)
class RowSource:
    """Rows that can be read again from the beginning."""

    label: str
    identity: str  # changes when the content does
    rows: Callable[[], Iterator[SourceRow]]
    locate: Callable[[int], str]  # a row's place, for messages


class _Manifest(msgspec.Struct, frozen=True):
    languages: tuple[str, ...]
    groups: int
    negatives: bool
    negative_ids: bool
    digest: str


def collect(
    source: RowSource,
    languages: Sequence[str],
    weight: float,
    *,
    large: bool,
    drop_repeats: bool = False,
    tick: Tick | None = None,
) -> ParallelCorpus:
    """The rows in ``languages`` (empty: all) as a corpus; a ``large`` one lies in the cache, memory-mapped.

    Args:
        drop_repeats: of a group's rows in one language the first counts; otherwise a second that differs is an error.
            What is left out is counted in a warning.
        tick: called as ``tick("reading rows", done, None)``; may raise to abandon the work.

    Raises:
        ConfigError: no row, an unknown language, a group that has a language twice with other texts, or rows of one
            group that differ in cluster; names the place.
    """
    if large:
        return _stored(source, languages, weight, tick, drop_repeats=drop_repeats)
    rows = list(source.rows())
    if not rows:
        raise ConfigError(f"{source.label}: expected at least one row")
    chosen = set(select_languages(languages, (row.language for row in rows), source.label))
    kept = [row for row in rows if row.language in chosen]
    every = len(kept)
    kept = _without_repeats(kept, whatever_they_say=drop_repeats)
    if len(kept) < every:
        _warn_of_repeats(source.label, every - len(kept), drop_repeats)
    columns = CorpusRows(
        groups=[row.group for row in kept],
        languages=[row.language for row in kept],
        questions=[row.question for row in kept],
        passages=[row.passage for row in kept],
        passage_ids=[row.passage_id for row in kept],
        clusters=[row.cluster for row in kept],
        negatives=[row.negatives for row in kept] if any(row.negatives for row in kept) else None,
        negative_ids=[row.negative_ids for row in kept] if any(row.negative_ids for row in kept) else None,
    )
    return build_corpus(source.label, columns, locate=lambda row: source.locate(kept[row].place), weight=weight)


def _without_repeats(rows: Sequence[SourceRow], *, whatever_they_say: bool) -> list[SourceRow]:
    """Of a group's rows in one language the first, and those that differ from it, unless ``whatever_they_say``."""
    first: dict[tuple[str, str], SourceRow] = {}
    return [
        row
        for row in rows
        if (before := first.setdefault((row.group, row.language), row)) is row
        or not (whatever_they_say or row._replace(place=before.place) == before)
    ]


def _warn_of_repeats(label: str, repeats: int, whatever_they_say: bool) -> None:
    same = "" if whatever_they_say else " that are the same word for word"
    logger.warning("%s: left out %d repeats of a group%s", label, repeats, same)


def _stored(
    source: RowSource, languages: Sequence[str], weight: float, tick: Tick | None, *, drop_repeats: bool
) -> ParallelCorpus:
    parts = [_FORMAT, source.identity, *sorted(set(languages)), str(drop_repeats)]
    folder = cache_folder() / "corpora" / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    build_once(folder, lambda new: _Writer(new, source, set(languages), tick).write(drop_repeats=drop_repeats), tick)
    return _open(folder, source.label, weight)


def _open(folder: Path, name: str, weight: float) -> ParallelCorpus:
    manifest = msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=_Manifest)
    rows, groups = read_table(folder / "rows.arrow"), read_table(folder / "groups.arrow")
    row_of = np.asarray(np.memmap(folder / "row_of", np.int64, mode="r"))
    negatives = None
    if manifest.negatives:
        table = read_table(folder / "negatives.arrow")
        negatives = HardNegatives(
            TextColumn(table["text"]),
            np.asarray(np.memmap(folder / "starts", np.int64, mode="r")),
            TextColumn(table["id"]) if manifest.negative_ids else None,
        )
    return ParallelCorpus(
        name=name,
        languages=manifest.languages,
        groups=TextColumn(groups["group"]),
        clusters=TextColumn(groups["cluster"]),
        row_of=row_of.reshape(manifest.groups, len(manifest.languages)),
        questions=TextColumn(rows["question"]),
        passages=TextColumn(rows["passage"]),
        passage_ids=TextColumn(rows["passage_id"]),
        negatives=negatives,
        weight=weight,
        digest=manifest.digest,
    )


class _Writer:
    """Writes a corpus to a folder: first its rows as they come, then which of them belong together."""

    def __init__(self, folder: Path, source: RowSource, languages: set[str], tick: Tick | None) -> None:
        self._folder, self._source, self._chosen, self._tick = folder, source, languages, tick
        self._codes: dict[str, int] = {}  # language -> number, in the order of the rows

    def write(self, *, drop_repeats: bool) -> None:
        """
        Raises:
            ConfigError: as ``collect``.
        """
        starts, with_ids = self._write_rows()
        if not self._codes:
            raise ConfigError(f"{self._source.label}: expected at least one row")
        languages = select_languages(sorted(self._chosen), self._codes, self._source.label)
        table = read_table(self._folder / "scratch.arrow")
        number, groups = self._write_groups(table)
        row_of = self._row_of(table, number, groups, languages, drop_repeats=drop_repeats)
        (self._folder / "row_of").write_bytes(row_of.data)
        (self._folder / "starts").write_bytes(starts.tobytes())
        (self._folder / "scratch.arrow").unlink()
        manifest = _Manifest(languages, groups, starts[-1] > 0, with_ids, "")
        path = self._folder / _MANIFEST
        path.write_bytes(msgspec.json.encode(manifest))
        digest = corpus_digest(_open(self._folder, "", 1.0))
        path.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, digest=digest)))

    def _write_rows(self) -> tuple[array[int], bool]:
        """Texts, and what grouping needs; returns the starts of the rows' negatives and whether these have ids."""
        text = ("question", "passage", "passage_id")
        rows = TableWriter(self._folder / "rows.arrow", dict.fromkeys(text, "string"))
        scratch = {"group": "string", "cluster": "string", "language": "int16", "place": "int64"}
        keys = TableWriter(self._folder / "scratch.arrow", scratch)
        negatives = TableWriter(self._folder / "negatives.arrow", {"text": "string", "id": "string"})
        starts, with_ids = array("q", [0]), False
        counter = Counter(self._tick, "reading rows", every=CHUNK)
        with rows, keys, negatives:
            for row in self._source.rows():
                code = self._codes.setdefault(row.language, len(self._codes))
                if self._chosen and row.language not in self._chosen:
                    continue
                rows.append((row.question, row.passage, row.passage_id))
                keys.append((row.group, row.cluster, code, row.place))
                with_ids = with_ids or bool(row.negative_ids)
                for index, negative in enumerate(row.negatives):
                    negatives.append((negative, row.negative_ids[index] if row.negative_ids else ""))
                starts.append(starts[-1] + len(row.negatives))
                counter.advance()
        return starts, with_ids

    def _write_groups(self, table: pa.Table) -> tuple[npt.NDArray[np.int64], int]:
        """The group of each row, [R], numbered in ascending order of id; and G."""
        import pyarrow.compute as pc

        order = pc.sort_indices(table["group"]).to_numpy()
        groups, clusters = TextColumn(table["group"]), TextColumn(table["cluster"])
        number = np.empty(len(order), dtype=np.int64)
        count, group, cluster = 0, "", ""
        file = TableWriter(self._folder / "groups.arrow", {"group": "string", "cluster": "string"})
        with file:
            for start in range(0, len(order), CHUNK):
                some = order[start : start + CHUNK].astype(np.int64)
                numbers = []
                for row, (id, its_cluster) in zip(
                    some.tolist(), zip(groups.take(some), clusters.take(some), strict=True), strict=True
                ):
                    if not count or id != group:
                        group, cluster, count = id, its_cluster, count + 1
                        file.append((group, cluster))
                    elif its_cluster != cluster:
                        raise ConfigError(
                            f"{self._place(table, row)}: cluster: expected {cluster!r} as in the other languages of"
                            f" group {group!r}"
                        )
                    numbers.append(count - 1)
                number[some] = numbers
        return number, count

    def _row_of(
        self,
        table: pa.Table,
        number: npt.NDArray[np.int64],
        groups: int,
        languages: tuple[str, ...],
        *,
        drop_repeats: bool,
    ) -> npt.NDArray[np.int64]:
        """[G, L]."""
        column_of = np.array([languages.index(name) if name in languages else -1 for name in self._codes])
        column = column_of[table["language"].to_numpy()]
        row_of = np.full((groups, len(languages)), -1, dtype=np.int64)
        cells, first = np.unique(number * len(languages) + column, return_index=True)  # of repeats the first row
        row_of.reshape(-1)[cells] = first
        is_first = np.zeros(len(number), dtype=bool)
        is_first[first] = True
        repeated = np.flatnonzero(~is_first)
        if len(repeated):
            _warn_of_repeats(self._source.label, len(repeated), drop_repeats)
        former_rows = row_of[number[repeated], column[repeated]]
        for row in () if drop_repeats else self._contradicting(repeated, former_rows):
            group, language = table["group"][row].as_py(), languages[column[row]]
            former = self._place(table, int(row_of[number[row], column[row]]))
            raise ConfigError(
                f"{self._place(table, row)}: group: {group!r} already has language {language!r} ({former})"
            )
        return row_of

    def _contradicting(self, repeated: npt.NDArray[np.int64], former: npt.NDArray[np.int64]) -> list[int]:
        """Those of the rows ``repeated`` [n] whose texts are not those of the rows ``former`` [n]."""
        differs = np.zeros(len(repeated), dtype=bool)
        if len(repeated):
            table = read_table(self._folder / "rows.arrow")
            for name in table.column_names:
                texts = TextColumn(table[name])
                pairs = zip(texts.take(repeated), texts.take(former), strict=True)
                differs |= np.array([again != first for again, first in pairs])
        return [int(row) for row in repeated[differs]]

    def _place(self, table: pa.Table, row: int) -> str:
        return self._source.locate(table["place"][row].as_py())
