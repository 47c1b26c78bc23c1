"""The table of runs holds every run once, in the order that was chosen, whatever is filtered or folded."""

from __future__ import annotations

import itertools
from pathlib import Path

from helpers.rows import make_run_row
from hypothesis import given
from hypothesis import strategies as st

from engine.runs.folder import RunFolder
from tui.follow.labels import label_of, labels
from tui.follow.rows import RunRow
from tui.runs import fields
from tui.runs.filter_language import parse
from tui.runs.listing import SORT_KEYS, STARTED, Entry, Group, Order, Shown, arrange

STATES = ("running", "queued", "finished", "crashed", "unheard-of")


@st.composite
def some_rows(draw: st.DrawFn) -> list[RunRow]:
    number = itertools.count()
    return [
        make_run_row(
            next(number),
            study=draw(st.sampled_from(("", "a", "b"))),
            state=draw(st.sampled_from(STATES)),
            loss=draw(st.one_of(st.none(), st.just(float("nan")), st.floats(0, 9))),
            best=draw(st.one_of(st.none(), st.floats(0, 1))),
            seed=draw(st.integers(0, 2)),
            pinned=draw(st.booleans()),
        )
        for _ in range(draw(st.integers(0, 12)))
    ]


orders = st.builds(
    Order,
    sort=st.sampled_from((STARTED, *SORT_KEYS, "lr", "tag")),
    backwards=st.booleans(),
    group=st.sampled_from(((), ("study",), ("state",), ("seed", "state"))),
    folded=st.sets(st.sampled_from(("a", "b", "state finished"))).map(frozenset),
)


def runs_of(entries: list[Entry]) -> list[RunRow]:
    """Every run the list holds, those of folded studies included."""
    return [
        row
        for entry in entries
        for row in ([entry.row] if isinstance(entry, Shown) else list(entry.rows) if entry.folded else [])
    ]


@given(some_rows(), orders)
def test_every_run_is_there_exactly_once(rows: list[RunRow], order: Order) -> None:
    found = runs_of(arrange(rows, order))
    assert sorted(row.id for row in found) == sorted(row.id for row in rows)


@given(some_rows(), orders)
def test_runs_without_the_value_come_last_and_the_others_in_order(rows: list[RunRow], order: Order) -> None:
    shown = runs_of(arrange(rows, Order(sort=order.sort, backwards=order.backwards, group=())))
    assert [row.pinned for row in shown] == sorted((row.pinned for row in shown), reverse=True)
    if order.sort in (STARTED, "state"):
        return
    asked = fields.field(order.sort)
    for pinned in (True, False):
        values = [asked.value(row) for row in shown if row.pinned is pinned]
        known = [value for value in values if not fields.is_missing(value)]
        assert values[: len(known)] == known
        assert known == sorted(known, reverse=order.is_descending)  # type: ignore[type-var]


@given(some_rows(), orders)
def test_the_runs_of_a_group_stand_together_below_its_line(rows: list[RunRow], order: Order) -> None:
    entries = arrange(rows, order)
    for at, entry in enumerate(entries):
        if isinstance(entry, Group):
            below = [] if entry.folded else entries[at + 1 : at + 1 + len(entry.rows)]
            assert [one.row for one in below if isinstance(one, Shown)] == (below and list(entry.rows))
            assert len(entry.rows) > 1
            assert (
                len({tuple(map(str, (fields.field(key).value(row) for key in order.group))) for row in entry.rows}) == 1
            )
    labels = [entry.label for entry in entries if isinstance(entry, Group)]
    assert len(labels) == len(set(labels))


def test_newest_first_is_the_order_they_come_in() -> None:
    rows = [make_run_row(number) for number in range(5)]
    assert runs_of(arrange(rows, Order())) == rows
    assert runs_of(arrange(rows, Order(backwards=True))) == rows[::-1]


def test_runs_of_one_name_are_told_apart_by_their_seeds() -> None:
    rows = [make_run_row(0, name="x", seed=0), make_run_row(1, name="x", seed=1), make_run_row(2, name="y", seed=1)]
    entries = arrange(rows, Order())
    assert [entry.label for entry in entries if isinstance(entry, Shown)] == ["x s0", "x s1", "y"]
    assert runs_of(arrange(rows, Order(filter=parse('"x s1"')))) == [rows[1]], "what is shown can be looked for"


@given(st.lists(st.tuples(st.sampled_from("xy"), st.integers(0, 1)), max_size=8))
def test_no_two_runs_are_called_the_same(drawn: list[tuple[str, int]]) -> None:
    rows = [make_run_row(number, name=name, seed=seed) for number, (name, seed) in enumerate(drawn)]
    found = labels(rows)
    assert len(set(found.values())) == len(rows)
    assert all(found[row.folder.path].startswith(row.name) for row in rows)


def test_what_name_and_seed_leave_equal_the_end_of_the_id_tells_apart() -> None:
    ids = ("x-20260922-101500", "x-20260922-111500", "y-20260922-101500")
    rows = [make_run_row(0, folder=RunFolder(Path("/runs") / one), name=one[0]) for one in ids]
    assert list(labels(rows).values()) == ["x 101500", "x 111500", "y"]
    assert label_of(make_run_row(7, name="other"), rows) == "other"
