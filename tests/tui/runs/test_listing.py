"""The table of runs holds every run once, in the order that was chosen, whatever is filtered or folded."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs.folder import RunFolder
from tui.follow.labels import label_of, labels
from tui.follow.rows import RunRow
from tui.runs.filtering import Filter
from tui.runs.listing import SORT_KEYS, Entry, Group, Order, Shown, arrange, compile_filter, matches

STATES = ("running", "queued", "finished", "crashed", "unheard-of")


def make(number: int, **other: object) -> RunRow:
    values: dict[str, object] = {
        "folder": RunFolder(Path("/runs") / f"run-{number}"), "name": f"run-{number}", "mode": "mono",
        "mono_share": None, "state": "finished", "reason": "", "step": 10, "max_steps": 10, "loss": None, "spark": (),
        "benchmark": None, "metrics": {}, "updated": 0.0, "device": "", "host": "", "work": None,
        "seconds_left": None, "alive": False, "attempt": 1,
    }  # fmt: skip
    return RunRow(**(values | other))  # type: ignore[arg-type]


@st.composite
def some_rows(draw: st.DrawFn) -> list[RunRow]:
    number = itertools.count()
    return [
        make(
            next(number),
            study=draw(st.sampled_from(("", "a", "b"))),
            state=draw(st.sampled_from(STATES)),
            loss=draw(st.one_of(st.none(), st.just(float("nan")), st.floats(0, 9))),
            best=draw(st.one_of(st.none(), st.floats(0, 1))),
            seed=draw(st.integers(0, 2)),
        )
        for _ in range(draw(st.integers(0, 12)))
    ]


orders = st.builds(
    Order,
    sort=st.integers(0, len(SORT_KEYS) - 1),
    backwards=st.booleans(),
    grouped=st.booleans(),
    folded=st.sets(st.sampled_from(("a", "b"))).map(frozenset),
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
    entries = arrange(rows, Order(sort=order.sort, backwards=order.backwards, grouped=False))
    values = [order.key.value(row) for row in runs_of(entries)]
    known = [value for value in values if value is not None and value == value]
    assert values[: len(known)] == known
    if order.sort:
        assert known == sorted(known, reverse=order.key.best_first != order.backwards)  # type: ignore[type-var]


@given(some_rows(), orders)
def test_the_runs_of_a_study_stand_together_below_its_line(rows: list[RunRow], order: Order) -> None:
    entries = arrange(rows, order)
    for at, entry in enumerate(entries):
        if isinstance(entry, Group):
            below = [] if entry.folded else entries[at + 1 : at + 1 + len(entry.rows)]
            assert [one.row for one in below if isinstance(one, Shown)] == (below and list(entry.rows))
            assert len(entry.rows) > 1
    assert sum(isinstance(entry, Group) and entry.study == "a" for entry in entries) <= 1


def test_newest_first_is_the_order_they_come_in() -> None:
    rows = [make(number) for number in range(5)]
    assert runs_of(arrange(rows, Order())) == rows
    assert runs_of(arrange(rows, Order(backwards=True))) == rows[::-1]


def test_runs_of_one_name_are_told_apart_by_their_seeds() -> None:
    rows = [make(0, name="x", seed=0), make(1, name="x", seed=1), make(2, name="y", seed=1)]
    entries = arrange(rows, Order())
    assert [entry.label for entry in entries if isinstance(entry, Shown)] == ["x s0", "x s1", "y"]
    assert runs_of(arrange(rows, Order(pattern=compile_filter("s1$")))) == [rows[1]], "what is shown can be looked for"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("RUN-1", True), ("^run-1$", True), ("cro", True), ("^finished", True), ("H200", True), ("sweep-a", True),
     ("run-1 cross", False), ("^un", False), ("running", False)],
)  # fmt: skip
def test_the_filter_searches_every_word_of_the_line_by_itself(pattern: str, found: bool) -> None:
    row = make(1, mode="cross", device="NVIDIA H200", study="sweep-a")
    assert matches(row, "run-1", compile_filter(pattern)) is found


def test_what_is_no_regular_expression_is_told_and_the_last_good_one_stands() -> None:
    filtering = Filter()
    filtering.begin()
    for key in "run":
        filtering.key(key, key)
    filtering.key("left_parenthesis", "(")
    assert filtering.pattern is not None
    assert filtering.pattern.pattern == "run"
    assert "not a regular expression" in filtering.error
    filtering.key("enter", "\r")
    assert filtering.edit is not None, "it is not kept"
    filtering.key("escape", None)
    assert (filtering.pattern, filtering.error, filtering.edit) == (None, "", None)


def test_a_kept_filter_comes_back_when_the_next_one_is_dropped() -> None:
    filtering = Filter()
    filtering.begin()
    filtering.key("a", "a")
    filtering.key("enter", "\r")
    filtering.begin()
    filtering.key("b", "b")
    assert filtering.pattern is not None
    assert filtering.pattern.pattern == "ab"
    filtering.key("ctrl+g", None)
    assert filtering.pattern.pattern == "a"
    filtering.clear()
    assert filtering.pattern is None


@given(st.lists(st.tuples(st.sampled_from("xy"), st.integers(0, 1)), max_size=8))
def test_no_two_runs_are_called_the_same(drawn: list[tuple[str, int]]) -> None:
    rows = [make(number, name=name, seed=seed) for number, (name, seed) in enumerate(drawn)]
    found = labels(rows)
    assert len(set(found.values())) == len(rows)
    assert all(found[row.folder.path].startswith(row.name) for row in rows)


def test_what_name_and_seed_leave_equal_the_end_of_the_id_tells_apart() -> None:
    ids = ("x-20260922-101500", "x-20260922-111500", "y-20260922-101500")
    rows = [make(0, folder=RunFolder(Path("/runs") / one), name=one[0]) for one in ids]
    assert list(labels(rows).values()) == ["x 101500", "x 111500", "y"]
    assert label_of(make(7, name="other"), rows) == "other"
