"""In-batch negatives that are known to be right answers.

In a batch of B pairs the passage of pair j serves as a negative for question i. It is no negative when it is the
passage of i's own group *in the language of passage j*: the same group drawn twice, or two questions with one
passage. In a cross-lingual batch that passage and the one of pair i are translations of each other: their texts
differ, and only the groups they belong to tell. Embeddings cannot tell either: dropout makes equal texts differ.

Shapes: B pairs, G groups, L languages, R rows of the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.data.corpus import ParallelCorpus
from engine.training.plan import Batch


@dataclass(frozen=True, slots=True)
class PassageKeys:
    """Which rows of a corpus hold the same passage: equal keys are equal ids, or equal texts."""

    row_of: npt.NDArray[np.int64]  # [G, L]
    by_id: npt.NDArray[np.int64]  # [R]
    by_text: npt.NDArray[np.int64]  # [R]

    @classmethod
    def of(cls, corpus: ParallelCorpus) -> PassageKeys:
        """Interned once per corpus, so that a batch compares integers."""
        return cls(corpus.row_of, _interned(corpus.passage_ids), _interned(corpus.passages))


def false_negatives(batch: Batch, keys: PassageKeys) -> npt.NDArray[np.bool_]:
    """[B, B]: cell (i, j), i != j, is true where passage j is the passage of i's group in j's language."""
    own = keys.row_of[batch.groups[:, None], batch.passage_language[None, :]]  # [B, B] row of group i in language j
    passage = own.diagonal()  # [B] row of passage j
    same = (keys.by_id[own] == keys.by_id[passage]) | (keys.by_text[own] == keys.by_text[passage])
    masked: npt.NDArray[np.bool_] = same & (own >= 0)  # row -1, no such translation, indexed some other row
    np.fill_diagonal(masked, False)
    return masked


def _interned(values: Sequence[str]) -> npt.NDArray[np.int64]:
    numbers: dict[str, int] = {}
    return np.fromiter((numbers.setdefault(value, len(numbers)) for value in values), np.int64, len(values))
