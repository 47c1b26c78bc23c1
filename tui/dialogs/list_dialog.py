"""Dialogs that are a list: moving over it, and finding in it by a few letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from textual import events
from textual.app import ComposeResult

from tui.draw.text import Row
from tui.widgets.dialog import Dialog
from tui.widgets.edit import LineEdit
from tui.widgets.lists import Items
from tui.widgets.panel import Drawn

Result = TypeVar("Result")
_CURSOR_KEYS = frozenset({"home", "end", "left", "right"})  # these move in the list, not in what is typed


class ListDialog(Dialog[Result]):
    """Subclasses draw the items and say how many there are."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.list = Items(self._item)

    @property
    def count(self) -> int:
        """Items that are listed now."""
        raise NotImplementedError

    def _item(self, index: int, width: int) -> list[Row]:
        """The lines of one."""
        raise NotImplementedError

    def cursor_mark(self, index: int) -> str:
        """What stands before an item: colour alone would not say where the cursor is."""
        return f"{self.list.glyphs.cursor} " if index == self.list.cursor.index else "  "

    def body(self) -> ComposeResult:
        yield self.list

    def on_mount(self) -> None:
        super().on_mount()
        self.list.show(self.count)


class Query(Drawn):
    """What was typed so far."""

    DEFAULT_CSS = "Query { height: 2; }"

    def __init__(self, edit: LineEdit) -> None:
        super().__init__()
        self.edit = edit

    def rows(self, width: int, height: int) -> list[Row]:
        return [self.edit.row(width)]


class SearchDialog(ListDialog[Result]):
    """A list above which one types; ``search`` keeps what has all the words."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.edit = LineEdit()
        self.query_line = Query(self.edit)

    def search(self, words: Sequence[str]) -> None:
        """Keeps the items that have all ``words`` (lower case)."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        yield self.query_line
        yield self.list

    def on_key(self, event: events.Key) -> None:
        if event.key in _CURSOR_KEYS or not self.edit.key(event.key, event.character):
            return
        event.stop()
        event.prevent_default()
        self._search()

    def on_paste(self, event: events.Paste) -> None:
        self.edit.insert(event.text)
        self._search()

    def _search(self) -> None:
        self.search(self.edit.text.lower().split())
        self.query_line.redraw()
        self.list.cursor.index = 0
        self.list.show(self.count)
