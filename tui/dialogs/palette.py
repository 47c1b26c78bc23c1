"""Any command by name: a few letters, enter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from tui import keymap
from tui.dialogs.choose import Chooser
from tui.draw.text import Row, fit, fit_middle, width
from tui.follow.labels import labels
from tui.numbers import visible
from tui.widgets.view import View

_CELLS = 80
_TITLE = 28  # cells


@dataclass(frozen=True)
class Command:
    """One line of the palette, and what it does."""

    title: str
    meaning: str
    keys: str
    do: Callable[[], object]


class PaletteScreen(Chooser[None]):
    """Lists what fits the words that are typed: the commands of the view below, every study and every run."""

    cells: ClassVar[int] = _CELLS

    def __init__(self, view: View, screen_name: str) -> None:
        super().__init__("commands", "any command, run or study, by a few of its letters")
        self.commands = _commands(view, screen_name)
        self._keys = max((width(command.keys) for command in self.commands), default=0)

    @property
    def count(self) -> int:
        return len(self.commands)

    def text(self, index: int) -> str:
        return f"{self.commands[index].title} {self.commands[index].meaning}"

    def item(self, index: int, width: int) -> Row:
        command = self.commands[index]
        title = fit_middle(command.title, _TITLE, self.host.glyphs.ellipsis)
        return (f"{fit(command.keys, self._keys)} ", "key"), (f"{title} ", "bold"), (command.meaning, "dim")

    def chosen(self, index: int) -> None:
        self.dismiss(None)
        self.app.call_later(self.commands[index].do)


def _commands(view: View, screen_name: str) -> list[Command]:
    rows = () if view.host.snapshot is None else view.host.snapshot.rows
    names = labels(rows)
    actions = [
        Command(title, meaning, keys, partial(view.run_action, action))
        for title, meaning, keys, action in keymap.palette(screen_name, view.part)
    ]
    studies = [
        Command(f"open study: {name}", f"{count} runs", "", partial(view.host.open_study, name))
        for name, count in Counter(row.study for row in rows if row.study).items()
    ]
    runs = [
        Command(
            f"open: {names[row.folder.path]}", f"{row.state}   {visible(row.id)}", "",
            partial(view.host.open_run, row.folder),
        )
        for row in rows
    ]  # fmt: skip
    return [*actions, *studies, *runs]
