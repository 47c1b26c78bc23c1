"""One line of text: a name, a note, tags."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from tui import keymap
from tui.draw.text import Row
from tui.widgets.dialog import Dialog
from tui.widgets.panel import Drawn

_CELLS = 66


class Hint(Drawn):
    """What is expected, or what is wrong with what was typed."""

    DEFAULT_CSS = "Hint { height: 1; }"

    def __init__(self, text: str) -> None:
        super().__init__()
        self._row: Row = ((text, "dim"),)

    def show(self, text: str, style: str) -> None:
        self._row = ((text, style),)
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        return [self._row]


class EnterScreen(Dialog[str]):
    """Dismissed with the text, or None. ``wrong`` says what is wrong with a text, or nothing."""

    BINDINGS = keymap.bindings("enter")
    DEFAULT_CSS = """
    EnterScreen Input { border: none; height: 1; padding: 0; background: $panel; }
    EnterScreen Input:focus { border: none; background-tint: $foreground 0%; }
    """
    name_in_keymap = "enter"

    def __init__(self, title: str, text: str, hint: str, wrong: Callable[[str], str] = lambda text: "") -> None:
        super().__init__(title)
        self.input = Input(text, select_on_focus=False)
        self._text, self._wrong = hint, wrong
        self.hint = Hint(hint)

    def body(self) -> ComposeResult:
        yield self.input
        yield self.hint

    def wanted(self) -> tuple[int, int]:
        return _CELLS, 2

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        wrong = self._wrong(event.value)
        self.hint.show(wrong or self._text, "error" if wrong else "dim")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_keep()

    def action_keep(self) -> None:
        if not self._wrong(self.input.value):
            self.dismiss(self.input.value)
