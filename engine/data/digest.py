"""What data contain, as a hash: the digest that protocols print, and what caches are named by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_CHUNK = 1 << 14  # entries at a time; part of the digest of a column


class ContentDigest:
    """SHA-256 over texts and arrays, in the order in which they are added. Digests of all releases are equal."""

    def __init__(self, head: str = "") -> None:
        self._hasher = hashlib.sha256(head.encode())

    def add(self, *texts: str) -> None:
        """Each behind its length, so that neighbouring texts stay apart."""
        for text in texts:
            data = text.encode()
            self._hasher.update(len(data).to_bytes(8, "little"))
            self._hasher.update(data)

    def add_column(self, column: Sequence[str] | None) -> None:
        """Many texts at once, or that there are none: of each chunk the lengths, then the texts."""
        self._hasher.update(b"none" if column is None else f"column {len(column)}".encode())
        for start in range(0, len(column or ()), _CHUNK):
            texts = (column or ())[start : start + _CHUNK]
            self._hasher.update(np.fromiter(map(len, texts), np.int64, len(texts)).tobytes())
            self._hasher.update("".join(texts).encode("utf-8", "surrogatepass"))

    def add_array(self, array: npt.NDArray[np.int64]) -> None:
        """The numbers alone, without the shape; the array may lie on disk."""
        for start in range(0, len(array), _CHUNK):
            self._hasher.update(np.ascontiguousarray(array[start : start + _CHUNK]).tobytes())

    def hexdigest(self) -> str:
        return self._hasher.hexdigest()
