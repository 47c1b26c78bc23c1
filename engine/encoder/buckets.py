"""Splits sequences into groups of similar length, so that little of a padded matrix is padding, or into groups that
memory has room for.

Shapes: N sequences, K distinct lengths.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def length_buckets(lengths: npt.NDArray[np.int64], budget: int, call_cost: int) -> list[npt.NDArray[np.int64]]:
    """Indices [n] of each bucket; every sequence is in exactly one, and both they and their rows
    are in order of length.

    The split is the cheapest one, where a bucket costs ``call_cost`` (what one forward call costs beside its
    tokens, in tokens) plus its padded tokens. No bucket holds more than ``budget`` padded tokens, unless a
    single sequence does.
    """
    order = np.argsort(lengths, kind="stable")
    distinct, counts = np.unique(lengths, return_counts=True)
    ends = np.concatenate([[0], np.cumsum(counts)])  # [K + 1] sequences up to each distinct length
    buckets: list[npt.NDArray[np.int64]] = []
    for first, last in _cheapest_split(distinct, ends, call_cost):
        rows = order[ends[first] : ends[last]]
        size = max(1, budget // max(1, int(distinct[last - 1])))
        buckets.extend(np.array_split(rows, -(-len(rows) // size)))
    return buckets


def token_chunks(lengths: npt.NDArray[np.int64], budget: int) -> list[npt.NDArray[np.int64]]:
    """Indices [n] of each chunk, which holds as many sequences as fit into ``budget`` tokens, and at least one; every
    sequence is in exactly one, and both they and their rows are in order of length."""
    order = np.argsort(lengths, kind="stable")
    ends = np.concatenate([[0], np.cumsum(lengths[order])])  # [N + 1] tokens up to each sequence
    chunks: list[npt.NDArray[np.int64]] = []
    start = 0
    while start < len(order):
        end = int(np.searchsorted(ends, ends[start] + budget, side="right")) - 1
        chunks.append(order[start : max(end, start + 1)])
        start += len(chunks[-1])
    return chunks


def _cheapest_split(
    distinct: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], call_cost: int
) -> list[tuple[int, int]]:
    """Half-open ranges of distinct lengths, shortest first, by dynamic programming over where the last one starts."""
    cost = np.zeros(len(distinct) + 1)
    start = np.zeros(len(distinct) + 1, dtype=np.int64)
    for last in range(1, len(distinct) + 1):
        options = cost[:last] + (ends[last] - ends[:last]) * distinct[last - 1]
        start[last] = np.argmin(options)
        cost[last] = options[start[last]] + call_cost
    ranges: list[tuple[int, int]] = []
    last = len(distinct)
    while last > 0:
        ranges.append((int(start[last]), last))
        last = int(start[last])
    return ranges[::-1]
