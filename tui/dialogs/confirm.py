"""Are you sure? Only for what is hard to take back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult

from tui import keymap
from tui.draw.text import Row, wrap
from tui.widgets.dialog import Dialog
from tui.widgets.lists import Lines

_CELLS = 66


class ConfirmScreen(Dialog[bool]):
    """Dismissed with True for yes."""

    BINDINGS = keymap.bindings("confirm")
    name_in_keymap = "confirm"
    labels: ClassVar = {"move_up": ""}  # few questions are longer than their box

    def __init__(self, question: Sequence[str]) -> None:
        super().__init__()
        self.question = question

    def body(self) -> ComposeResult:
        yield Lines(self._rows)

    def wanted(self) -> tuple[int, int]:
        return _CELLS, len(self._rows(self.inner_width(_CELLS)))

    def action_yes(self) -> None:
        self.dismiss(True)

    def action_close(self) -> None:
        self.dismiss(False)

    def _rows(self, width: int) -> list[Row]:
        first, *more = self.question
        rows: list[Row] = [((line, "title"),) for line in wrap(first, width)]
        return [*rows, *(((line, "dim"),) for text in more for line in wrap(text, width))]
