"""What runs are called on the screen, so that no two of them are called the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tui.follow.rows import RunRow
from tui.numbers import visible

_TAIL = 6  # characters of an id that tell runs of one name apart: the time at which it was made


def labels(rows: Sequence[RunRow]) -> dict[Path, str]:
    """By folder: the name, with the seed where runs of one name have several, and the end of the id where two are
    still equal."""
    seeds: dict[str, set[int]] = {}
    for row in rows:
        seeds.setdefault(row.name, set()).add(row.seed)
    found = {row.folder.path: f"{row.name} s{row.seed}" if len(seeds[row.name]) > 1 else row.name for row in rows}
    known = Counter(found.values())
    equal = [row for row in rows if known[found[row.folder.path]] > 1]
    for size in range(_TAIL, max([_TAIL, *(len(row.id) for row in equal)]) + 1):
        tails = {row.folder.path: f"{found[row.folder.path]} {visible(row.id[-size:]).lstrip('-')}" for row in equal}
        if len(set(tails.values())) == len(equal):
            return found | tails
    return found | {row.folder.path: visible(row.id) for row in equal}


def label_of(row: RunRow, rows: Sequence[RunRow]) -> str:
    """What ``row`` is called among ``rows``, of which it need not be one."""
    return labels(rows).get(row.folder.path, row.name)
