"""Queries, graded judgements and a collection of passages, whatever format they came in, as a benchmark.

Shapes: Q queries, J judgements.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.config import ConfigError
from engine.data.benchmark import AbsentPassages, Benchmark
from engine.data.digest import ContentDigest
from engine.data.store.passages import Passages

Key = tuple[str, str]  # scope and id of a query

_MOST_MISSING = 0.1  # of the judgements; above it the files do not belong together
_NAMED = 3  # ids in a message

logger = logging.getLogger(__name__)

OWN_ID_DROPPED = frozenset({"beir/arguana", "beir/quora"})  # their queries are documents of the collection


@dataclass(frozen=True, slots=True)
class Topic:
    """A query; ``where`` names its file and line. Ids are unique within a scope."""

    where: str
    id: str
    language: str
    text: str
    scope: str = ""
    group: str | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """Grades below 1 say "not relevant" and are left out."""

    where: str
    query: str
    passage: str
    grade: int
    scope: str = ""  # of the query's id


@dataclass(frozen=True, slots=True)
class Fields:
    """What a format calls the two halves of a judgement, for messages."""

    query: str
    passage: str


def retrieval_benchmark(
    key: str,
    topics: Sequence[Topic],
    judgements: Iterable[Judgement],
    passages: Passages,
    fields: Fields,
    *,
    drop_own_id: bool = False,
    selection: bool = False,
) -> Benchmark:
    """Only queries that have a relevant passage; the others are counted in ``pool``.

    A judgement names a passage by its id in the query's language or, where there is none, in the only language that
    has it. One whose passage is not there at all counts as not found, as in trec_eval; one of an unknown query, and
    what says again what was said before, is left out. All of these are counted in ``pool`` and in one warning each.
    With ``drop_own_id`` the passage that has the query's id is no candidate for this query. With ``selection`` the
    passages are some of all, and judgements of others are left out.

    Raises:
        ConfigError: ``FILE:LINE: field: ...`` for an id or a judgement that comes twice and says something else; more
            than a tenth of the judgements name a query or a passage that is not there; no relevant passage at all.
    """
    notes: list[str] = []
    by_id = _by_id(topics, notes)
    judged = _without_repeats(_of_known_queries(key, by_id, judgements, fields, notes), fields, notes)
    resolved = _resolved(key, by_id, judged, passages, fields, selection, notes)
    if passages.repeats:
        notes.append(f"{counted(passages.repeats, 'passage')} given again word for word left out")
    if passages.empty:
        notes.append(f"{counted(passages.empty, 'passage')} without a text")
    asked = sorted(
        ((f"{topic.language}:q:{topic.id}", topic) for key, topic in by_id.items() if key in resolved),
        key=lambda entry: entry[0],
    )
    own_ids = [passages.find(f"{topic.language}:p:{topic.id}") if drop_own_id else None for _, topic in asked]
    rows = [
        sorted((index, grade) for index, grade in resolved[topic.scope, topic.id].found.items() if index != own)
        for (_, topic), own in zip(asked, own_ids, strict=True)
    ]
    if not any(rows):
        raise ConfigError(f"{key}: expected at least one query with a relevant passage")
    absent = [sorted(resolved[topic.scope, topic.id].absent.items()) for _, topic in asked]
    languages = tuple(sorted({topic.language for _, topic in asked} | {language for language, _ in passages.runs}))
    unjudged = len(by_id) - len(asked)
    excluded = np.array([-1 if own is None else own for own in own_ids], np.int64) if drop_own_id else None
    for note in notes:
        logger.warning("%s: %s", key, note)
    return Benchmark(
        key=key,
        languages=languages,
        query_ids=[id for id, _ in asked],
        query_texts=[topic.text for _, topic in asked],
        query_language=np.array([languages.index(topic.language) for _, topic in asked], np.int16),
        query_group=[topic.group or f"{topic.language}:{topic.id}" for _, topic in asked],
        query_cluster=[topic.cluster or topic.group or f"{topic.language}:{topic.id}" for _, topic in asked],
        candidate_ids=passages.ids,
        candidate_texts=passages.texts,
        candidate_language=passages.language_column(languages),
        offsets=np.cumsum([0, *map(len, rows)]).astype(np.int64),
        relevant=np.array([index for row in rows for index, _ in row], np.int64),
        grades=np.array([grade for row in rows for _, grade in row], np.int16),
        unit="passage",
        pool="; ".join([_pool(passages, unjudged, drop_own_id), *notes]),
        digest=_digest(asked, rows, absent, passages, drop_own_id),
        excluded=excluded,
        absent=_absent(asked, absent),
    )


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """ "1 passage", "2,000 passages"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _by_id(topics: Sequence[Topic], notes: list[str]) -> dict[Key, Topic]:
    by_id: dict[Key, Topic] = {}
    repeats = 0
    for topic in topics:
        if not topic.text.strip():
            raise ConfigError(f"{topic.where}: text: expected a query that is not empty")
        first = by_id.setdefault((topic.scope, topic.id), topic)
        if first is topic:
            continue
        if replace(topic, where=first.where) != first:
            raise ConfigError(f"{topic.where}: id: {topic.id!r} comes twice and differs (first {first.where})")
        repeats += 1
    if repeats:
        notes.append(f"{counted(repeats, 'query', 'queries')} given again word for word left out")
    return by_id


