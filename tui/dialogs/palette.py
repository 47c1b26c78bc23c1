"""Any command by name: a few letters, enter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tui import keymap
from tui.dialogs.list_dialog import SearchDialog
from tui.draw.text import Piece, Row, fit, fit_middle, width
from tui.follow.labels import labels
from tui.numbers import visible
from tui.widgets.view import View

_CELLS = 80
_LINES = 20  # of the list; more is scrolled or found by another letter
_RUN = "run "  # before a run's path: no action is called so
_STUDY = "study "  # before a study's name


class PaletteScreen(SearchDialog[None]):
    """Lists what fits the words that are typed: the commands of the view below, and every run."""

    BINDINGS = keymap.bindings("palette")
    name_in_keymap = "palette"

    def __init__(self, view: View, screen_name: str) -> None:
        super().__init__("any command, by a few of its letters")
        self.view = view
        rows = () if view.host.snapshot is None else view.host.snapshot.rows
        self.runs = {f"{_RUN}{row.folder.path}": row.folder for row in rows}
        named = labels(rows)
        opens = [
            (f"open: {named[row.folder.path]}", f"{row.state}   {visible(row.id)}", "", f"{_RUN}{row.folder.path}")
            for row in rows
        ]
        studies = [
            (f"open study: {name}", f"{count} runs", "", f"{_STUDY}{name}")
            for name, count in Counter(row.study for row in rows if row.study).items()
        ]
        self.commands = [*keymap.palette(screen_name), *studies, *opens]
        self.found = self.commands
        self._keys = max((width(keys) for _, _, keys, _ in self.commands), default=0)

    @property
    def count(self) -> int:
        return len(self.found)

    def wanted(self) -> tuple[int, int]:
        return _CELLS, min(len(self.commands), _LINES) + 2

    def search(self, words: Sequence[str]) -> None:
        self.found = [command for command in self.commands if all(word in _haystack(command) for word in words)]

    def action_choose(self) -> None:
        if not self.found:
            return
        name = self.found[self.list.cursor.index][3]
        self.dismiss(None)
        if name in self.runs:
            self.app.call_later(self.view.host.open_run, self.runs[name])
        elif name.startswith(_STUDY):
            self.app.call_later(self.view.host.open_study, name.removeprefix(_STUDY))
        else:
            self.app.call_later(self.view.run_action, name)

    def _item(self, index: int, width: int) -> list[Row]:
        title, meaning, keys, _ = self.found[index]
        ellipsis = self.list.glyphs.ellipsis
        runs: list[Piece] = [
            (f"{self.cursor_mark(index)}{fit(keys, self._keys)} ", "key"),
            (fit_middle(title, 28, ellipsis) + " ", "bold"), (meaning, "dim"),
        ]  # fmt: skip
        return [tuple(runs)]


def _haystack(command: tuple[str, str, str, str]) -> str:
    return f"{command[0]} {command[1]}".lower()
