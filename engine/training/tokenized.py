"""A training source as batches need it: arrays only, in memory or memory-mapped.

Shapes: G groups, L languages, R rows, K hard negatives of all rows together, n texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.data.corpus import ParallelCorpus
from engine.encoder.encoder import Kind
from engine.encoder.tokens import TokenRows, concatenate
from engine.progress import Counter
from engine.training.usable import UsableGroups

Keys = npt.NDArray[np.uint64]
Texts = Sequence[str]
Tokenize = Callable[[Texts, Texts | None, Kind], TokenRows]

CHUNK = 4096  # texts tokenised between two reports


@dataclass(frozen=True, slots=True)
class PassageKeys:
    """What passages are known by: equal keys are equal ids, or equal texts.

    A key is 64 bits of a hash: with 100 million passages, two different ones share a key with a chance of 1 in 3,700,
    and would only be missed as each other's negatives.
    """

    by_id: Keys  # [n]
    by_text: Keys  # [n]

    @classmethod
    def of(cls, ids: Sequence[str] | None, texts: Sequence[str]) -> PassageKeys:
        """Passages without ids are known by their texts alone."""
        by_text = _hashes(b"t", texts)
        return cls(by_text if ids is None else _hashes(b"i", ids), by_text)


@dataclass(frozen=True, slots=True)
class TokenizedNegatives:
    """Row r has those from ``starts[r]`` to ``starts[r + 1]``."""

    starts: npt.NDArray[np.int64]  # [R + 1]
    rows: TokenRows  # [K]
    keys: PassageKeys  # [K]


@dataclass(frozen=True, slots=True)
class TokenizedCorpus:
    """``row_of[g, l]`` is the row of group g in language l, or -1, as in ``ParallelCorpus``."""

    name: str
    languages: tuple[str, ...]  # L
    row_of: npt.NDArray[np.int64]  # [G, L]
    usable: UsableGroups
    questions: TokenRows  # [R]
    passages: TokenRows  # [R]
    keys: PassageKeys  # [R]
    negatives: TokenizedNegatives | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class TextColumns:
    """The texts of one column of a corpus, and how they are tokenised."""

    name: str
    texts: Sequence[str]  # n
    kind: Kind
    contexts: Sequence[str] | None = None  # n
    keyed: bool = False  # passages: they have keys
    ids: Sequence[str] | None = None  # n

    def chunks(
        self, first: int, size: int
    ) -> Iterator[tuple[Sequence[str], Sequence[str] | None, Sequence[str] | None]]:
        """(texts, contexts, ids) from text ``first`` on, ``size`` at a time."""
        for start in range(first, len(self.texts), size):
            part = slice(start, start + size)
            yield (
                self.texts[part],
                None if self.contexts is None else self.contexts[part],
                None if self.ids is None else self.ids[part],
            )


def text_columns(corpus: ParallelCorpus, *, negatives: bool) -> list[TextColumns]:
    """What is to be tokenised: questions, passages, and the hard negatives where they are wanted and there."""
    columns = [
        TextColumns("questions", corpus.questions, "query"),
        TextColumns("passages", corpus.passages, "passage", corpus.contexts, True, corpus.passage_ids),
    ]
    if negatives and corpus.negatives is not None:
        columns.append(
            TextColumns("negatives", corpus.negatives.texts, "passage", keyed=True, ids=corpus.negatives.ids)
        )
    return columns


def tokenize_in_memory(
    corpus: ParallelCorpus, tokenize: Tokenize, *, negatives: bool = False, counter: Counter | None = None
) -> TokenizedCorpus:
    """Every text of the corpus, tokenised at once and kept in memory."""
    rows: dict[str, TokenRows] = {}
    keys: dict[str, PassageKeys] = {}
    for column in text_columns(corpus, negatives=negatives):
        parts = []
        for texts, contexts, _ in column.chunks(0, CHUNK):
            parts.append(tokenize(texts, contexts, column.kind))
            if counter is not None:
                counter.advance(len(texts))
        rows[column.name] = concatenate(parts or [tokenize([], None, column.kind)])
        if column.keyed:
            keys[column.name] = PassageKeys.of(column.ids, column.texts)
    hard = None
    if "negatives" in rows:
        assert corpus.negatives is not None
        hard = TokenizedNegatives(corpus.negatives.starts, rows["negatives"], keys["negatives"])
    return TokenizedCorpus(
        name=corpus.name,
        languages=corpus.languages,
        row_of=corpus.row_of,
        usable=UsableGroups.of(corpus.row_of),
        questions=rows["questions"],
        passages=rows["passages"],
        keys=keys["passages"],
        negatives=hard,
        weight=corpus.weight,
    )


def _hashes(kind: bytes, texts: Sequence[str]) -> Keys:
    hashed = (
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, person=kind).digest() for text in texts
    )
    return np.frombuffer(b"".join(hashed), np.uint64)
