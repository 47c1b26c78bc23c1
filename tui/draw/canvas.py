"""A grid of cells that clips: whatever is drawn, nothing lands outside and every row is exactly as wide as asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import compress, pairwise
from operator import ne

from tui.draw.text import Row, character_width


class Canvas:
    """``width`` x ``height`` cells, each one character (with its combining marks) and one style name."""

    __slots__ = ("_any_wide", "_characters", "_styles", "height", "width")

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = max(0, width), max(0, height)
        self._characters = [[" "] * self.width for _ in range(self.height)]
        self._styles = [[""] * self.width for _ in range(self.height)]
        self._any_wide = False  # a wide character stands somewhere, of which a narrow one may leave half

    def put(self, x: int, y: int, text: str, style: str = "") -> int:
        """Writes ``text`` from cell (x, y), clipped; returns the cell after it."""
        inside = 0 <= y < self.height
        if inside and len(text) > 1 and x >= 0 and x + len(text) <= self.width and not self._any_wide and _narrow(text):
            self.across(x, y, text, [style] * len(text))
            return x + len(text)
        for character in text:
            size = character_width(character)
            if inside and size == 0:
                self._combine(x - 1, y, character)
            elif inside:
                self._set(x, y, character, size, style)
            x += size
        return x

    def put_right(self, end: int, y: int, text: str, style: str = "") -> None:
        """Writes ``text`` so that it ends before cell ``end``."""
        self.put(end - sum(map(character_width, text)), y, text, style)

    def across(self, x: int, y: int, characters: Sequence[str], styles: Sequence[str]) -> None:
        """The charts' way: narrow characters side by side, all inside the grid, over whatever is there."""
        end = x + len(characters)
        self._characters[y][x:end] = characters
        self._styles[y][x:end] = styles

    def cross(self, x: int, y: int, character: str, style: str, added: str) -> None:
        """``character`` in an empty cell; any other keeps what it shows, with the style ``added`` to its own."""
        if not (0 <= y < self.height and 0 <= x < self.width):
            return
        characters, styles = self._characters[y], self._styles[y]
        if characters[x] == " ":
            characters[x], styles[x] = character, style
        else:
            styles[x] = f"{styles[x]} {added}".strip()

    def rows(self) -> list[Row]:
        if not self.width:
            return [()] * self.height
        return list(map(_runs, self._characters, self._styles))

    def _set(self, x: int, y: int, character: str, size: int, style: str) -> None:
        if not 0 <= x < self.width:
            if size == 2 and x == -1 and self.width:
                self._set(0, y, " ", 1, style)
            return
        if size == 2 and x + 1 >= self.width:
            character, size = " ", 1  # half a wide character cannot be shown
        characters, styles = self._characters[y], self._styles[y]
        if characters[x] == "":
            characters[x - 1] = " "  # its right half is overwritten
        if x + size < self.width and characters[x + size] == "":
            characters[x + size] = " "
        characters[x], styles[x] = character, style
        if size == 2:
            self._any_wide = True
            characters[x + 1], styles[x + 1] = "", style

    def _combine(self, x: int, y: int, mark: str) -> None:
        if 0 <= x < self.width:
            if self._characters[y][x] == "" and x:
                x -= 1
            self._characters[y][x] += mark


@lru_cache(4096)
def _narrow(text: str) -> bool:
    """Every character takes one cell."""
    return all(character_width(character) == 1 for character in text)


def _runs(characters: Sequence[str], styles: Sequence[str]) -> Row:
    changes = compress(range(1, len(styles)), map(ne, styles[1:], styles))
    edges = [0, *changes, len(styles)]
    return tuple([("".join(characters[start:end]), styles[start]) for start, end in pairwise(edges)])
