"""One of a list."""

from __future__ import annotations

from collections.abc import Sequence

from tui import keymap
from tui.dialogs.list_dialog import ListDialog
from tui.draw.text import Row, fit, width
from tui.numbers import visible

_CELLS = 76


class PickScreen(ListDialog[int]):
    """Dismissed with the index of what was chosen, or None."""

    BINDINGS = keymap.bindings("pick")
    name_in_keymap = "pick"

    def __init__(self, choices: Sequence[tuple[str, str]], at: int, title: str = "start from") -> None:
        super().__init__(title)
        self.choices = choices
        self._names = max(34, min(58, 2 + max((width(visible(name)) for name, _ in choices), default=0)))
        self.list.cursor.index = at

    @property
    def count(self) -> int:
        return len(self.choices)

    def wanted(self) -> tuple[int, int]:
        return _CELLS, len(self.choices)

    def action_choose(self) -> None:
        self.dismiss(self.list.cursor.index)

    def _item(self, index: int, width: int) -> list[Row]:
        name, about = self.choices[index]
        shown = fit(visible(name), self._names, ellipsis=self.list.glyphs.ellipsis)
        return [((self.cursor_mark(index), "key"), (shown, "bold"), (visible(about), "dim"))]
