"""Which runs the table shows and in what order: filtered, sorted, in groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from tui.follow.labels import labels as labels_of
from tui.follow.rows import RunRow
from tui.runs import fields
from tui.runs.fields import Field, Value
from tui.runs.filter_language import Filter, Verdicts

STARTED = "started"  # the order in which runs come: the newest first
STUDY = "study"
# What runs are usually sorted by, besides the columns that a person has chosen.
SORT_KEYS = (
    "name", "state", "age", "progress", "loss", "mono", "cross", "pool", "best", "rank_distance", "device", "host",
)  # fmt: skip
_ABOUT = {
    STARTED: "the newest first", "state": "what lives first, then what broke",
    "age": "the last event, the freshest first", "name": "from A to Z",
}  # fmt: skip
NO_FILTER = Filter()


class Group(msgspec.Struct, frozen=True, eq=False):
    """The line above runs that have something in common; ``rows`` are those that the filter leaves."""

    label: str
    study: str  # that they have in common; empty where they are grouped by something else
    rows: tuple[RunRow, ...]
    folded: bool


class Shown(msgspec.Struct, frozen=True, eq=False):
    """One run of the list; ``label`` tells it apart from others of its name."""

    row: RunRow
    label: str
    grouped: bool


Entry = Group | Shown


class Order(msgspec.Struct, frozen=True, eq=False):
    """What the person chose. ``sort`` and ``group`` are keys of fields; no ``group``: one list of all."""

    sort: str = STARTED
    backwards: bool = False
    filter: Filter = NO_FILTER
    group: tuple[str, ...] = (STUDY,)
    folded: frozenset[str] = frozenset()  # labels of groups
    verdicts: Verdicts = msgspec.field(default_factory=Verdicts)  # on regular expressions of the filter

    @property
    def is_descending(self) -> bool:
        return (self.sort == STARTED or fields.field(self.sort).best_first) != self.backwards


def sort_choices(columns: Sequence[str]) -> list[tuple[str, str]]:
    """(key, what comes first) of all that runs can be sorted by, with ``columns`` of the table."""
    keys = dict.fromkeys((STARTED, *SORT_KEYS, *(key for key in columns if fields.is_key(key))))
    return [(key, about_order(key)) for key in keys]


def about_order(key: str) -> str:
    if key in _ABOUT:
        return _ABOUT[key]
    asked = fields.field(key)
    if not fields.is_number(asked):
        return f"{asked.about}, from A to Z"
    return f"{asked.about}, the {'highest' if asked.best_first else 'lowest'} first"


def arrange(rows: Sequence[RunRow], order: Order) -> list[Entry]:
    """``rows`` come newest first, which is also how equals stay; pinned ones go before all others. A group stands
    where its first run would."""
    labels = labels_of(rows)
    fits, judge = order.filter.fits, order.verdicts.look_up
    kept = [row for row in rows if fits(row, labels[row.folder.path], judge)] if order.filter.terms else list(rows)
    chosen = _sorted(kept, order)
    names = [_group_label(row, order.group) for row in chosen]
    groups: dict[str, list[RunRow]] = {}
    for row, name in zip(chosen, names, strict=True):
        groups.setdefault(name, []).append(row)
    entries: list[Entry] = []
    done: set[str] = set()
    for row, name in zip(chosen, names, strict=True):
        if not name or len(groups[name]) < 2:
            entries.append(Shown(row, labels[row.folder.path], grouped=False))
        elif name not in done:
            done.add(name)
            study = row.study if order.group == (STUDY,) else ""
            group = Group(name, study, tuple(groups[name]), name in order.folded)
            entries.append(group)
            if not group.folded:
                entries += [Shown(member, labels[member.folder.path], grouped=True) for member in group.rows]
    return entries


def _group_label(row: RunRow, keys: tuple[str, ...]) -> str:
    """What a run has in common with the others of its group; empty where it has none of it."""
    if keys == (STUDY,):
        return row.study
    asked = [fields.field(key) for key in keys]
    values = [each.value(row) for each in asked]
    if all(map(fields.is_missing, values)):
        return ""
    pairs = zip(asked, values, strict=True)
    return "   ".join(f"{fields.title(each.key)} {fields.text(value)}" for each, value in pairs)


def _sorted(rows: list[RunRow], order: Order) -> list[RunRow]:
    """What a run does not have yet comes last, whichever way the others run."""
    if order.sort == STARTED:
        chosen = rows[::-1] if order.backwards else rows
    else:
        value = _sort_value(fields.field(order.sort))
        have = [row for row in rows if not fields.is_missing(value(row))]
        have.sort(key=lambda row: value(row), reverse=order.is_descending)  # type: ignore[arg-type, return-value]
        chosen = have + [row for row in rows if fields.is_missing(value(row))]
    chosen.sort(key=lambda row: not row.pinned)
    return chosen


def _sort_value(asked: Field) -> Callable[[RunRow], Value]:
    """Numbers of one field are numbers in every run; texts are sorted whatever their case."""
    if asked.key == "state":
        return lambda row: float(_place(row.state))

    def value(row: RunRow) -> Value:
        found = asked.value(row)
        return fields.text(found).lower() if isinstance(found, (str, tuple)) and not fields.is_missing(found) else found

    return value


def _place(state: str) -> int:
    return fields.STATES.index(state) if state in fields.STATES else len(fields.STATES)
