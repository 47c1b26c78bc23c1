"""From rows to the two shapes the rest of the engine reads: every loader ends here.

Shapes: G groups, L languages, R rows, Q queries, C candidates, J judgements.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.data.corpus import HardNegatives, ParallelCorpus


@dataclass(frozen=True, slots=True)
class Rows:
    """The columns of a parallel corpus, one entry a row, in the order of the source."""

    groups: Sequence[str]
    languages: Sequence[str]
    questions: Sequence[str]
    passages: Sequence[str]
    passage_ids: Sequence[str]
    clusters: Sequence[str]
    contexts: Sequence[str] | None = None
    negatives: Sequence[Sequence[str]] | None = None  # hard negatives of each row
    negative_ids: Sequence[Sequence[str]] | None = None  # as many


@dataclass(frozen=True, slots=True)
class Query:
    """``relevant`` maps candidate ids to grades above 0; ids outside the pool are an error."""

    id: str
    language: str
    text: str
    group: str
    cluster: str
    relevant: dict[str, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    id: str
    language: str
    text: str
    context: str | None = None


def build_corpus(
    name: str, rows: Rows, locate: Callable[[int], str] = "row {}".format, weight: float = 1.0
) -> ParallelCorpus:
    """Groups in ascending order of id; rows stay where they are.

    ``locate`` names a row for error messages ("FILE:LINE").

    Raises:
        ConfigError: a group has a language twice, or rows of one group differ in cluster.
    """
    languages = tuple(sorted(set(rows.languages)))
    groups = sorted(set(rows.groups))
    group_index = {group: index for index, group in enumerate(groups)}
    language_index = {language: index for index, language in enumerate(languages)}
    row_of = np.full((len(groups), len(languages)), -1, dtype=np.int64)
    clusters: list[str | None] = [None] * len(groups)
    for row, (group, language, cluster) in enumerate(zip(rows.groups, rows.languages, rows.clusters, strict=True)):
        index, column = group_index[group], language_index[language]
        if row_of[index, column] >= 0:
            first = locate(int(row_of[index, column]))
            raise ConfigError(f"{locate(row)}: group: {group!r} already has language {language!r} ({first})")
        row_of[index, column] = row
        if clusters[index] is None:
            clusters[index] = cluster
        elif clusters[index] != cluster:
            raise ConfigError(
                f"{locate(row)}: cluster: expected {clusters[index]!r} as in the other languages of group {group!r}"
            )
    return ParallelCorpus(
        name=name,
        languages=languages,
        groups=groups,
        clusters=[cluster for cluster in clusters if cluster is not None],
        row_of=row_of,
        questions=rows.questions,
        passages=rows.passages,
        passage_ids=rows.passage_ids,
        contexts=rows.contexts,
        negatives=_hard_negatives(rows),
        weight=weight,
    )


def _hard_negatives(rows: Rows) -> HardNegatives | None:
    if rows.negatives is None:
        return None
    starts = np.cumsum([0, *map(len, rows.negatives)], dtype=np.int64)
    ids = None if rows.negative_ids is None else [id for of_row in rows.negative_ids for id in of_row]
    return HardNegatives([text for of_row in rows.negatives for text in of_row], starts, ids)


def build_benchmark(
    key: str, queries: Iterable[Query], candidates: Iterable[Candidate], *, unit: str, pool: str
) -> Benchmark:
    """Sorts queries and candidates by id and packs the judgements.

    Raises:
        ValueError: an id is not ``LANGUAGE:q:...`` or ``LANGUAGE:p:...``, comes twice, or is judged and not in the
            pool; a query has no judgement, or a grade below 1; some candidates have a context and some have not.
    """
    ordered_queries = sorted(queries, key=lambda query: query.id)
    ordered = sorted(candidates, key=lambda candidate: candidate.id)
    _check_ids([(query.id, query.language) for query in ordered_queries], "q")
    _check_ids([(candidate.id, candidate.language) for candidate in ordered], "p")
    languages = tuple(sorted({query.language for query in ordered_queries} | {entry.language for entry in ordered}))
    language_index = {language: index for index, language in enumerate(languages)}
    position = {candidate.id: index for index, candidate in enumerate(ordered)}

    offsets = np.zeros(len(ordered_queries) + 1, dtype=np.int64)
    relevant: list[int] = []
    grades: list[int] = []
    for index, query in enumerate(ordered_queries):
        missing = [id for id in query.relevant if id not in position]
        if missing or not query.relevant or min(query.relevant.values()) < 1:
            raise ValueError(f"{query.id}: expected judgements above 0 of candidates in the pool, got {query.relevant}")
        for id in sorted(query.relevant):
            relevant.append(position[id])
            grades.append(query.relevant[id])
        offsets[index + 1] = len(relevant)

    contexts = [candidate.context for candidate in ordered if candidate.context is not None]
    if contexts and len(contexts) != len(ordered):
        raise ValueError(f"{key}: expected a context for every candidate or for none")
    return Benchmark(
        key=key,
        languages=languages,
        query_ids=[query.id for query in ordered_queries],
        query_texts=[query.text for query in ordered_queries],
        query_language=np.array([language_index[query.language] for query in ordered_queries], dtype=np.int16),
        query_group=[query.group for query in ordered_queries],
        query_cluster=[query.cluster for query in ordered_queries],
        candidate_ids=[candidate.id for candidate in ordered],
        candidate_texts=[candidate.text for candidate in ordered],
        candidate_language=np.array([language_index[candidate.language] for candidate in ordered], dtype=np.int16),
        offsets=offsets,
        relevant=np.array(relevant, dtype=np.int64),
        grades=np.array(grades, dtype=np.int16),
        unit=unit,
        pool=pool,
        digest=_digest(ordered_queries, ordered),
        candidate_contexts=contexts or None,
    )


def select_languages(wanted: Sequence[str], available: Iterable[str], label: str) -> tuple[str, ...]:
    """``wanted`` in sorted order, or all that are available when it is empty.

    Raises:
        ConfigError: one of them is not available; ``label`` names the source.
    """
    known = sorted(set(available))
    for language in wanted:
        if language not in known:
            raise ConfigError(f"{label}: languages: unknown language {language!r}, expected {', '.join(known)}")
    return tuple(sorted(set(wanted))) or tuple(known)


def _check_ids(ids: Sequence[tuple[str, str]], kind: str) -> None:
    for index, (id, language) in enumerate(ids):
        if not id.startswith(f"{language}:{kind}:"):
            raise ValueError(f"{id}: expected an id of the form {language}:{kind}:...")
        if index and ids[index - 1][0] == id:
            raise ValueError(f"{id}: this id comes twice")


def _digest(queries: Sequence[Query], candidates: Sequence[Candidate]) -> str:
    """SHA-256 over everything that decides a result; lengths keep neighbouring texts apart."""
    hasher = hashlib.sha256()

    def add(text: str) -> None:
        data = text.encode()
        hasher.update(len(data).to_bytes(8, "little"))
        hasher.update(data)

    for query in queries:
        judgements = " ".join(f"{id}={query.relevant[id]}" for id in sorted(query.relevant))
        for text in (query.id, query.text, query.group, query.cluster, judgements):
            add(text)
    for candidate in candidates:
        for text in (candidate.id, candidate.text, candidate.context or ""):
            add(text)
    return hasher.hexdigest()
