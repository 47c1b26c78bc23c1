"""A grid of cells that clips: whatever is drawn, nothing lands outside and every row is exactly as wide as asked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from tui.drawing.cells import Row, Run, character_width


class Canvas:
    """``width`` x ``height`` cells, each one character (with its combining marks) and one style name.

    Kept column by column: curves are drawn so, and many cells below each other are then written at once.
    """

    __slots__ = ("_characters", "_styles", "height", "width")

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = max(0, width), max(0, height)
        self._characters = [[" "] * self.height for _ in range(self.width)]
        self._styles = [[""] * self.height for _ in range(self.width)]

    def put(self, x: int, y: int, text: str, style: str = "") -> int:
        """Writes ``text`` from cell (x, y), clipped; returns the cell after it."""
        inside = 0 <= y < self.height
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

    def down(self, x: int, y: int, characters: Sequence[str], style: str) -> None:
        """The charts' way: narrow characters below each other, all inside the grid; "" leaves what is there."""
        column, styles, end = self._characters[x], self._styles[x], y + len(characters)
        if "" in characters:
            for at, character in enumerate(characters, y):
                if character:
                    column[at], styles[at] = character, style
        else:
            column[y:end] = characters
            styles[y:end] = [style] * len(characters)

    def cross(self, x: int, y: int, character: str, style: str, added: str) -> None:
        """``character`` in an empty cell; any other keeps what it shows, with the style ``added`` to its own."""
        if not (0 <= y < self.height and 0 <= x < self.width):
            return
        if self._characters[x][y] == " ":
            self._characters[x][y], self._styles[x][y] = character, style
        else:
            self._styles[x][y] = f"{self._styles[x][y]} {added}".strip()

    def rows(self) -> list[Row]:
        if not self.width:
            return [()] * self.height
        return list(map(_runs, zip(*self._characters, strict=True), zip(*self._styles, strict=True)))

    def _set(self, x: int, y: int, character: str, size: int, style: str) -> None:
        if not 0 <= x < self.width:
            if size == 2 and x == -1 and self.width:
                self._set(0, y, " ", 1, style)
            return
        if size == 2 and x + 1 >= self.width:
            character, size = " ", 1  # half a wide character cannot be shown
        characters, styles = self._characters, self._styles
        if characters[x][y] == "":
            characters[x - 1][y] = " "  # its right half is overwritten
        if x + size < self.width and characters[x + size][y] == "":
            characters[x + size][y] = " "
        characters[x][y], styles[x][y] = character, style
        if size == 2:
            characters[x + 1][y], styles[x + 1][y] = "", style

    def _combine(self, x: int, y: int, mark: str) -> None:
        if 0 <= x < self.width:
            if self._characters[x][y] == "" and x:
                x -= 1
            self._characters[x][y] += mark


def _runs(characters: tuple[str, ...], styles: tuple[str, ...]) -> Row:
    runs: list[Run] = []
    start = 0
    for style, group in groupby(styles):
        end = start + len(list(group))
        runs.append(("".join(characters[start:end]), style))
        start = end
    return tuple(runs)
