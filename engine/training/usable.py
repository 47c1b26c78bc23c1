"""Which groups of a source can be drawn in which batches.

Computed in pieces, so that a source of millions of groups takes no large temporary arrays; a token cache keeps the
result on disk.

Shapes: G groups, L languages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int32]

_CHUNK = 1 << 16  # groups looked at together


@dataclass(frozen=True, slots=True)
class UsableGroups:
    """Ascending numbers of groups; None stands for all of them, the common case, which takes no memory."""

    total: int  # G
    of_language: tuple[Indices | None, ...]  # L; those that have this language
    any: Indices | None  # those that have a language at all
    pair: Indices | None  # those that have two

    @classmethod
    def of(cls, row_of: npt.NDArray[np.int64]) -> UsableGroups:
        """From rows [G, L]."""
        parts = list(usable_parts(row_of))
        return cls.from_lists(len(row_of), [np.concatenate(column) for column in zip(*parts, strict=True)])

    @classmethod
    def from_lists(cls, total: int, lists: Sequence[Indices | None]) -> UsableGroups:
        """From L + 2 lists in the order of ``usable_parts``."""
        known = [None if found is None or len(found) == total else found for found in lists]
        return cls(total, tuple(known[:-2]), known[-2], known[-1])

    def count(self, groups: Indices | None) -> int:
        return self.total if groups is None else len(groups)


def usable_parts(row_of: npt.NDArray[np.int64]) -> Iterator[list[Indices]]:
    """Pieces of L + 2 lists: the groups of each language, those of any, those of at least two; one piece or more."""
    for start in range(0, max(1, len(row_of)), _CHUNK):
        has = row_of[start : start + _CHUNK] >= 0  # [n, L]
        languages = np.count_nonzero(has, axis=1)
        marks = [*has.T, languages >= 1, languages >= 2]
        yield [(np.flatnonzero(mark) + start).astype(np.int32) for mark in marks]
