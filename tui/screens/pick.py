"""One of a list."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from tui import keymap
from tui.drawing.cells import Row, fit, width
from tui.format import visible
from tui.screens.dialog import Dialog
from tui.widgets.lists import Items

_CELLS = 76


class PickScreen(Dialog[int]):
    """Dismissed with the index of what was chosen, or None."""

    BINDINGS = keymap.bindings("pick")
    name_in_keymap = "pick"

    def __init__(self, choices: Sequence[tuple[str, str]], at: int, title: str = "start from") -> None:
        super().__init__(title)
        self.choices = choices
        self._names = max(34, min(58, 2 + max((width(visible(name)) for name, _ in choices), default=0)))
        self.list = Items(self._item)
        self.list.cursor.index = at

    def body(self) -> ComposeResult:
        yield self.list

    def wanted(self) -> tuple[int, int]:
        return _CELLS, len(self.choices)

    def on_mount(self) -> None:
        super().on_mount()
        self.list.show(len(self.choices))

    def action_choose(self) -> None:
        self.dismiss(self.list.cursor.index)

    def action_move_up(self) -> None:
        self.list.move(-1)

    def action_move_down(self) -> None:
        self.list.move(1)

    def action_page_up(self) -> None:
        self.list.move_page(-1)

    def action_page_down(self) -> None:
        self.list.move_page(1)

    def action_first(self) -> None:
        self.list.move_to(0)

    def action_last(self) -> None:
        self.list.move_to(len(self.choices))

    def _item(self, index: int, width: int) -> list[Row]:
        name, about = self.choices[index]
        shown = " " + fit(visible(name), self._names, ellipsis=self.list.glyphs.ellipsis)
        return [((shown, "bold"), (visible(about), "dim"))]
