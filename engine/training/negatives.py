"""Hard negatives for a batch: further candidates that every question has to tell from its passage.

Each pair gets ``count``, drawn from those of its passage's row without repetition. Where a row has fewer, passages of
other groups take the open places, in the same language where their group has it: all pairs bring equally many, on every
rank. Every draw is keyed by (seed, purpose, t), so batch t is a function of (seed, t).

Shapes: B pairs, n = ``count``, N = B n candidates (those of pair 0 first), M the most negatives of a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.encoder.tokens import TokenRows, concatenate
from engine.training.keyed import derive_key, uniform
from engine.training.plan import Batch
from engine.training.tokenized import PassageKeys, TokenizedCorpus

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DrawnNegatives:
    """Candidate k is hard negative ``item[k]`` of the corpus or, where that is -1, the passage of row ``row[k]``."""

    item: Ints  # [N]
    row: Ints  # [N]
    language: npt.NDArray[np.int16]  # [N]
    keys: PassageKeys  # [N]


def draw_negatives(batch: Batch, corpus: TokenizedCorpus, count: int, seed: int, t: int) -> DrawnNegatives:
    """``count`` >= 1 for each pair of batch ``t``."""
    passages = corpus.row_of[batch.groups, batch.passage_language]  # [B]
    item = _items(corpus, passages, count, seed, t)
    row, language = _other_passages(batch, corpus, count, seed, t)
    language = np.where(item >= 0, np.repeat(batch.passage_language, count), language)
    by_id, by_text = corpus.keys.by_id[row], corpus.keys.by_text[row]
    if corpus.negatives is not None and len(corpus.negatives.rows):
        keys = corpus.negatives.keys
        by_id = np.where(item >= 0, keys.by_id[item], by_id)
        by_text = np.where(item >= 0, keys.by_text[item], by_text)
    return DrawnNegatives(item, row, language, PassageKeys(by_id, by_text))


def negative_rows(drawn: DrawnNegatives, part: slice, corpus: TokenizedCorpus) -> TokenRows:
    """The tokens of candidates ``part``."""
    item, row = drawn.item[part], drawn.row[part]
    if corpus.negatives is None or not (item >= 0).any():
        return corpus.passages.take(row)
    both = concatenate([corpus.negatives.rows.take(item[item >= 0]), corpus.passages.take(row[item < 0])])
    order = np.concatenate([np.flatnonzero(item >= 0), np.flatnonzero(item < 0)])
    return both.take(np.argsort(order))


def _items(corpus: TokenizedCorpus, passages: Ints, count: int, seed: int, t: int) -> Ints:
    """[B] -> [N] numbers of hard negatives, -1 where a row has no more."""
    if corpus.negatives is None:
        return np.full(len(passages) * count, -1, dtype=np.int64)
    first = corpus.negatives.starts[passages]  # [B]
    sizes = corpus.negatives.starts[passages + 1] - first  # [B]
    width = max(int(sizes.max()), count)  # M
    draws = uniform(derive_key(seed, "negatives", t), np.arange(len(passages) * width)).reshape(-1, width)
    draws[np.arange(width) >= sizes[:, None]] = np.inf
    chosen = np.argsort(draws, axis=1, kind="stable")[:, :count]  # [B, n]
    items: Ints = np.where(chosen < sizes[:, None], first[:, None] + chosen, -1)
    return items.reshape(-1)


def _other_passages(
    batch: Batch, corpus: TokenizedCorpus, count: int, seed: int, t: int
) -> tuple[Ints, npt.NDArray[np.int16]]:
    """[N] rows, [N] their languages."""
    total = len(batch.groups) * count
    usable = corpus.usable.any
    draws = uniform(derive_key(seed, "other passages", t), np.arange(total))
    groups = (draws * corpus.usable.count(usable)).astype(np.int64)
    rows = corpus.row_of[groups if usable is None else usable[groups]]  # [N, L]
    wanted = np.repeat(batch.passage_language, count)
    has = rows >= 0
    language = np.where(has[np.arange(total), wanted], wanted, has.argmax(axis=1)).astype(np.int16)
    return rows[np.arange(total), language], language
