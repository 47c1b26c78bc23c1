"""Any command by name: a few letters, enter."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult

from tui import keymap
from tui.drawing.cells import Row, Run, fit
from tui.model.edit import LineEdit
from tui.screens.base import View
from tui.screens.dialog import Dialog
from tui.widgets.base import Drawn
from tui.widgets.lists import Items

_CELLS = 80


class Query(Drawn):
    """What was typed so far."""

    DEFAULT_CSS = "Query { height: 2; }"

    def __init__(self, edit: LineEdit) -> None:
        super().__init__()
        self.edit = edit

    def rows(self, width: int, height: int) -> list[Row]:
        return [self.edit.row(width)]


class PaletteScreen(Dialog[None]):
    """Lists the commands of the view below that fit what is typed."""

    BINDINGS = keymap.bindings("palette")
    name_in_keymap = "palette"

    def __init__(self, view: View, screen_name: str) -> None:
        super().__init__("any command, by a few of its letters")
        self.view = view
        self.commands = list(keymap.palette(screen_name))
        self.found = self.commands
        self.edit = LineEdit()
        self.query_line: Drawn = Query(self.edit)
        self.list = Items(self._item)

    def body(self) -> ComposeResult:
        yield self.query_line
        yield self.list

    def wanted(self) -> tuple[int, int]:
        return _CELLS, len(self.commands) + 2

    def on_mount(self) -> None:
        super().on_mount()
        self.list.show(len(self.found))

    def on_key(self, event: events.Key) -> None:
        if event.key in ("home", "end", "left", "right") or not self.edit.key(event.key, event.character):
            return
        event.stop()
        event.prevent_default()
        self._search()

    def on_paste(self, event: events.Paste) -> None:
        self.edit.insert(event.text)
        self._search()

    def action_choose(self) -> None:
        if not self.found:
            return
        name = self.found[self.list.cursor.index][3]
        self.dismiss(None)
        self.app.call_later(self.view.run_action, name)

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
        self.list.move_to(len(self.found))

    def _search(self) -> None:
        words = self.edit.text.lower().split()
        self.found = [command for command in self.commands if all(word in _haystack(command) for word in words)]
        self.query_line.redraw()
        self.list.cursor.index = 0
        self.list.show(len(self.found))

    def _item(self, index: int, width: int) -> list[Row]:
        title, meaning, keys, _ = self.found[index]
        runs: list[Run] = [(f" {fit(keys, 8)}", "key"), (fit(title, 28), "bold"), (meaning, "dim")]
        return [tuple(runs)]


def _haystack(command: tuple[str, str, str, str]) -> str:
    return f"{command[0]} {command[1]}".lower()
