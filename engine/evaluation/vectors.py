"""Vectors of large collections on disk: each distinct text is encoded once, and a killed process goes on where it was.

A store holds float16 shards of a fixed number of rows, memory-mapped, each written whole or not at all. A shard that is
there is complete; what a killed process was writing is not there. So encoding resumes at the first missing shard, and
reading costs page cache, which the system takes back when it needs it.

The key of a store is everything that decides its vectors: the digests of model and tokenizer, how texts of the kind are
encoded (``Encoder.encoding``), and the texts. After another training step it is another store.

Shapes: n texts, T distinct ones, D dimensions.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from engine.data.store.tables import take
from engine.evaluation.arrays import Floats, Ints
from engine.files import write_file, writing
from engine.progress import Counter, Tick

if TYPE_CHECKING:
    from engine.encoder.encoder import Encoded
    from engine.encoding_options import TaskPrompts

Kind = Literal["query", "passage"]

Halves = npt.NDArray[np.float16]

DIGEST_SIZE = 16  # bytes of the hash of a text or a vector

_MANIFEST = "manifest.json"
_FORMAT = "2"  # part of every key
_SHARD_ROWS = 8192  # what a kill can cost: minutes with a small encoder on a CPU; tens of MiB in memory


class Encoder(Protocol):
    """What an evaluation needs of an encoder: engine.encoder.DualEncoder, alone or with the help of other ranks.

    An evaluation hands over all texts of a small benchmark at once, and those of a large one in chunks of some
    thousand, from one thread an encoder.
    """

    @property
    def width(self) -> int:
        """D."""

    @property
    def is_normalized(self) -> bool:
        """Whether vectors have length 1, so that their dot products are cosines."""

    def encode_queries(self, texts: Sequence[str], tick: Tick | None, /) -> Encoded:
        """Texts [n] -> float32 vectors [n, D]; ``tick`` may raise to abandon the work."""

    def encode_passages(self, texts: Sequence[str], contexts: Sequence[str] | None, tick: Tick | None, /) -> Encoded:
        """The same for passages, each with its context where there are contexts [n]."""

    def encoding(self, kind: Kind, /) -> dict[str, Any]:
        """All but weights and tokenizer that decides the vectors of texts of that kind: the layout of sequences, the
        kind of device and torch's version among them."""

    def protocol(self) -> dict[str, Any]:
        """How texts become vectors: the encoder's part of engine.evaluation.results.EncodingProtocol."""

    def prompted(self, task: TaskPrompts, /) -> AbstractContextManager[None]:
        """Inside, texts get the prefixes of a benchmark."""

    def digests(self) -> dict[str, str]:
        """SHA-256 of "model" and "tokenizer". Hashing all weights takes seconds."""


@dataclass(frozen=True, slots=True)
class StoredTexts:
    """Vectors of n texts: text i has row ``row_of[i]`` of the store, and so have its repeats."""

    store: VectorStore
    row_of: Ints  # [n]


def encode_stored(
    encoders: Sequence[Encoder],
    kind: Kind,
    texts: Sequence[str],
    contexts: Sequence[str] | None,
    root: Path,
    digests: Mapping[str, str],
    tick: Tick | None = None,
) -> StoredTexts:
    """The vectors of ``texts``, from the store under ``root`` as far as they are there.

    Args:
        encoders: equal ones, one for each device; they take shards by turns.
        contexts: second halves of the encoded passages, or None.
        digests: of the encoders, see ``Encoder.digests``.
        tick: called as ``tick("encoding KIND texts", done, distinct)``; may raise to abandon the work, which then goes
            on after the last whole shard.
    """
    first, row_of, digest = _distinct(texts, contexts)
    encoder = encoders[0]
    store = VectorStore.open(root / _key(encoder, kind, digest, digests), len(first), encoder.width, _SHARD_ROWS)
    missing = store.missing()
    counter = Counter(tick, f"encoding {kind} texts", len(first))
    counter.done = len(first) - sum(len(store.shards[number]) for number in missing)
    counter.report()
    shared = _SharedCounter(counter)

    def encode(number: int, encoder: Encoder) -> None:
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


def _share(numbers: Sequence[int], encoders: Sequence[Encoder], encode: Any, shared: _SharedCounter) -> None:
    """Each encoder, in a thread of its own, takes the next shard until there is none."""
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in numbers:
        waiting.put(number)

    def work(encoder: Encoder) -> None:
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


def _key(encoder: Encoder, kind: Kind, texts: str, digests: Mapping[str, str]) -> str:
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


