"""A benchmark: queries, candidates and relevance judgements.

Shapes: Q queries, C candidates, J judgements, L languages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Queries and candidates sorted by id, so that index order is id order and each language is one block.

    Ids are ``LANGUAGE:q:...`` and ``LANGUAGE:p:...``; equal texts at different positions stay separate
    candidates. Relevance is in compressed rows: the judgements of query q are
    ``relevant[offsets[q]:offsets[q + 1]]`` (candidate indices, ascending) with ``grades`` beside them.
    Columns of candidates may be lists or memory-mapped (engine.data.columns.TextColumn).
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