def _of_known_queries(
    key: str, topics: dict[Key, Topic], judgements: Iterable[Judgement], fields: Fields, notes: list[str]
) -> list[Judgement]:
    every = list(judgements)
    strays = [judgement for judgement in every if (judgement.scope, judgement.query) not in topics]
    if not strays:
        return every
    queries = list(dict.fromkeys((stray.scope, stray.query) for stray in strays))
    one = len(queries) == 1
    what = f"{_judgements_of(len(strays), len(queries))} that {'is' if one else 'are'} not there"
    if _is_too_many(len(strays), len(every)):
        share = f"{what}, {len(strays) / len(every):.0%} of all"
        where = f"{strays[0].where}: {fields.query}"
        raise ConfigError(f"{where}: no query {strays[0].query!r} ({share}: {key} with the queries of another split?)")
    notes.append(f"{what}: {_some([query for _, query in queries])}; left out")
    return [judgement for judgement in every if (judgement.scope, judgement.query) in topics]


def _without_repeats(judgements: Iterable[Judgement], fields: Fields, notes: list[str]) -> list[Judgement]:
    """Each pair of query and passage once; grades below 1 all say the same."""
    first: dict[tuple[str, str, str], Judgement] = {}
    repeats = 0
    for judgement in judgements:
        before = first.setdefault((judgement.scope, judgement.query, judgement.passage), judgement)
        if before is judgement:
            continue
        if max(before.grade, 0) != max(judgement.grade, 0):
            raise ConfigError(
                f"{judgement.where}: {fields.passage}: {judgement.passage!r} is judged twice for query "
                f"{judgement.query!r}, {judgement.grade} here and {before.grade} before ({before.where})"
            )
        repeats += 1
    if repeats:
        notes.append(f"{counted(repeats, 'judgement')} given again left out")
    return list(first.values())


@dataclass(frozen=True, slots=True)
class _Relevant:
    """The relevant passages of one query."""

    found: dict[int, int]  # candidate index -> grade
    absent: dict[str, int]  # id of a passage that is not there -> grade


def _resolved(
    key: str,
    topics: dict[Key, Topic],
    judgements: Iterable[Judgement],
    passages: Passages,
    fields: Fields,
    selection: bool,
    notes: list[str],
) -> dict[Key, _Relevant]:
    """Of every query that has some."""
    judged = [judgement for judgement in judgements if judgement.grade >= 1]
    places = _places(passages, {judgement.passage for judgement in judged})
    relevant: dict[Key, _Relevant] = {}
    missing: list[Judgement] = []
    for judgement in judged:
        query = judgement.scope, judgement.query
        index = _index(places.get(judgement.passage, {}), topics[query].language, judgement, fields)
        if index is None and selection:
            continue
        of_query = relevant.setdefault(query, _Relevant({}, {}))
        if index is None:
            of_query.absent[judgement.passage] = judgement.grade
            missing.append(judgement)
        else:
            of_query.found[index] = judgement.grade
    if missing:
        _note_missing(key, judged, missing, fields, notes)
    return relevant


