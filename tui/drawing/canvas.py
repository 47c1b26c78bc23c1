"""A grid of cells that clips: whatever is drawn, nothing lands outside and every row is exactly as wide as asked."""

from __future__ import annotations

from tui.drawing.cells import Row, Run, character_width


class Canvas:
    """``width`` x ``height`` cells, each one character (with its combining marks) and one style name."""

    __slots__ = ("_characters", "_styles", "height", "width")

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = max(0, width), max(0, height)
        self._characters = [[" "] * self.width for _ in range(self.height)]
        self._styles = [[""] * self.width for _ in range(self.height)]

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

    def cell(self, x: int, y: int, character: str, style: str) -> None:
        """The fast path for one narrow character inside the grid, used by the charts."""
        self._characters[y][x] = character
        self._styles[y][x] = style

    def cross(self, x: int, y: int, character: str, style: str, added: str) -> None:
        """``character`` in an empty cell; any other keeps what it shows, with the style ``added`` to its own."""
        if not (0 <= y < self.height and 0 <= x < self.width):
            return
        if self._characters[y][x] == " ":
            self._characters[y][x], self._styles[y][x] = character, style
        else:
            self._styles[y][x] = f"{self._styles[y][x]} {added}".strip()

    def rows(self) -> list[Row]:
        return [_runs(characters, styles) for characters, styles in zip(self._characters, self._styles, strict=True)]

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
            characters[x + 1], styles[x + 1] = "", style

    def _combine(self, x: int, y: int, mark: str) -> None:
        if 0 <= x < self.width:
            if self._characters[y][x] == "" and x:
                x -= 1
            self._characters[y][x] += mark


def _runs(characters: list[str], styles: list[str]) -> Row:
    runs: list[Run] = []
    start = 0
    for index in range(1, len(styles) + 1):
        if index == len(styles) or styles[index] != styles[start]:
            runs.append(("".join(characters[start:index]), styles[start]))
            start = index
    return tuple(runs)
