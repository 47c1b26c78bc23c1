"""Random numbers that are functions of (seed, purpose, counter): no state to save, nothing to replay.

A key is BLAKE2b of its parts; draw number c under key k is output c of the SplitMix64 generator that starts at
k (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). Written out here rather than taken
from a library, so that a run resumes to the same bits under any version of numpy and torch.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_ROUNDS = 8


def derive_key(seed: int, *purpose: str | int) -> int:
    """A 64-bit key for one purpose; different purposes have unrelated keys."""
    parts = "\0".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.blake2b(parts.encode(), digest_size=8).digest(), "little")


def random_words(key: int, counters: npt.NDArray[Any]) -> Words:
    """One 64-bit word for each counter, any shape; counters are not negative."""
    return _mix(np.uint64(key) + (counters.astype(np.uint64) + np.uint64(1)) * _GOLDEN)


def uniform(key: int, counters: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The same as numbers in [0, 1), of 53 bits."""
    return (random_words(key, counters) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def permuted(key: int, positions: npt.NDArray[Any], size: int) -> npt.NDArray[np.int64]:
    """Where a keyed permutation of 0..size - 1 sends ``positions`` [n], without building it.

    A Feistel network over pairs (a, b) with a * b slightly above ``size``, additions modulo a and b for its
    rounds, walked until the result is below ``size`` (Black and Rogaway: Ciphers with arbitrary finite domains,
    2002). Work and memory are those of the n positions and of sqrt(size), so an epoch of millions costs nothing to
    start.
    """
    left_size = max(1, int(np.ceil(np.sqrt(size))))
    right_size = -(-size // left_size)
    result = positions.astype(np.int64)
    outside = np.ones(len(result), dtype=bool)
    while outside.any():
        result[outside] = _feistel(key, result[outside], left_size, right_size)
        outside = result >= size
    return result


def _feistel(key: int, values: npt.NDArray[np.int64], left_size: int, right_size: int) -> npt.NDArray[np.int64]:
    left, right = np.divmod(values, right_size)
    for to_left, to_right in zip(*_round_functions(key, left_size, right_size), strict=True):
        left = (left + to_left[right]) % left_size
        right = (right + to_right[left]) % right_size
    return left * right_size + right


@lru_cache(maxsize=128)  # a batch needs those of one stream and epoch, and most runs have some dozen streams
def _round_functions(key: int, left_size: int, right_size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """What each round adds to the left half by the right one [rounds, right_size], and the other way round.

    Each half is a counter of its own range in every round: round functions never share a word.
    """
    words = random_words(key, np.arange(_ROUNDS * (left_size + right_size))).reshape(_ROUNDS, -1)
    to_left, to_right = words[:, :right_size] % np.uint64(left_size), words[:, right_size:] % np.uint64(right_size)
    functions = to_left.astype(np.int64), to_right.astype(np.int64)
    for added in functions:
        added.setflags(write=False)  # others are handed the same ones
    return functions


def _mix(words: Words) -> Words:
    words = (words ^ (words >> np.uint64(30))) * _MIX_1
    words = (words ^ (words >> np.uint64(27))) * _MIX_2
    return words ^ (words >> np.uint64(31))
