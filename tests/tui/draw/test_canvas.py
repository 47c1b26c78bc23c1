"""Nothing is ever drawn outside the canvas, and its rows are exactly as wide as asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.draw.canvas import Canvas
from tui.draw.text import row_width

SCRIPTS = "ab ก็हिमر中文…"
puts = st.lists(
    st.tuples(st.integers(-6, 16), st.integers(-2, 6), st.text(st.sampled_from(SCRIPTS), max_size=8)), max_size=12
)


@given(puts, st.integers(0, 12), st.integers(0, 4))
def test_rows_keep_their_width_whatever_is_put_where(
    things: list[tuple[int, int, str]], width: int, height: int
) -> None:
    """Wide characters that are cut or overwritten in their middle leave a blank, not half a glyph."""
    canvas = Canvas(width, height)
    for index, (x, y, text) in enumerate(things):
        canvas.put(x, y, text, f"style{index % 3}")
    rows = canvas.rows()
    assert len(rows) == height
    assert all(row_width(row) == width for row in rows)


@given(puts)
def test_narrow_text_lands_where_it_was_put(things: list[tuple[int, int, str]]) -> None:
    """Against the plainest oracle there is: a dictionary of cells."""
    canvas, oracle = Canvas(10, 4), {}
    for x, y, text in things:
        plain = "".join(character for character in text if character in "ab")
        canvas.put(x, y, plain)
        oracle |= {(x + index, y): character for index, character in enumerate(plain)}
    for y, row in enumerate(canvas.rows()):
        drawn = "".join(text for text, _ in row)
        assert drawn == "".join(oracle.get((x, y), " ") for x in range(10))


def test_a_mark_joins_the_character_before_it() -> None:
    canvas = Canvas(4, 1)
    canvas.put(0, 0, "กิ")
    assert canvas.rows()[0][0][0] == "กิ   "