def _note_missing(
    key: str, judged: Sequence[Judgement], missing: Sequence[Judgement], fields: Fields, notes: list[str]
) -> None:
    queries = len({(judgement.scope, judgement.query) for judgement in missing})
    ids = list(dict.fromkeys(judgement.passage for judgement in missing))
    verb, noun = ("names", "a passage that is") if len(missing) == 1 else ("name", "passages that are")
    what = f"{_judgements_of(len(missing), queries)} {verb} {noun} not there"
    if _is_too_many(len(missing), len(judged)):
        share = f"{what}, {len(missing) / len(judged):.0%} of all"
        where = f"{missing[0].where}: {fields.passage}: no passage {missing[0].passage!r}"
        raise ConfigError(f"{where} ({share}: {key} with another version of the corpus?)")
    notes.append(f"{what}: {_some(ids)}; counted as not found")


def _is_too_many(missing: int, every: int) -> bool:
    """A single one never is, if it is not all there are: a share of so little says nothing."""
    return missing == every or (missing > 1 and missing > _MOST_MISSING * every)


def _judgements_of(judgements: int, queries: int) -> str:
    return f"{counted(judgements, 'judgement')} of {counted(queries, 'query', 'queries')}"


def _some(names: Sequence[str]) -> str:
    listed = ", ".join(names[:_NAMED])
    return listed if len(names) <= _NAMED else f"{listed} and {len(names) - _NAMED:,} more"


def _absent(asked: Sequence[tuple[str, Topic]], absent: Sequence[Sequence[tuple[str, int]]]) -> AbsentPassages | None:
    if not any(absent):
        return None
    return AbsentPassages(
        query=np.repeat(np.arange(len(asked)), [len(row) for row in absent]),
        ids=[f"{topic.language}:p:{id}" for (_, topic), row in zip(asked, absent, strict=True) for id, _ in row],
        grades=np.array([grade for row in absent for _, grade in row], np.int16),
    )


def _places(passages: Passages, ids: set[str]) -> dict[str, dict[str, int]]:
    """Passage id without its language -> language -> index.

    Looked up one by one where they are few, else in one pass over the collection: with many languages, most judgements
    are of passages in another one.
    """
    languages = [name for name, _ in passages.runs]
    places: dict[str, dict[str, int]] = {}
    if len(ids) * len(languages) < len(passages.ids):
        for id in ids:
            for language in languages:
                if (index := passages.find(f"{language}:p:{id}")) is not None:
                    places.setdefault(id, {})[language] = index
        return places
    for index, full in enumerate(passages.ids):
        language, _, id = full.split(":", 2)
        if id in ids:
            places.setdefault(id, {})[language] = index
    return places


def _index(places: dict[str, int], language: str, judgement: Judgement, fields: Fields) -> int | None:
    """The passage in the query's language or, where there is none, in the only language that has it."""
    if language in places:
        return places[language]
    if len(places) > 1:
        where = f"{judgement.where}: {fields.passage}"
        raise ConfigError(f"{where}: {judgement.passage!r} is in {', '.join(places)}: expected ids that differ")
    return next(iter(places.values()), None)


def _pool(passages: Passages, unjudged: int, drop_own_id: bool) -> str:
    languages = ", ".join(f"{count:,} {language}" for language, count in passages.runs)
    left_out = f"; {unjudged:,} queries without a relevant passage left out" if unjudged else ""
    dropped = "; the passage that has the query's id is no candidate" if drop_own_id else ""
    return f"all passages ({languages}), title, space, text{left_out}{dropped}"


def _digest(
    asked: Sequence[tuple[str, Topic]],
    rows: Sequence[Sequence[tuple[int, int]]],
    absent: Sequence[Sequence[tuple[str, int]]],
    passages: Passages,
    dropped: bool,
) -> str:
    digest = ContentDigest(f"{passages.digest} {dropped}")
    for (id, topic), row, missing in zip(asked, rows, absent, strict=True):
        judgements = " ".join([f"{index}={grade}" for index, grade in row] + [f"{id}={grade}" for id, grade in missing])
        digest.add(id, topic.text, topic.group or "", topic.cluster or "", judgements)
    return digest.hexdigest()
