"""In-batch negatives that are known to be right answers.

In a batch of B pairs the passage of pair j serves as a negative for question i, and so does a hard negative drawn for
pair j. It is no negative when it is the passage of i's own group *in the language of that candidate*: the same group
drawn twice, two questions with one passage, or a hard negative that answers another question of the batch. In a
cross-lingual batch that passage and the one of pair i are translations of each other: their texts differ, and only the
groups they belong to tell. Embeddings cannot tell either: dropout makes equal texts differ.

Shapes: B pairs, N further negatives, C = B + N candidates, L languages, p passages of the batch's groups, m matches.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.training.negatives import DrawnNegatives
from engine.training.plan import Batch
from engine.training.tokenized import Keys, TokenizedCorpus

Ints = npt.NDArray[np.int64]

_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no two languages move a key equally far


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
    has = rows >= 0
    group, language = np.nonzero(has)  # [p] every passage that the batch's groups have, in all languages
    masked = np.zeros((size, len(languages)), dtype=bool)
    for keys, known in ((by_id, corpus.keys.by_id), (by_text, corpus.keys.by_text)):
        passage, candidate = _matches(_of_language(known[rows[has]], language), _of_language(keys, languages))
        masked[group[passage], candidate] = True
    np.fill_diagonal(masked[:, :size], False)
    return masked


def _of_language(keys: Keys, languages: npt.NDArray[np.integer]) -> Keys:
    """Keys that are equal only where the languages are, too."""
    return keys + languages.astype(np.uint64) * _SPREAD


def _matches(passages: Keys, candidates: Keys) -> tuple[Ints, Ints]:
    """[p], [C] -> [m], [m]: the numbers of passages and candidates with equal keys.

    Sorted, since matches are few: comparing all with all would take longer than a large batch's step.
    """
    order = np.argsort(candidates, kind="stable")
    ordered = candidates[order]
    first = np.searchsorted(ordered, passages, side="left")
    count = np.searchsorted(ordered, passages, side="right") - first  # [p]
    place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)  # [m] among a passage's matches
    return np.repeat(np.arange(len(passages)), count), order[np.repeat(first, count) + place]
