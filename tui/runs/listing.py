"""Which runs the table shows and in what order: sorted, filtered, grouped by study."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui.follow.labels import labels as labels_of
from tui.follow.rows import RunRow

_STATES = (
    "running", "evaluating", "pausing", "stopping", "starting", "queued", "stalled", "crashed", "failed", "paused",
    "stopped", "finished",
)  # fmt: skip


@dataclass(frozen=True)
class SortKey:
    """``column`` is the title of the table's column that it sorts by; ``best_first``: from the greatest."""

    label: str
    about: str
    column: str
    value: Callable[[RunRow], float | str | None]
    best_first: bool = False


def _metric(name: str) -> Callable[[RunRow], float | None]:
    return lambda row: row.metrics.get(name)


SORT_KEYS = (
    SortKey("started", "the newest first", "started", lambda row: None),
    SortKey("name", "from A to Z", "name", lambda row: row.name.lower()),
    SortKey("state", "what lives first, then what broke", "state", lambda row: float(_place(row.state))),
    SortKey("last event", "the freshest first", "age", lambda row: row.updated, best_first=True),
    SortKey("progress", "the share of the steps that is done", "step", lambda row: _progress(row), best_first=True),
    SortKey("loss", "mean of the last stretch, the lowest first", "loss", lambda row: row.loss),
    SortKey("mono", "map_monolingual, the highest first", "mono", _metric("map_monolingual"), best_first=True),
    SortKey("cross", "map_crosslingual, the highest first", "cross", _metric("map_crosslingual"), best_first=True),
    SortKey("pool", "map_multilingual, the highest first", "pool", _metric("map_multilingual"), best_first=True),
    SortKey("best", "map_multilingual of the best evaluation, the highest first", "best", lambda row: row.best,
            best_first=True),
    SortKey("rank distance", "the lowest first", "rank dist", _metric("rank_distance")),
    SortKey("device", "from A to Z", "device", lambda row: row.device.lower() or None),
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """The line above the runs of one study; ``rows`` are those that the filter leaves."""

    study: str
    rows: tuple[RunRow, ...]
    folded: bool


@dataclass(frozen=True)
class Shown:
    """One run of the list; ``label`` tells it apart from others of its name."""

    row: RunRow
    label: str
    grouped: bool


Entry = Group | Shown


@dataclass(frozen=True)
class Order:
    """What the person chose."""

    sort: int = 0  # of SORT_KEYS
    backwards: bool = False
    pattern: re.Pattern[str] | None = None
    grouped: bool = True
    folded: frozenset[str] = frozenset()

    @property
    def key(self) -> SortKey:
        return SORT_KEYS[self.sort]


def compile_filter(text: str) -> re.Pattern[str] | None:
    """Case does not matter; None for an empty text, which hides nothing.

    Raises:
        ValueError: not a regular expression; the message says why.
    """
    if not text:
        return None
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None


def matches(row: RunRow, label: str, pattern: re.Pattern[str] | None) -> bool:
    """Searched are all words of the line: label, name, id, study, mode, state, device and benchmark, separately."""
    if pattern is None:
        return True
    words = (label, row.name, row.id, row.study, row.mode, row.state, row.device, row.benchmark or "")
    return any(pattern.search(word) for word in words)


def arrange(rows: Sequence[RunRow], order: Order) -> list[Entry]:
    """``rows`` come newest first, which is also how equals stay. A study stands where its first run would."""
    labels = labels_of(rows)
    chosen = _sorted([row for row in rows if matches(row, labels[row.folder.path], order.pattern)], order)
    studies = Counter(row.study for row in chosen if row.study) if order.grouped else Counter()
    entries: list[Entry] = []
    done: set[str] = set()
    for row in chosen:
        if studies[row.study] < 2:
            entries.append(Shown(row, labels[row.folder.path], grouped=False))
        elif row.study not in done:
            done.add(row.study)
            members = tuple(member for member in chosen if member.study == row.study)
            group = Group(row.study, members, row.study in order.folded)
            entries.append(group)
            if not group.folded:
                entries += [Shown(member, labels[member.folder.path], grouped=True) for member in members]
    return entries


def _sorted(rows: list[RunRow], order: Order) -> list[RunRow]:
    """What a run does not have yet comes last, whichever way the others run."""
    if order.sort == 0:
        return rows[::-1] if order.backwards else rows
    value = order.key.value
    have = [row for row in rows if _known(value(row))]
    have.sort(key=lambda row: value(row), reverse=order.key.best_first != order.backwards)  # type: ignore[arg-type, return-value]
    return have + [row for row in rows if not _known(value(row))]


def _known(value: float | str | None) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _place(state: str) -> int:
    return _STATES.index(state) if state in _STATES else len(_STATES)


def _progress(row: RunRow) -> float | None:
    return row.step / row.max_steps if row.max_steps else None
