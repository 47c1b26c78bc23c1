"""What a parallel corpus contains, as a hash: the part of a token cache's key that stands for the texts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from engine.data.corpus import ParallelCorpus

_CHUNK = 1 << 14  # texts or groups at a time


def corpus_digest(corpus: ParallelCorpus) -> str:
    """SHA-256 over languages, rows, texts, ids and hard negatives; not over name and weight, group and cluster."""
    hasher = hashlib.sha256("\0".join(corpus.languages).encode())
    for start in range(0, len(corpus.row_of), _CHUNK):
        hasher.update(np.ascontiguousarray(corpus.row_of[start : start + _CHUNK]).tobytes())
    negatives = corpus.negatives
    columns: list[Sequence[str] | None] = [corpus.questions, corpus.passages, corpus.passage_ids, corpus.contexts]
    columns += [negatives.texts, negatives.ids] if negatives is not None else []
    for column in columns:
        hasher.update(b"none" if column is None else f"column {len(column)}".encode())
        for part in _parts(column or ()):
            hasher.update(part)
    if negatives is not None:
        for start in range(0, len(negatives.starts), _CHUNK):
            hasher.update(negatives.starts[start : start + _CHUNK].tobytes())
    return hasher.hexdigest()


def _parts(column: Sequence[str]) -> Iterator[bytes]:
    """Lengths before texts, so that neighbouring texts stay apart."""
    for start in range(0, len(column), _CHUNK):
        texts = column[start : start + _CHUNK]
        yield np.fromiter(map(len, texts), np.int64, len(texts)).tobytes()
        yield "".join(texts).encode("utf-8", "surrogatepass")
