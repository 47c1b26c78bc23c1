"""mMARCO (arXiv 2108.13897): MS MARCO's passages and queries in 14 languages, aligned by their ids.

The layout of the hub data set unicamp-dl/mmarco, found in the folder given (its ``data/google``, for example) or in one
flat folder:

    [collections/]ENGLISH-NAME_collection.tsv             passage id, tab, passage
    [queries/][train/]ENGLISH-NAME_queries.train.tsv      query id, tab, query
    triples*.tsv, here or in the folder above             query id, id of an answer, id of a passage that is none

A group is a query with one of its answers; the third column gives its hard negatives. Texts stay in the files, which
are memory-mapped, until the rows are written to the cache: in memory are ids and positions only.

Shapes: P pairs of query and answer, m = most negatives of a pair, n lines of a file.
"""

from __future__ import annotations

import logging
import mmap
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.config import MMARCO_LANGUAGES, ConfigError
from engine.data.cache import file_identity
from engine.data.corpus import ParallelCorpus
from engine.data.lines import mark_length, visible_files, whole_lines
from engine.data.store.corpora import RowSource, SourceRow, collect
from engine.progress import Tick

Ints = npt.NDArray[np.int64]

_HEAD = 1000  # lines that the first look at a file reads
_TICK_LINES = 1 << 18
_PAIR_BITS = 32  # a pair's key is the query's id and the answer's, as one number

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MmarcoFiles:
    triples: Path
    queries: dict[str, Path]  # language -> file
    collections: dict[str, Path]

    def identity(self) -> str:
        files = [self.triples, *self.queries.values(), *self.collections.values()]
        return " ".join(file_identity(path) for path in files)


def find_files(folder: Path, languages: Sequence[str]) -> MmarcoFiles:
    """The files of ``languages``, sorted (empty: all that have both files).

    Raises:
        ConfigError: one that is missing, or no single file of triples.
    """
    queries, collections = {}, {}
    for language in sorted(set(languages) or MMARCO_LANGUAGES):
        name = MMARCO_LANGUAGES[language]
        query_file = _first(folder, (".", "queries", "queries/train"), f"{name}_queries.train.tsv")
        collection_file = _first(folder, (".", "collections"), f"{name}_collection.tsv")
        for path, what in ((query_file, "queries.train"), (collection_file, "collection")):
            if path is None and languages:
                packed = next((file for file in visible_files(folder, f"**/{name}_{what}.tsv.gz")), None)
                advice = f": unpack {packed}" if packed is not None else ""
                raise ConfigError(f"{folder}: languages: no file {name}_{what}.tsv for {language!r}{advice}")
        if query_file is not None and collection_file is not None:
            queries[language], collections[language] = query_file, collection_file
    if not queries:
        raise ConfigError(f"{folder}: expected files LANGUAGE_queries.train.tsv and LANGUAGE_collection.tsv")
    triples = [path for where in (folder, folder.parent) for path in visible_files(where, "*triples*.tsv")]
    if len(triples) != 1:
        found = ", ".join(path.name for path in triples) or "none"
        raise ConfigError(f"{folder}: expected one file of triples here or in the folder above, found {found}")
    return MmarcoFiles(triples[0], queries, collections)


def check_mmarco(folder: Path, languages: Sequence[str]) -> None:
    """Whether all files are there and begin as they should: a quick look before hours of reading.

    Raises:
        ConfigError: ``FILE:LINE: field: what was expected``.
    """
    files = find_files(folder, languages)
    for number, line in islice(whole_lines(files.triples), _HEAD):
        _triple(line, f"{files.triples}:{number}")
    for path in (*files.queries.values(), *files.collections.values()):
        for number, line in islice(whole_lines(path), _HEAD):
            _id(line, f"{path}:{number}")


def mmarco_corpus(
    folder: Path,
    languages: Sequence[str] = (),
    max_negatives: int = 8,
    weight: float = 1.0,
    tick: Tick | None = None,
) -> ParallelCorpus:
    """Every pair of the triples in every language, with up to ``max_negatives`` of its negatives, the first ones.

    ``tick(what, done, total)`` is called while files are read, and may raise to abandon the work.

    Raises:
        ConfigError: ``FILE:LINE: field: what was expected``; nothing is left in the cache.
    """
    files = find_files(folder, languages)
    source = RowSource(
        str(folder),
        f"mmarco {max_negatives} {files.identity()}",
        lambda: _rows(files, max_negatives, tick),
        lambda line: f"{files.triples}:{line}",
    )
    return collect(source, (), weight, large=True, tick=tick)


@dataclass(frozen=True, slots=True)
class _Pairs:
    queries: Ints  # [P]
    answers: Ints  # [P]
    negatives: Ints  # [P, m], -1 where there are no more
    lines: Ints  # [P] where a pair first stands


