"""The share of monolingual batches of a hybrid run (alpha in the paper), which may follow a schedule over its updates.

    constant    mono_share at every update
    linear      from mono_share at the first update to mono_share_end at the last one, in equal steps
    cosine      between the same ends, slow at both: end + (start - end) * (1 + cos(pi * done)) / 2
    steps       mono_share, and from update S on the share of the last [S, share] in mono_share_steps with S reached

A share depends on nothing but the config and the number of the update, so a resumed run needs nothing to be remembered.
"""

from __future__ import annotations

import math
from itertools import pairwise

from engine.config import BatchConfig


def mono_share_at(batch: BatchConfig, max_steps: int, step: int) -> float:
    """The probability that the batch of update ``step`` = 1, 2, ..., ``max_steps`` is monolingual; later ones as the
    last."""
    if batch.mono_share_schedule == "steps":
        reached = [share for first, share in batch.mono_share_steps if first <= step]
        return reached[-1] if reached else batch.mono_share
    if batch.mono_share_schedule == "constant" or batch.mono_share_end is None:
        return batch.mono_share
    done = min(1.0, (step - 1) / (max_steps - 1)) if max_steps > 1 else 0.0
    if batch.mono_share_schedule == "cosine":
        done = (1 - math.cos(math.pi * done)) / 2
    return batch.mono_share + (batch.mono_share_end - batch.mono_share) * done


def mono_share_range(batch: BatchConfig, max_steps: int) -> tuple[float, float]:
    """The lowest and the highest share over all updates."""
    ends = [mono_share_at(batch, max_steps, step) for step in (1, max_steps)]
    ends += [share for first, share in batch.mono_share_steps if first <= max_steps]
    return min(ends), max(ends)


def mean_mono_share(batch: BatchConfig, max_steps: int) -> float:
    """The mean over all updates: the share of monolingual batches that a run can expect as a whole."""
    if batch.mono_share_schedule != "steps":  # both curves are as far above their middle as below it
        return (mono_share_at(batch, max_steps, 1) + mono_share_at(batch, max_steps, max_steps)) / 2
    bounds = [1, *(first for first, _ in batch.mono_share_steps if first <= max_steps), max_steps + 1]
    parts = [(end - start) * mono_share_at(batch, max_steps, start) for start, end in pairwise(bounds) if end > start]
    return sum(parts) / max_steps


def schedule_text(batch: BatchConfig) -> str:
    """A schedule in words, "1->0 linear" or "0.5->0.25->0 steps"; empty where there is none."""
    if batch.mode != "hybrid" or batch.mono_share_schedule == "constant":
        return ""
    shares = [batch.mono_share]
    if batch.mono_share_schedule == "steps":
        shares += [share for _, share in batch.mono_share_steps]
    elif batch.mono_share_end is not None:
        shares.append(batch.mono_share_end)
    return f"{'->'.join(f'{share:g}' for share in shares)} {batch.mono_share_schedule}"


def mono_share_text(batch: BatchConfig) -> str:
    """The share of a hybrid run in words, a number or its schedule."""
    return schedule_text(batch) or f"{batch.mono_share:g}"
