"""Widths are exact in terminal cells, whatever the script."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from tui.draw.text import cut, fit, fit_row, row_width, spread, width, wrap

SCRIPTS = "aZ 9é–กำลังหลังของแพนกองไทยहिन्दी का प्रश्नمرحبا بالعالم中文问题日本語한국어ßñ·…"


def cell_len(text: str) -> int:
    """As tmux 3.3, xterm and VTE advance their cursor: by each character's category and East Asian width."""
    none = ("Mn", "Me", "Cf")
    return sum(
        0 if unicodedata.category(each) in none else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )


texts = st.text(st.sampled_from(SCRIPTS), max_size=40)
rows = st.lists(st.tuples(texts, st.sampled_from(["", "dim", "bold"])), max_size=6)


@given(texts, st.integers(0, 30), st.sampled_from(["left", "right", "center"]), st.sampled_from(["…", "~", ""]))
def test_fit_takes_exactly_the_cells_asked_for(text: str, cells: int, align: str, ellipsis: str) -> None:
    assert cell_len(fit(text, cells, align, ellipsis)) == cells  # type: ignore[arg-type]


@given(texts)
def test_fit_keeps_what_fits(text: str) -> None:
    assert fit(text, cell_len(text) + 3).startswith(text)


@given(rows, st.integers(0, 40))
def test_a_fitted_row_takes_exactly_the_cells_asked_for(row: list[tuple[str, str]], cells: int) -> None:
    assert row_width(fit_row(row, cells)) == cells


@given(rows, rows, st.integers(0, 60))
def test_both_ends_share_the_cells_and_the_right_one_stays(
    left: list[tuple[str, str]], right: list[tuple[str, str]], cells: int
) -> None:
    found = spread(left, right, cells)
    assert row_width(found) == cells
    end = "".join(text for text, _ in right)
    if row_width(right) <= cells:
        text = "".join(text for text, _ in found)
        assert text.endswith(end)
        if 0 < row_width(right) < cells:
            assert text.removesuffix(end).endswith(" ")


@settings(max_examples=60)
@given(texts, st.integers(4, 20))
def test_wrapped_lines_fit_and_lose_no_character(text: str, cells: int) -> None:
    lines = wrap(text, cells)
    assert all(cell_len(line) <= cells for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_hindi_takes_the_cells_that_tmux_gives_it() -> None:
    """Asked of tmux 3.3a with the cursor position report; rich counts 3, 4, 5 and 1."""
    assert [width(word) for word in ("हिन्दी", "तुर्किये", "ज़्यादातर", "कि")] == [5, 5, 7, 2]


@given(texts, st.integers(0, 30))
def test_a_cut_leaves_no_mark_without_its_letter(text: str, cells: int) -> None:
    kept = cut(text, cells)
    assert cell_len(kept) == cells
    rest = text[len(kept.rstrip(" ")) :].lstrip(" ")
    if text.startswith(kept.rstrip(" ")) and rest and kept.strip():
        assert not unicodedata.category(rest[0]).startswith("M")
