"""Dots land in the cells and bits where the plainest count puts them, and hide only what stands under them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.draw.canvas import Canvas
from tui.draw.dots import Dots
from tui.draw.glyphs import ASCII, BLOCK, BRAILLE, Glyphs
from tui.draw.layers import Layer, paint

WIDTH, HEIGHT = 5, 6
CHARSETS = pytest.mark.parametrize("glyphs", [BRAILLE, BLOCK, ASCII], ids=lambda glyphs: glyphs.name)
places = st.integers(-3, 30)
spans = st.lists(st.tuples(st.integers(-2, 12), places, places), max_size=14)
Lit = set[tuple[int, int]]


def drawn_cells(layers: list[Layer], glyphs: Glyphs) -> dict[tuple[int, int], tuple[str, str]]:
    """(character, style) of every cell of the layers; around them nothing may have changed."""
    canvas = Canvas(WIDTH + 2, HEIGHT + 2)
    paint(canvas, 1, 1, layers, glyphs)
    cells = {
        (x, y): cell
        for y, row in enumerate(canvas.rows(), -1)
        for x, cell in enumerate(((character, style) for text, style in row for character in text), -1)
    }
    inside = {(x, y): cells.pop((x, y)) for x in range(WIDTH) for y in range(HEIGHT)}
    assert set(cells.values()) == {(" ", "")}
    return inside


def expected_cells(
    layers: list[tuple[Lit, str, str]], glyphs: Glyphs
) -> dict[tuple[int, int], tuple[str, str]]:  # fmt: skip
    """The same, cell by cell and bit by bit, from (dots that are lit, style, solid)."""
    per_column, per_row = glyphs.dots
    found = {(x, y): (" ", "") for x in range(WIDTH) for y in range(HEIGHT)}
    for lit, style, solid in layers:
        for x, y in found:
            bits = [
                column * per_row + line
                for column in range(per_column)
                for line in range(per_row)
                if (x * per_column + column, y * per_row + line) in lit
            ]
            if bits:
                found[x, y] = (solid or glyphs.cells[sum(1 << bit for bit in bits)], style)
    return found


@CHARSETS
@given(drawn=st.lists(spans, min_size=1, max_size=4))
def test_every_cell_shows_the_dots_of_the_last_layer_that_has_any_in_it(
    glyphs: Glyphs, drawn: list[list[tuple[int, int, int]]]
) -> None:
    layers: list[Layer] = []
    expected: list[tuple[Lit, str, str]] = []
    for number, of_layer in enumerate(drawn):
        dots, lit = Dots(WIDTH, HEIGHT, glyphs), set()
        for column, top, bottom in of_layer:
            dots.span(column, top, bottom)
            lit |= {(column, row) for row in range(min(top, bottom), max(top, bottom) + 1)}
        solid = "abcd"[number] if glyphs is ASCII and number % 2 else ""
        layers.append(Layer(dots, f"style{number}", solid))
        expected.append((lit, f"style{number}", solid))
    assert drawn_cells(layers, glyphs) == expected_cells(expected, glyphs)


@CHARSETS
@given(data=st.data())
def test_a_line_is_a_dot_a_column_on_straight_ways_joined_without_gaps(glyphs: Glyphs, data: st.DataObject) -> None:
    dots = Dots(WIDTH, HEIGHT, glyphs)
    columns = sorted(data.draw(st.sets(st.integers(0, dots.columns - 1), min_size=1)))
    rows = [data.draw(st.integers(0, dots.rows - 1)) for _ in columns]
    dots.line(columns, rows)
    lit: Lit = set()
    for (column, row), (to_column, to_row) in pairwise(zip(columns, rows, strict=True)):
        before = row
        for step in range(1, to_column - column + 1):
            at = row + round((to_row - row) * step / (to_column - column))
            down = range(before + 1, at + 1) if at > before else range(at, before) if at < before else (at,)
            lit |= {(column + step, each) for each in down}
            before = at
    assert drawn_cells([Layer(dots, "line")], glyphs) == expected_cells([(lit, "line", "")], glyphs)
