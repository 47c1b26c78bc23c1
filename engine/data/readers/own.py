"""A user's own benchmark: a folder of three JSON Lines files, plain or ``.gz``.

- ``queries.jsonl``: ``id``, ``language``, ``text``; optional ``group`` (translations of one question share it) and
  ``cluster`` (what queries share beyond translation: statistics resample it; default: the group);
- ``candidates.jsonl``: ``id``, ``language``, ``text``; optional ``title``, put before the text with a space;
- ``relevance.jsonl``: ``query``, ``candidate`` (their ids), optional ``grade`` (a whole number, default 1; below 1:
  not relevant).

Ids may be whole numbers: they are read as their digits. Keys that are none of these are left unread.

Query ids are unique in their file. A candidate id is unique within its language; where relevance names one that is in
several languages, that of the query is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.data.cache import file_identity
from engine.data.corpus import select_languages
from engine.data.lines import json_lines, plain_or_gzipped, whole_number
from engine.data.retrieval import Fields, Judgement, Topic, retrieval_benchmark
from engine.data.store.passages import PassageFile, PassageRow, load_passages, titled
from engine.progress import Tick

FIELDS = Fields(query="query", passage="candidate")


class _Query(msgspec.Struct, frozen=True):
    id: str | int
    language: str
    text: str
    group: str | None = None
    cluster: str | None = None


class _Candidate(msgspec.Struct, frozen=True):
    id: str | int
    language: str
    text: str
    title: str | None = None


class _Relevance(msgspec.Struct, frozen=True):
    query: str | int
    candidate: str | int
    grade: float | None = 1  # None, which pandas writes for what is missing: 1


def own_benchmark(key: str, folder: Path, languages: Sequence[str] = (), tick: Tick | None = None) -> Benchmark:
    """Queries and candidates of ``languages`` (empty: all), and the judgements between them.

    Raises:
        ConfigError: a missing or malformed file, with file, line and field.
    """
    queries, candidates, relevance = (_file(folder, name) for name in ("queries", "candidates", "relevance"))
    asked = [(f"{queries}:{number}", row) for number, row in json_lines(queries, _Query, own_keys=True)]
    for where, row in asked:
        _check_language(row.language, where)
    chosen = set(select_languages(languages, {row.language for _, row in asked}, str(queries)) if languages else ())

    def rows() -> Iterator[PassageRow]:
        for number, row in json_lines(candidates, _Candidate, own_keys=True):
            _check_language(row.language, f"{candidates}:{number}")
            if not chosen or row.language in chosen:
                yield PassageRow(number, row.language, str(row.id), titled(row.title, row.text))

    identity = f"own {sorted(chosen)} {file_identity(candidates)}"
    passages = load_passages([PassageFile(str(candidates), identity, "id", rows)], tick)
    topics = [Topic(where, str(row.id), row.language, row.text, "", row.group, row.cluster) for where, row in asked]
    judgements = list(_judgements(relevance))
    if chosen:
        topics = [topic for topic in topics if topic.language in chosen]
        kept = {topic.id for topic in topics}
        left_out = {str(row.id) for _, row in asked} - kept
        judgements = [judgement for judgement in judgements if judgement.query not in left_out]
    return retrieval_benchmark(key, topics, judgements, passages, FIELDS, selection=bool(chosen))


def _judgements(path: Path) -> Iterator[Judgement]:
    for number, row in json_lines(path, _Relevance, own_keys=True):
        where = f"{path}:{number}"
        grade = whole_number(1 if row.grade is None else row.grade, "grade", where)
        yield Judgement(where, str(row.query), str(row.candidate), grade)


def _file(folder: Path, name: str) -> Path:
    path = plain_or_gzipped(folder / f"{name}.jsonl")
    if path is None:
        raise ConfigError(f"{folder}: no {name}.jsonl or {name}.jsonl.gz")
    return path


def _check_language(language: str, where: str) -> None:
    if not language or ":" in language:
        raise ConfigError(f"{where}: language: expected a language code without a colon, got {language!r}")
