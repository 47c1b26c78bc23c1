"""Where a filter is typed: a line with completion, in the place of the message line."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from tui import keymap
from tui.draw.text import Piece, Row
from tui.follow.rows import RunRow
from tui.runs import fields
from tui.widgets.panel import Drawn

_BEGUN = re.compile(r"(?:^|\s)-?(?:(?P<key>[A-Za-z_][\w./-]*?)(?:!=|=|:|~))?(?P<text>[^\s\"=<>~]*)$")


class Completion(Suggester):
    """Ends the last word: a key, or behind one a value that runs have."""

    def __init__(self, rows: Callable[[], Sequence[RunRow]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._rows = rows

    async def get_suggestion(self, value: str) -> str | None:
        return complete(value, self._rows())


def complete(text: str, rows: Sequence[RunRow]) -> str | None:
    """``text`` with its last word ended; None where nothing begins so."""
    begun = _BEGUN.search(text)
    if begun is None or not begun["text"]:
        return None
    word = begun["text"]
    choices = fields.names_for(rows) if begun["key"] is None else _values(begun["key"], rows)
    ended = next((choice for choice in choices if choice.startswith(word) and choice != word), None)
    return None if ended is None else text + ended[len(word) :]


def _values(key: str, rows: Sequence[RunRow]) -> list[str]:
    """What runs have of a field, in texts without blanks."""
    if not fields.is_key(key):
        return []
    asked = fields.field(key)
    values = [asked.value(row) for row in rows]
    texts = {text for value in values for text in (value if isinstance(value, tuple) else (fields.text(value),))}
    states = fields.STATES if asked.key == "state" else ()
    return sorted(text for text in {*texts, *states} if text != "-" and " " not in text)


class FilterInput(Input):
    """The line itself; escape and ctrl+g belong to the screen."""

    BINDINGS = keymap.bindings("filter")

    def action_complete(self) -> None:
        self.cursor_position = len(self.value)
        self.action_cursor_right()


class Answer(Drawn):
    """How many runs fit, or what is wrong."""

    DEFAULT_CSS = "Answer { height: 1; width: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self._piece: Piece = ("", "")

    @property
    def text(self) -> str:
        return self._piece[0]

    def show(self, piece: Piece) -> None:
        if piece != self._piece:
            self._piece = piece
            self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        return [(("  ", ""), self._piece)]


class Slash(Drawn):
    """What says that this is a filter."""

    DEFAULT_CSS = "Slash { height: 1; width: 2; }"

    def rows(self, width: int, height: int) -> list[Row]:
        return [((" /", "key"),)]


class FilterLine(Horizontal):
    """Tells what is typed, and that it is to be kept."""

    DEFAULT_CSS = """
    FilterLine { height: 1; }
    FilterLine Input { border: none; height: 1; padding: 0; width: 1fr; background: $panel; }
    FilterLine Input:focus { border: none; background-tint: $foreground 0%; }
    """

    class Typed(Message):
        """Another text stands in the line."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Kept(Message):
        """Enter was pressed."""

    def __init__(self, rows: Callable[[], Sequence[RunRow]], text: str) -> None:
        super().__init__()
        self.input = FilterInput(
            text, placeholder="words, lr>=1e-4, state:running", suggester=Completion(rows), select_on_focus=False
        )
        self.answer = Answer()

    def compose(self) -> ComposeResult:
        yield Slash()
        yield self.input
        yield self.answer

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Kept())
