"""A benchmark: queries, candidates and relevance judgements.

Shapes: Q queries, C candidates, J judgements, L languages.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt


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
        digest=hashlib.sha256("\n".join([benchmark.digest, *query_ids]).encode()).hexdigest(),
        excluded=None if benchmark.excluded is None else benchmark.excluded[kept],
        sampled=(len(rows), total if benchmark.sampled is None else benchmark.sampled[1]),
    )
