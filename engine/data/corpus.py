"""A parallel corpus: groups of question-passage pairs that are translations of each other.

Shapes: G groups, L languages, R rows (one row = one group in one language), K hard negatives of all rows together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class HardNegatives:
    """Passages that look like answers to a question and are none, in the language of their row's passage.

    Row r has those from ``starts[r]`` to ``starts[r + 1]``; it may have none.
    """

    texts: Sequence[str]  # K
    starts: npt.NDArray[np.int64]  # [R + 1]
    ids: Sequence[str] | None = None  # K, as passage ids; None: known by their texts only


@dataclass(frozen=True, slots=True)
class ParallelCorpus:
    """One training source; columns are lists in memory or memory-mapped Arrow columns.

    ``row_of[g, l]`` is the row of group g in language l, or -1 where the group lacks that language.
    Rows of one group share ``cluster``: what groups have in common beyond translation (an article,
    a territory), the unit that statistics resample.
    """

    name: str
    languages: tuple[str, ...]  # L, sorted
    groups: Sequence[str]  # G ids
    clusters: Sequence[str]  # G
    row_of: npt.NDArray[np.int64]  # [G, L]
    questions: Sequence[str]  # R
    passages: Sequence[str]  # R
    passage_ids: Sequence[str]  # R; "LANGUAGE:p:..."
    contexts: Sequence[str] | None = None  # R; second half of the encoded pair (sentence+context)
    negatives: HardNegatives | None = None
    weight: float = 1.0
    digest: str | None = None  # corpus_digest of it, where the loader knows; None: still to be computed

    def __len__(self) -> int:
        """Number of groups."""
        return len(self.groups)
