"""Any command by name: a few letters, enter."""

from __future__ import annotations

from collections.abc import Sequence

from tui import keymap
from tui.drawing.cells import Row, Run, fit
from tui.screens.base import View
from tui.screens.list_dialog import SearchDialog

_CELLS = 80


class PaletteScreen(SearchDialog[None]):
    """Lists the commands of the view below that fit what is typed."""

    BINDINGS = keymap.bindings("palette")
    name_in_keymap = "palette"

    def __init__(self, view: View, screen_name: str) -> None:
        super().__init__("any command, by a few of its letters")
        self.view = view
        self.commands = list(keymap.palette(screen_name))
        self.found = self.commands

    @property
    def count(self) -> int:
        return len(self.found)

    def wanted(self) -> tuple[int, int]:
        return _CELLS, len(self.commands) + 2

    def search(self, words: Sequence[str]) -> None:
        self.found = [command for command in self.commands if all(word in _haystack(command) for word in words)]

    def action_choose(self) -> None:
        if not self.found:
            return
        name = self.found[self.list.cursor.index][3]
        self.dismiss(None)
        self.app.call_later(self.view.run_action, name)

    def _item(self, index: int, width: int) -> list[Row]:
        title, meaning, keys, _ = self.found[index]
        runs: list[Run] = [(f" {fit(keys, 8)}", "key"), (fit(title, 28), "bold"), (meaning, "dim")]
        return [tuple(runs)]


def _haystack(command: tuple[str, str, str, str]) -> str:
    return f"{command[0]} {command[1]}".lower()
