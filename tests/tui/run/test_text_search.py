"""Searching a text marks what is there and changes nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.run.text_search import Search, highlighted

TEXTS = st.text("abİß e\u0301字ก", max_size=12)
ROWS = st.lists(st.tuples(TEXTS, st.sampled_from(["", "dim"])), max_size=4).map(tuple)


@given(ROWS, TEXTS)
def test_a_highlighted_row_has_the_same_text(row: tuple[tuple[str, str], ...], needle: str) -> None:
    found = highlighted(row, needle)
    assert "".join(text for text, _ in found) == "".join(text for text, _ in row)
    assert all(text.lower() == needle.lower() for text, style in found if "found" in style)


@given(st.lists(TEXTS, max_size=8), TEXTS)
def test_every_text_that_holds_it_is_a_match(texts: list[str], needle: str) -> None:
    found = Search(text=needle).matches(texts)
    assert found == [index for index, text in enumerate(texts) if needle and needle.casefold() in text.casefold()]


@given(st.integers(1, 9), st.lists(st.sampled_from([-1, 1]), max_size=20))
def test_matches_go_round_from_the_last(count: int, steps: list[int]) -> None:
    search = Search(text="x")
    assert search.step(count, 1) == count - 1
    for by in steps:
        before = search.at
        assert before is not None
        assert search.step(count, by) == (before + by) % count
    assert search.step(0, 1) is None