class _Texts:
    """The texts of a file by their ids."""

    def __init__(self, path: Path, tick: Tick | None) -> None:
        ids, starts, position = array("q"), array("q"), mark_length(path)
        self.path = path
        for number, line in whole_lines(path):
            ids.append(_id(line, f"{path}:{number}"))
            starts.append(position)
            position += len(line)
            if tick is not None and number % _TICK_LINES == 0:
                tick(f"reading {path.name}", number, None)
        if not ids:
            raise ConfigError(f"{path}: expected at least one line")
        numbers = np.frombuffer(ids, np.int64)
        order = np.argsort(numbers, kind="stable")
        self._ids, self._starts = numbers[order], np.frombuffer(starts, np.int64)[order]  # [n]
        again = np.flatnonzero(np.diff(self._ids) == 0)
        if len(again):
            second = int(order[again[0] + 1]) + 1
            raise ConfigError(f"{path}:{second}: id: {self._ids[again[0]]} comes twice")
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def find(self, ids: Ints) -> Ints:
        """Where the lines of ``ids`` start, any shape; -1 for one that is not there."""
        place = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return np.where(self._ids[place] == ids, self._starts[place], -1)

    def read(self, start: int) -> str:
        """
        Raises:
            ConfigError: the line is not UTF-8.
        """
        end = self._map.find(b"\n", start)
        line = self._map[start : end if end >= 0 else len(self._map)]
        id, _, text = line.partition(b"\t")
        try:
            return text.decode().strip()
        except UnicodeDecodeError:
            raise ConfigError(f"{self.path}: text: expected UTF-8 in the line of id {id.decode()}") from None


def _rows(files: MmarcoFiles, max_negatives: int, tick: Tick | None) -> Iterator[SourceRow]:
    pairs = _read_triples(files.triples, max_negatives, tick)
    empty = 0
    for language in files.queries:
        queries, passages = _Texts(files.queries[language], tick), _Texts(files.collections[language], tick)
        asked, answers, negatives = (
            _found(queries, pairs.queries, "query", files.triples, pairs.lines),
            _found(passages, pairs.answers, "answer", files.triples, pairs.lines),
            _found(passages, pairs.negatives, "negative", files.triples, pairs.lines),
        )
        for pair, line in enumerate(pairs.lines.tolist()):
            question, passage = queries.read(int(asked[pair])), passages.read(int(answers[pair]))
            if not question or not passage:
                empty += 1
                continue
            near = {
                f"{language}:p:{id}": passages.read(int(start))
                for id, start in zip(pairs.negatives[pair].tolist(), negatives[pair], strict=True)
                if start >= 0
            }
            near = {id: text for id, text in near.items() if text}
            query, answer = int(pairs.queries[pair]), int(pairs.answers[pair])
            yield SourceRow(
                place=line,
                group=f"{query}-{answer}",
                language=language,
                question=question,
                passage=passage,
                passage_id=f"{language}:p:{answer}",
                cluster=str(query),
                negatives=tuple(near.values()),
                negative_ids=tuple(near),
            )
    if empty:
        logger.warning("%s: left out %d rows with an empty text", files.triples.parent, empty)


def _read_triples(path: Path, most: int, tick: Tick | None) -> _Pairs:
    slots: dict[int, int] = {}
    lines, counts, negatives = array("q"), array("q"), array("q")
    open_places = array("q", [-1] * most)
    for number, line in whole_lines(path):
        query, answer, negative = _triple(line, f"{path}:{number}")
        slot = slots.setdefault(query << _PAIR_BITS | answer, len(lines))
        if slot == len(lines):
            lines.append(number)
            counts.append(0)
            negatives.extend(open_places)
        if counts[slot] < most and negative not in negatives[slot * most : slot * most + counts[slot]]:
            negatives[slot * most + counts[slot]] = negative
            counts[slot] += 1
        if tick is not None and number % _TICK_LINES == 0:
            tick(f"reading {path.name}", number, None)
    if not slots:
        raise ConfigError(f"{path}: expected at least one line")
    keys = np.fromiter(slots, np.int64, len(slots))
    queries, answers = keys >> _PAIR_BITS, keys & ((1 << _PAIR_BITS) - 1)
    drawn = np.frombuffer(negatives, np.int64).reshape(len(slots), most).copy()
    # What answers the query in another triple is no negative here.
    answered = np.isin((queries[:, None] << _PAIR_BITS) | drawn, keys) & (drawn >= 0)
    drawn[answered] = -1
    return _Pairs(queries, answers, drawn, np.frombuffer(lines, np.int64))


def _found(texts: _Texts, ids: Ints, field: str, triples: Path, lines: Ints) -> Ints:
    starts = texts.find(ids)
    missing = np.argwhere((starts < 0) & (ids >= 0))
    if len(missing):
        place = tuple(missing[0])
        raise ConfigError(f"{triples}:{lines[place[0]]}: {field}: {ids[place]} is not in {texts.path.name}")
    return starts


def _id(line: bytes, where: str) -> int:
    id, tab, _ = line.partition(b"\t")
    if not tab:
        raise ConfigError(f"{where}: text: expected an id, a tab and a text")
    return _number(id, "id", where)


def _triple(line: bytes, where: str) -> tuple[int, int, int]:
    parts = line.split(b"\t")
    if len(parts) != 3:
        raise ConfigError(f"{where}: row: expected three ids with tabs between them, got {len(parts)} fields")
    query, answer, negative = parts
    return _number(query, "query", where), _number(answer, "answer", where), _number(negative, "negative", where)


def _number(text: bytes, field: str, where: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number < 1 << (_PAIR_BITS - 1):
        raise ConfigError(f"{where}: {field}: expected an id, a whole number, got {text.decode(errors='replace')!r}")
    return number


def _first(folder: Path, places: Sequence[str], name: str) -> Path | None:
    return next((folder / place / name for place in places if (folder / place / name).is_file()), None)