class _Manifest(msgspec.Struct, frozen=True):
    rows: int
    width: int
    rows_per_shard: int


class _Shard(msgspec.Struct, frozen=True):
    truncated: int  # texts that were cut to fit


class VectorStore:
    """T x D float16 numbers in ``folder``, whose name is the key of its content."""

    def __init__(self, folder: Path, manifest: _Manifest) -> None:
        self.folder = folder
        self._manifest = manifest

    @classmethod
    def open(cls, folder: Path, rows: int, width: int, rows_per_shard: int) -> VectorStore:
        """The store of that folder, created where there is none; an existing one keeps its shards' size."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / _MANIFEST
        if not path.exists():
            write_file(path, msgspec.json.encode(_Manifest(rows, width, rows_per_shard)), durable=True)
        manifest = msgspec.json.decode(path.read_bytes(), type=_Manifest)
        if (manifest.rows, manifest.width) != (rows, width):
            raise ValueError(f"{folder}: holds {manifest.rows} x {manifest.width} vectors, not {rows} x {width}")
        return cls(folder, manifest)

    def __len__(self) -> int:
        return self._manifest.rows

    @property
    def width(self) -> int:
        return self._manifest.width

    @property
    def shards(self) -> list[range]:
        """The rows of each shard."""
        step = self._manifest.rows_per_shard
        return [range(start, min(start + step, len(self))) for start in range(0, len(self), step)]

    def missing(self) -> list[int]:
        """Numbers of the shards that are still to be written."""
        return [number for number in range(len(self.shards)) if not self._path(number).exists()]

    def write(self, number: int, vectors: Floats, truncated: int) -> None:
        """Stores one shard, rounded to float16."""
        if vectors.shape != (len(self.shards[number]), self.width):
            raise ValueError(f"shard {number}: unexpected shape {vectors.shape}")
        path = self._path(number)
        write_file(path.with_suffix(".json"), msgspec.json.encode(_Shard(truncated)), durable=True)
        with writing(path, durable=True) as file:
            np.save(file, vectors.astype(np.float16))

    def truncated(self) -> int:
        """Texts that were cut to fit, in all shards."""
        notes = (self._path(number).with_suffix(".json").read_bytes() for number in range(len(self.shards)))
        return sum(msgspec.json.decode(note, type=_Shard).truncated for note in notes)

    def blocks(self) -> Iterator[Halves]:
        """The shards in order, as they lie on disk."""
        for number in range(len(self.shards)):
            yield self._map(number)

    def gather(self, rows: Ints, into: Floats) -> None:
        """Fills ``into`` [u, D] with ascending ``rows`` [u]."""
        step = self._manifest.rows_per_shard
        bounds = np.searchsorted(rows, np.arange(len(self.shards) + 1) * step)
        for number in np.flatnonzero(np.diff(bounds)).tolist():
            part = slice(int(bounds[number]), int(bounds[number + 1]))
            wanted, shard = rows[part] - number * step, self._map(number)
            whole = wanted[-1] - wanted[0] + 1 == len(wanted)
            into[part] = shard[wanted[0] : wanted[-1] + 1] if whole else shard[wanted]

    def _map(self, number: int) -> Halves:
        # Mapped anew each time: what is not in use is not counted as this process's memory.
        array: Halves = np.load(self._path(number), mmap_mode="r")
        return array

    def _path(self, number: int) -> Path:
        return self.folder / f"shard-{number:06d}.npy"


def distinct_rows(blocks: Iterable[npt.NDArray[np.floating]]) -> tuple[Ints, Ints]:
    """The rows that are equal to no earlier one [U], ascending, and which of them each row equals [n]."""
    hashes = bytearray()
    for block in blocks:
        for row in np.ascontiguousarray(block):
            hashes += hashlib.blake2b(row, digest_size=DIGEST_SIZE).digest()
    return distinct_hashes(hashes)


def distinct_hashes(hashes: bytes | bytearray) -> tuple[Ints, Ints]:
    """The same for n hashes of DIGEST_SIZE bytes, one after the other."""
    halves = np.frombuffer(hashes, np.uint64).reshape(-1, 2)
    order = np.lexsort((halves[:, 1], halves[:, 0]))  # stable: the first of equal entries comes first
    ordered = halves[order]
    new = np.ones(len(order), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    first_in_order = order[new]  # the first entry of each run of equal ones
    first = np.sort(first_in_order)
    member = np.empty(len(order), np.int64)
    member[order] = np.searchsorted(first, first_in_order)[np.cumsum(new) - 1]
    return first, member
