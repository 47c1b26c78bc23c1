"""Token ids of many texts without padding.

Shapes: N sequences, T tokens of all of them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class TokenRows:
    """Ragged rows of token ids, special tokens included; row n is ``ids[offsets[n]:offsets[n + 1]]``."""

    ids: npt.NDArray[np.int32]  # [T]
    offsets: npt.NDArray[np.int64]  # [N + 1]
    truncated: int = 0  # texts that lost tokens
    segments: npt.NDArray[np.uint8] | None = None  # [T] 1 in the second text of a pair; None where there are none
    skipped: npt.NDArray[np.int32] | None = None  # [N] tokens at the start of a row that are not pooled; None: none

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each row, [N]."""
        return np.diff(self.offsets)

    def count(self, rows: npt.NDArray[np.integer]) -> int:
        """Tokens of the given rows together."""
        return int((self.offsets[rows + 1] - self.offsets[rows]).sum())

    def take(self, rows: npt.NDArray[np.integer]) -> TokenRows:
        """The given rows in the given order; ``truncated`` is not known per row and becomes 0."""
        lengths = self.offsets[rows + 1] - self.offsets[rows]  # of these rows only: there may be millions
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        source = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        segments = None if self.segments is None else self.segments[source]
        skipped = None if self.skipped is None else self.skipped[rows]
        return TokenRows(self.ids[source], offsets, 0, segments, skipped)


def concatenate(parts: Sequence[TokenRows]) -> TokenRows:
    """All rows of the first part, then all of the second, and so on."""
    starts = np.cumsum([0, *(len(part.ids) for part in parts)])
    offsets = [part.offsets[:-1] + start for part, start in zip(parts, starts[:-1], strict=True)]
    segments = None
    if any(part.segments is not None for part in parts):
        segments = np.concatenate(
            [np.zeros(len(part.ids), np.uint8) if part.segments is None else part.segments for part in parts]
        )
    skipped = None
    if any(part.skipped is not None for part in parts):
        skipped = np.concatenate(
            [np.zeros(len(part), np.int32) if part.skipped is None else part.skipped for part in parts]
        )
    return TokenRows(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([*offsets, starts[-1:]]).astype(np.int64),
        sum(part.truncated for part in parts),
        segments,
        skipped,
    )
