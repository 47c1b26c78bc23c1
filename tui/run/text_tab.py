"""A tab of one text that scrolls and can be searched: log and config."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events, on
from textual.message import Message
from textual.widgets import Input

from tui.draw.text import Row
from tui.follow.detail import RunDetail
from tui.run.selection import Selection
from tui.run.tab import Tab
from tui.run.text_search import Search, highlighted
from tui.widgets.lists import Lines
from tui.widgets.panel import selected


class SearchLine(Input):
    """Where the text to be found is typed; enter looks for it, escape or ctrl+g leaves everything as it was."""

    DEFAULT_CSS = """
    SearchLine { border: none; height: 1; padding: 0 1; background: $panel; dock: bottom; display: none; }
    SearchLine:focus { border: none; background-tint: $foreground 0%; }
    """

    class Dropped(Message):
        """Nothing is to be searched."""

    def on_key(self, event: events.Key) -> None:
        if event.key in ("escape", "ctrl+g"):
            event.stop()
            event.prevent_default()
            self.post_message(self.Dropped())


class TextTab(Tab):
    """Subclasses give ``blocks``: what belongs together, each in its lines."""

    def __init__(self, title: str, follow: bool = False) -> None:
        self.search_line = SearchLine(placeholder="text to be found", select_on_focus=False)
        self.text = Lines(self._lines, title, follow=follow, id=self.name_in_keymap)
        self.text.moved = self.entitle
        self.search = Search()
        self._first: list[int] = []  # of each match, its first line
        super().__init__(((self.text, self.search_line),), (self.text,))

    def blocks(self, width: int) -> Sequence[Sequence[Row]]:
        raise NotImplementedError

    def entitle(self) -> None:
        """Says what is shown."""

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        self.text.redraw()
        self.entitle()

    def leave(self) -> None:
        self._hide_line()

    def action_search(self) -> None:
        self.search_line.value = ""
        self.search_line.display = True
        self.screen.set_focus(self.search_line)

    def action_find(self, by: int) -> None:
        """To the match after or before; says where that is."""
        self.text.redraw()
        at = self.search.step(len(self._first), by)
        if at is None:
            found = f"{self.search.text!r} is not in the {self.name_in_keymap}"
            self.say(found if self.search.text else f"/ searches the {self.name_in_keymap}", "accent")
            return
        self.text.move_to(max(0, self._first[at] - self.text.size.height // 2))
        self.text.redraw()
        self.entitle()
        count = f"{at + 1:,} of {len(self._first):,}"
        self.say(f"{count} with {self.search.text!r}   n the next, N the one before", "accent")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.search = Search(event.value)
        self._hide_line()
        self.action_find(1)

    def on_search_line_dropped(self) -> None:
        self._hide_line()

    def hint(self) -> str:
        return "enter finds, ctrl+g drops it" if self.search_line.display else ""

    def remark(self) -> str:
        return self.hint() if self.search_line.display else ""

    def _hide_line(self) -> None:
        if self.search_line.display:
            self.search_line.display = False
            self.focus_front()
            self.post_message(self.Moved())

    def _lines(self, width: int) -> list[Row]:
        blocks = self.blocks(width)
        matches = self.search.matches(["".join(text for row in block for text, _ in row) for block in blocks])
        inside = set(matches)
        front = matches[self.search.at] if self.search.at is not None and self.search.at < len(matches) else None
        lines: list[Row] = []
        self._first = []
        for index, block in enumerate(blocks):
            shown = list(block)
            if index in inside:
                self._first.append(len(lines))
                shown = [highlighted(row, self.search.text) for row in shown]
            lines += [selected(row) for row in shown] if index == front else shown
        return lines
