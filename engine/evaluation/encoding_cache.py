"""Encodes large collections once: equal texts once, into a store on disk that a killed process resumes.

The key of a store is everything that decides its vectors: the digests of model and tokenizer, the kind of text, prefix,
length, pooling, arithmetic, kind of device, and the texts. After another training step it is another store.

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
from engine.evaluation.ranks import Ints, Tick
from engine.evaluation.vector_store import VectorStore

if TYPE_CHECKING:
    import torch

    from engine.encoder.encoded import Encoded
    from engine.encoder.options import EncodingOptions

Kind = Literal["query", "passage"]

_FORMAT = "1"  # part of every key
_SHARD_ROWS = 8192  # what a kill can cost: minutes with a small encoder on a CPU; tens of MiB in memory


class CacheableEncoder(Protocol):
    """The side of engine.encoder.DualEncoder that a cache needs."""

    @property
    def options(self) -> EncodingOptions: ...

    @property
    def width(self) -> int: ...

    @property
    def device(self) -> Any: ...

    @property
    def autocast(self) -> torch.dtype | None: ...

    def encode_queries(self, texts: Sequence[str], tick: Any = None, /) -> Encoded: ...

    def encode_passages(self, texts: Sequence[str], contexts: Sequence[str] | None, tick: Any = None, /) -> Encoded: ...

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
    progress = _Progress(tick, f"encoding {kind} texts", len(first))
    progress.add(len(first) - sum(len(store.shards[number]) for number in missing))

    def encode(number: int, encoder: CacheableEncoder) -> None:
        some = first[store.shards[number].start : store.shards[number].stop]
        mine = progress.part()
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
        _share(missing, encoders, encode, progress)
    return StoredTexts(store, row_of)


def _share(numbers: Sequence[int], encoders: Sequence[CacheableEncoder], encode: Any, progress: _Progress) -> None:
    """Each encoder, in a thread of its own, takes the next shard until there is none."""
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in numbers:
        waiting.put(number)

    def work(encoder: CacheableEncoder) -> None:
        try:
            while not progress.abandoned:
                encode(waiting.get_nowait(), encoder)
        except Empty:
            return
        except BaseException:
            progress.abandoned = True
            raise

    with ThreadPoolExecutor(len(encoders)) as threads:
        failures = [future.exception() for future in [threads.submit(work, encoder) for encoder in encoders]]
    for failure in failures:
        if failure is not None and not isinstance(failure, _AbandonedError):
            raise failure


class _AbandonedError(Exception):
    """Another thread failed."""


class _Progress:
    """Texts encoded by all threads together."""

    def __init__(self, tick: Tick | None, what: str, total: int) -> None:
        self._tick, self._what, self._total, self._done = tick, what, total, 0
        self._lock = threading.Lock()
        self.abandoned = False

    def add(self, count: int) -> None:
        with self._lock:
            if self.abandoned:
                raise _AbandonedError
            self._done += count
            if self._tick is not None:
                self._tick(self._what, self._done, self._total)

    def part(self) -> Any:
        """A tick(done, total) of one shard."""
        before = 0

        def tick(done: int, _total: int) -> None:
            nonlocal before
            self.add(done - before)
            before = done

        return tick


def _key(encoder: CacheableEncoder, kind: Kind, texts: str) -> str:
    from engine.encoder.precision import arithmetic

    options, digests = encoder.options, encoder.digests()
    query = kind == "query"
    parts = {
        "format": _FORMAT,
        "model": digests["model"],
        "tokenizer": digests["tokenizer"],
        "kind": kind,
        "prefix": options.query_prefix if query else options.passage_prefix,
        "tokens": options.max_query_tokens if query else options.max_passage_tokens,
        "pooling": options.pooling,
        "precision": arithmetic(encoder.device, encoder.autocast),
        "device": encoder.device.type,
        "texts": texts,
    }
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]


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
