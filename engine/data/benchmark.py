"""A benchmark: queries, candidates and relevance judgements.

Shapes: Q queries, C candidates, J judgements, L languages.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from engine.data.digest import ContentDigest
from engine.data.task_source import TaskSource
from engine.encoding_options import TaskPrompts


@dataclass(frozen=True, slots=True)
class AbsentPassages:
    """Judgements (A) that name relevant passages which are not in the pool.

    Nothing can retrieve them, and they count as not found: in recall, in average precision and in the ideal ranking.
    """

    query: npt.NDArray[np.int64]  # [A] index of the query, ascending
    ids: Sequence[str]  # A, in the language of their query
    grades: npt.NDArray[np.int16]  # [A]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Queries and candidates sorted by id, so that index order is id order and each language is one block.

    Ids are ``LANGUAGE:q:...`` and ``LANGUAGE:p:...``; equal texts at different positions stay separate
    candidates. Relevance is in compressed rows: the judgements of query q are
    ``relevant[offsets[q]:offsets[q + 1]]`` (candidate indices, ascending) with ``grades`` beside them.
    Columns of candidates may be lists or memory-mapped (engine.data.store.tables.TextColumn).
    """

    key: str
    languages: tuple[str, ...]  # L, sorted
    query_ids: Sequence[str]  # Q, ascending
    query_texts: Sequence[str]  # Q
    query_language: npt.NDArray[np.int16]  # [Q] index into languages
    query_group: Sequence[str]  # Q; translations of one question share it
    query_cluster: Sequence[str]  # Q
    candidate_ids: Sequence[str]  # C, ascending
    candidate_texts: Sequence[str]  # C
    candidate_language: npt.NDArray[np.int16]  # [C]
    offsets: npt.NDArray[np.int64]  # [Q + 1]
    relevant: npt.NDArray[np.int64]  # [J] candidate indices
    grades: npt.NDArray[np.int16]  # [J], above 0
    unit: str  # what a candidate is: "sentence", "sentence+context", "fact", ...
    pool: str  # one line for the protocol: what the pool holds
    digest: str  # SHA-256 over ids, texts and judgements
    candidate_contexts: Sequence[str] | None = None  # C; second half of the encoded pair
    excluded: npt.NDArray[np.int64] | None = None  # [Q] the candidate that is none for this query, or -1
    sampled: tuple[int, int] | None = None  # queries kept, and of how many; None: all
    task: TaskSource | None = None  # of mteb
    prompts: TaskPrompts | None = None  # what goes before its texts; None: what the model says
    absent: AbsentPassages | None = None  # None: every judged passage is in the pool


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


def sample_queries(benchmark: Benchmark, count: int) -> Benchmark:
    """At most ``count`` of the queries, for a quick look; all candidates stay, so a query's ranks are what they were.

    Whole groups are kept, so that all languages ask the same questions, and at least one group. Their order is a hash
    of the benchmark's key and the group's id: a sample depends on nothing else, and contains every smaller one.

    Returns:
        The benchmark itself where it has no more queries than that; else one with another digest, and ``sampled`` set.

    Raises:
        ValueError: ``count`` is below 1.
    """
    if count < 1:
        raise ValueError(f"count: expected at least 1, got {count}")
    total = len(benchmark.query_ids)
    if count >= total:
        return benchmark
    sizes = Counter(benchmark.query_group)
    kept_groups: set[str] = set()
    room = count
    for group in sorted(sizes, key=lambda group: hashlib.sha256(f"{benchmark.key}\0{group}".encode()).digest()):
        room -= sizes[group]
        if room < 0 and kept_groups:
            break
        kept_groups.add(group)
    kept = np.array([group in kept_groups for group in benchmark.query_group])
    judged = np.repeat(kept, np.diff(benchmark.offsets))  # [J]
    rows = np.flatnonzero(kept).tolist()
    query_ids = [benchmark.query_ids[row] for row in rows]
    digest = ContentDigest()
    digest.add(benchmark.digest, *query_ids)
    return replace(
        benchmark,
        query_ids=query_ids,
        query_texts=[benchmark.query_texts[row] for row in rows],
        query_language=benchmark.query_language[kept],
        query_group=[benchmark.query_group[row] for row in rows],
        query_cluster=[benchmark.query_cluster[row] for row in rows],
        offsets=np.concatenate([[0], np.cumsum(np.diff(benchmark.offsets)[kept])]).astype(np.int64),
        relevant=benchmark.relevant[judged],
        grades=benchmark.grades[judged],
        digest=digest.hexdigest(),
        excluded=None if benchmark.excluded is None else benchmark.excluded[kept],
        absent=None if benchmark.absent is None else _sampled_absent(benchmark.absent, kept),
        sampled=(len(rows), total if benchmark.sampled is None else benchmark.sampled[1]),
    )


def _sampled_absent(absent: AbsentPassages, kept: npt.NDArray[np.bool_]) -> AbsentPassages | None:
    """Those of the queries that are ``kept`` [Q]."""
    stays = np.flatnonzero(kept[absent.query])
    if not len(stays):
        return None
    number = np.cumsum(kept) - 1
    return AbsentPassages(
        number[absent.query[stays]], [absent.ids[place] for place in stays.tolist()], absent.grades[stays]
    )


def _check_ids(ids: Sequence[tuple[str, str]], kind: str) -> None:
    for index, (id, language) in enumerate(ids):
        if not id.startswith(f"{language}:{kind}:"):
            raise ValueError(f"{id}: expected an id of the form {language}:{kind}:...")
        if index and ids[index - 1][0] == id:
            raise ValueError(f"{id}: this id comes twice")


def _digest(queries: Sequence[Query], candidates: Sequence[Candidate]) -> str:
    """Over everything that decides a result."""
    digest = ContentDigest()
    for query in queries:
        judgements = " ".join(f"{id}={query.relevant[id]}" for id in sorted(query.relevant))
        digest.add(query.id, query.text, query.group, query.cluster, judgements)
    for candidate in candidates:
        digest.add(candidate.id, candidate.text, candidate.context or "")
    return digest.hexdigest()
