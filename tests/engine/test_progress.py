"""How far long work is, as it is reported to a person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.progress import Counter, named


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 100))
def test_it_reports_each_multiple_once_and_the_end_always(counts: list[int], every: int) -> None:
    seen: list[tuple[str, int, int | None]] = []
    total = sum(counts) + 1
    counter = Counter(lambda *report: seen.append(report), "reading", total, every=every)
    for count in [*counts, 1]:
        counter.advance(count)
    assert seen[-1] == ("reading", total, total)
    parts = [done // every for _, done, _ in seen[:-1]]
    assert parts == sorted(set(parts)), "at most once in so many"
    assert total // every <= len(seen) * max([*counts, every]), "and not less often than work is counted"


def test_it_counts_what_others_do_without_keeping_it() -> None:
    seen: list[tuple[str, int, int | None]] = []
    counter = Counter(lambda *report: seen.append(report), "tokenising")
    counter.advance(3)
    counter.report(elsewhere=4)
    counter.advance(1)
    assert seen == [("tokenising", 3, None), ("tokenising", 7, None), ("tokenising", 4, None)]


def test_what_a_tick_raises_passes_through() -> None:
    def abandon(what: str, done: int, total: int | None) -> None:
        raise InterruptedError(what)

    with pytest.raises(InterruptedError, match="reading"):
        Counter(abandon, "reading").advance()
    renamed = named(abandon, "queries")
    assert renamed is not None
    with pytest.raises(InterruptedError, match="queries"):
        renamed("encoding", 1, 2)


def test_nobody_need_listen() -> None:
    assert named(None, "queries") is None
    counter = Counter(None, "reading", 2)
    counter.advance(2)
    assert counter.done == 2
