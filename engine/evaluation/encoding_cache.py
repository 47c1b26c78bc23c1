"""Encodes large collections once: equal texts once, into a store on disk that a killed process resumes.

The key of a store is everything that decides its vectors: the digests of model and tokenizer, how texts of the kind are
encoded (``DualEncoder.encoding``), and the texts. After another training step it is another store.

Shapes: n texts, T distinct ones, D dimensions.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec
import numpy as np

from engine.data.columns import take
from engine.evaluation.distinct import DIGEST_SIZE, distinct_hashes
from engine.evaluation.ranks import Ints
from engine.evaluation.vector_store import VectorStore
from engine.progress import Counter, Tick

if TYPE_CHECKING:
    from engine.encoder.encoded import Encoded

Kind = Literal["query", "passage"]

_FORMAT = "2"  # part of every key
_SHARD_ROWS = 8192  # what a kill can cost: minutes with a small encoder on a CPU; tens of MiB in memory


class CacheableEncoder(Protocol):
    """The side of engine.encoder.DualEncoder that a cache needs."""

    @property
    def width(self) -> int: ...

    @property
    def is_normalized(self) -> bool: ...

    def encoding(self, kind: Kind, /) -> dict[str, Any]: ...

    def protocol(self) -> dict[str, Any]: ...

    def encode_queries(self, texts: Sequence[str], tick: Tick | None = None, /) -> Encoded: ...

    def encode_passages(
        self, texts: Sequence[str], contexts: Sequence[str] | None, tick: Tick | None = None, /
    ) -> Encoded: ...

    def digests(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class StoredTexts:
    """Vectors of n texts: text i has row ``row_of[i]`` of the store, and so have its repeats."""

    store: VectorStore
    row_of: Ints  # [n]


def encode_stored(
    encoders: Sequence[CacheableEncoder],
    kind: Kind,
    texts: Sequence[str],
    contexts: Sequence[str] | None,
    root: Path,
    tick: Tick | None = None,
) -> StoredTexts:
    """The vectors of ``texts``, from the store under ``root`` as far as they are there.

    Args:
        encoders: equal ones, one for each device; they take shards by turns.
        contexts: second halves of the encoded passages, or None.
        tick: called as ``tick("encoding KIND texts", done, distinct)``; may raise to abandon the work, which then goes
            on after the last whole shard.
    """
    first, row_of, digest = _distinct(texts, contexts)
    encoder = encoders[0]
    store = VectorStore.open(root / _key(encoder, kind, digest), len(first), encoder.width, _SHARD_ROWS)
    missing = store.missing()
    counter = Counter(tick, f"encoding {kind} texts", len(first))
    counter.done = len(first) - sum(len(store.shards[number]) for number in missing)
    counter.report()
    shared = _SharedCounter(counter)

    def encode(number: int, encoder: CacheableEncoder) -> None:
        some = first[store.shards[number].start : store.shards[number].stop]
        mine = shared.tick()
        chosen = take(texts, some)
        if kind == "query":
            encoded = encoder.encode_queries(chosen, mine)
        else:
            encoded = encoder.encode_passages(chosen, take(contexts, some) if contexts is not None else None, mine)
        store.write(number, encoded.vectors, encoded.truncated)

    if len(encoders) == 1:
        for number in missing:
            encode(number, encoder)
    else:
        _share(missing, encoders, encode, shared)
    return StoredTexts(store, row_of)


def _share(numbers: Sequence[int], encoders: Sequence[CacheableEncoder], encode: Any, shared: _SharedCounter) -> None:
    """Each encoder, in a thread of its own, takes the next shard until there is none."""
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in numbers:
        waiting.put(number)

    def work(encoder: CacheableEncoder) -> None:
        try:
            while not shared.abandoned:
                encode(waiting.get_nowait(), encoder)
        except Empty:
            return
        except BaseException:
            shared.abandoned = True
            raise

    with ThreadPoolExecutor(len(encoders)) as threads:
        failures = [future.exception() for future in [threads.submit(work, encoder) for encoder in encoders]]
    for failure in failures:
        if failure is not None and not isinstance(failure, _AbandonedError):
            raise failure


class _AbandonedError(Exception):
    """Another thread failed."""


class _SharedCounter:
    """Texts encoded by all threads together."""

    def __init__(self, counter: Counter) -> None:
        self._counter, self._lock = counter, threading.Lock()
        self.abandoned = False

    def add(self, count: int) -> None:
        with self._lock:
            if self.abandoned:
                raise _AbandonedError
            self._counter.advance(count)

    def tick(self) -> Tick:
        """What one shard is encoded with."""
        before = 0

        def tick(_what: str, done: int, _total: int | None) -> None:
            nonlocal before
            self.add(done - before)
            before = done

        return tick


def _key(encoder: CacheableEncoder, kind: Kind, texts: str) -> str:
    digests = encoder.digests()
    parts = {
        "format": _FORMAT,
        "model": digests["model"],
        "tokenizer": digests["tokenizer"],
        "encoding": encoder.encoding(kind),
        "texts": texts,
    }
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:32]


def _distinct(texts: Sequence[str], contexts: Sequence[str] | None) -> tuple[Ints, Ints, str]:
    """The first of equal (text, context) pairs [T], each text's place among them [n], and a digest of the distinct."""
    hashes = bytearray()
    for text, context in zip(texts, contexts if contexts is not None else repeat(""), strict=contexts is not None):
        hashes += hashlib.blake2b(f"{len(text)} {text}{context}".encode(), digest_size=DIGEST_SIZE).digest()
    first, member = distinct_hashes(hashes)
    every = np.frombuffer(hashes, f"V{DIGEST_SIZE}")
    digest = hashlib.sha256(b"pairs" if contexts is not None else b"texts")
    for block in _slices(first):
        digest.update(every[block].tobytes())
    return first, member, digest.hexdigest()


def _slices(indices: Ints, size: int = 1 << 16) -> Iterator[Ints]:
    for start in range(0, len(indices), size):
        yield indices[start : start + size]
