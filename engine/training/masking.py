"""In-batch negatives that are known to be right answers.

In a batch of B pairs the passage of pair j serves as a negative for question i, and so does a hard negative drawn for
pair j. It is no negative when it is the passage of i's own group *in the language of that candidate*: the same group
drawn twice, two questions with one passage, or a hard negative that answers another question of the batch. In a
cross-lingual batch that passage and the one of pair i are translations of each other: their texts differ, and only the
groups they belong to tell. Embeddings cannot tell either: dropout makes equal texts differ.

Shapes: B pairs, N further negatives, c candidates of one language, L languages.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.training.negatives import DrawnNegatives
from engine.training.plan import Batch
from engine.training.tokenized import Keys, TokenizedCorpus


def false_negatives(
    batch: Batch, corpus: TokenizedCorpus, further: DrawnNegatives | None = None
) -> npt.NDArray[np.bool_]:
    """[B, B + N]: cell (i, j), i != j, is true where candidate j is the passage of i's group in j's language."""
    size = len(batch.groups)
    rows = corpus.row_of[batch.groups]  # [B, L]
    passages = rows[np.arange(size), batch.passage_language]  # [B]
    languages, by_id, by_text = batch.passage_language, corpus.keys.by_id[passages], corpus.keys.by_text[passages]
    if further is not None:
        languages = np.concatenate([languages, further.language])  # [B + N]
        by_id = np.concatenate([by_id, further.keys.by_id])
        by_text = np.concatenate([by_text, further.keys.by_text])
    masked = np.zeros((size, len(languages)), dtype=bool)
    for language in np.unique(languages):
        candidates = np.flatnonzero(languages == language)  # [c]
        own = rows[:, language]  # [B] the passage of each group in that language
        same = _equal(corpus.keys.by_id[own], by_id[candidates]) | _equal(corpus.keys.by_text[own], by_text[candidates])
        masked[:, candidates] = same & (own >= 0)[:, None]  # row -1, no such translation, indexed some other row
    np.fill_diagonal(masked[:, :size], False)
    return masked


def _equal(own: Keys, candidates: Keys) -> npt.NDArray[np.bool_]:
    """[B], [c] -> [B, c]."""
    equal: npt.NDArray[np.bool_] = own[:, None] == candidates[None, :]
    return equal
