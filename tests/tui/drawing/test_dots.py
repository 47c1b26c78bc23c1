"""Dots land in the cells and bits where the plainest count puts them, and hide only what stands under them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.drawing.canvas import Canvas
from tui.drawing.dots import Dots
from tui.drawing.glyphs import ASCII, BLOCK, BRAILLE, Glyphs

WIDTH, HEIGHT = 5, 6
places = st.integers(-3, 30)
spans = st.lists(st.tuples(st.integers(-2, 12), places, places), max_size=14)


@pytest.mark.parametrize("glyphs", [BRAILLE, BLOCK, ASCII], ids=lambda glyphs: glyphs.name)
@pytest.mark.parametrize("solid", ["", "o"])
@given(drawn=spans)
def test_every_cell_shows_the_dots_that_are_in_it(
    glyphs: Glyphs, solid: str, drawn: list[tuple[int, int, int]]
) -> None:
    per_column, per_row = glyphs.dots
    dots, lit = Dots(WIDTH, HEIGHT, glyphs), set()
    for column, top, bottom in drawn:
        dots.span(column, top, bottom)
        lit |= {(column, row) for row in range(min(top, bottom), max(top, bottom) + 1)}
    canvas = Canvas(WIDTH + 2, HEIGHT + 1)
    for y in range(HEIGHT + 1):
        canvas.put(0, y, "x" * (WIDTH + 2))
    dots.paint(canvas, 1, 1, "style", solid)
    for y, row in enumerate(canvas.rows()):
        text = "".join(part for part, _ in row)
        for x, shown in enumerate(text):
            inside = 1 <= x <= WIDTH and y >= 1
            bits = [
                column * per_row + line
                for column in range(per_column)
                for line in range(per_row)
                if inside and ((x - 1) * per_column + column, (y - 1) * per_row + line) in lit
            ]
            expected = solid or glyphs.cells[sum(1 << bit for bit in bits)]
            assert shown == (expected if bits else "x")
