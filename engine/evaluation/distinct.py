"""Equal texts and equal vectors, found by their hashes.

Shapes: n entries, U distinct ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from engine.evaluation.ranks import Ints

DIGEST_SIZE = 16  # bytes of a hash


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
