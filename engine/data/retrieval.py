"""Queries, graded judgements and a collection of passages, whatever format they came in, as a benchmark.

Shapes: Q queries, J judgements.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.data.digest import ContentDigest
from engine.data.store.passages import Passages

Key = tuple[str, str]  # scope and id of a query

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
    has it. With ``drop_own_id`` the passage that has the query's id is no candidate for this query. With ``selection``
    the passages are some of all, and judgements of others are left out.

    Raises:
        ConfigError: ``FILE:LINE: field: ...`` for a judgement of an unknown query or passage, one that comes twice, a
            query that comes twice, or no relevant passage at all.
    """
    by_id = _by_id(topics)
    relevant = _relevant(by_id, judgements, passages, fields, selection)
    asked = sorted(
        ((f"{topic.language}:q:{topic.id}", topic) for topic in topics if relevant.get((topic.scope, topic.id))),
        key=lambda entry: entry[0],
    )
    own_ids = [passages.find(f"{topic.language}:p:{topic.id}") if drop_own_id else None for _, topic in asked]
    rows = [
        sorted((index, grade) for index, grade in relevant[topic.scope, topic.id].items() if index != own)
        for (_, topic), own in zip(asked, own_ids, strict=True)
    ]
    if not any(rows):
        raise ConfigError(f"{key}: expected at least one query with a relevant passage")
    languages = tuple(sorted({topic.language for _, topic in asked} | {language for language, _ in passages.runs}))
    unjudged = len(topics) - len(asked)
    excluded = np.array([-1 if own is None else own for own in own_ids], np.int64) if drop_own_id else None
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
        pool=_pool(passages, unjudged, drop_own_id),
        digest=_digest(asked, rows, passages, drop_own_id),
        excluded=excluded,
    )


def _by_id(topics: Sequence[Topic]) -> dict[Key, Topic]:
    by_id: dict[Key, Topic] = {}
    for topic in topics:
        if not topic.text.strip():
            raise ConfigError(f"{topic.where}: text: expected a query that is not empty")
        first = by_id.setdefault((topic.scope, topic.id), topic)
        if first is not topic:
            raise ConfigError(f"{topic.where}: id: {topic.id!r} comes twice (first {first.where})")
    return by_id


def _relevant(
    topics: dict[Key, Topic], judgements: Iterable[Judgement], passages: Passages, fields: Fields, selection: bool
) -> dict[Key, dict[int, int]]:
    """Query -> candidate index -> grade."""
    judged = [judgement for judgement in judgements if _is_judged(topics, judgement, fields)]
    places = _places(passages, {judgement.passage for judgement in judged})
    relevant: dict[Key, dict[int, int]] = {}
    for judgement in judged:
        key = judgement.scope, judgement.query
        index = _index(places.get(judgement.passage, {}), topics[key].language, judgement, fields)
        if index is None:
            if selection:
                continue
            raise ConfigError(f"{judgement.where}: {fields.passage}: no passage {judgement.passage!r}")
        graded = relevant.setdefault(key, {})
        if index in graded:
            raise ConfigError(f"{judgement.where}: {fields.passage}: {judgement.passage!r} is judged twice")
        graded[index] = judgement.grade
    return relevant


def _is_judged(topics: dict[Key, Topic], judgement: Judgement, fields: Fields) -> bool:
    """Whether a judgement says that something is relevant."""
    if (judgement.scope, judgement.query) not in topics:
        raise ConfigError(f"{judgement.where}: {fields.query}: no query {judgement.query!r}")
    return judgement.grade >= 1


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
    asked: Sequence[tuple[str, Topic]], rows: Sequence[Sequence[tuple[int, int]]], passages: Passages, dropped: bool
) -> str:
    digest = ContentDigest(f"{passages.digest} {dropped}")
    for (id, topic), row in zip(asked, rows, strict=True):
        judgements = " ".join(f"{index}={grade}" for index, grade in row)
        digest.add(id, topic.text, topic.group or "", topic.cluster or "", judgements)
    return digest.hexdigest()
