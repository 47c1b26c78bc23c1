"""The log and the config tab of the run screen."""

from __future__ import annotations

from engine.events import ModelLoaded
from engine.runs.folder import Spec
from tui.draw.text import Row
from tui.follow.detail import RunDetail
from tui.numbers import short_path
from tui.run.contrast import Other
from tui.run.log_search import Search, highlighted
from tui.run.selection import Selection
from tui.run.tab import Tab
from tui.run.texts import config_rows, difference_rows, log_blocks
from tui.widgets.lists import Lines
from tui.widgets.panel import selected


class TextTab(Tab):
    """One text that scrolls: log or config."""

    def __init__(self, text: Lines) -> None:
        self.text = text
        super().__init__(((text,),), (text,))

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        self.text.redraw()

    def move(self, rows: int, columns: int) -> None:
        self.text.move(rows)

    def page(self, pages: int) -> None:
        self.text.move_page(pages)

    def end(self, last: bool) -> None:
        self.text.move_to(self.text.count if last else 0)


class LogTab(TextTab):
    """What happened, and when? At its end it follows."""

    def __init__(self) -> None:
        super().__init__(Lines(self._lines, "log", follow=True, id="log"))
        self.search = Search()
        self._first: list[int] = []  # of each match, its first line

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        self._entitle()

    def move(self, rows: int, columns: int) -> None:
        super().move(rows, columns)
        self._entitle()

    def page(self, pages: int) -> None:
        super().page(pages)
        self._entitle()

    def end(self, last: bool) -> None:
        super().end(last)
        self._entitle()

    def find(self, by: int) -> str:
        """To the match after or before; says where that is."""
        self.text.redraw()
        at = self.search.step(len(self._first), by)
        if at is None:
            return f"{self.search.text!r} is not in the log" if self.search.text else "/ searches the log"
        self.text.move_to(max(0, self._first[at] - self.text.size.height // 2))
        self.text.redraw()
        self._entitle()
        return f"{at + 1:,} of {len(self._first):,} with {self.search.text!r}   n the next, N the one before"

    def hint(self) -> str:
        return "/ searches   end follows what is new"

    def _entitle(self) -> None:
        self.text.retitle("log, following" if self.text.follows else "log   end follows again")

    def _lines(self, width: int) -> list[Row]:
        if self.detail is None:
            return []
        blocks = log_blocks(self.detail, width, self.host.minutes_east)
        found = self.search.matches(["".join(text for row in block for text, _ in row) for block in blocks])
        front = found[self.search.at] if self.search.at is not None and self.search.at < len(found) else None
        lines: list[Row] = []
        self._first = []
        for index, block in enumerate(blocks):
            if index in found:
                self._first.append(len(lines))
                block = [highlighted(row, self.search.text) for row in block]
            lines += [selected(row) for row in block] if index == front else block
        return lines


class ConfigTab(TextTab):
    """What was asked for, what model was loaded, and where did it run? And how does that differ from another run?"""

    def __init__(self) -> None:
        super().__init__(Lines(self._lines, "config", id="config"))
        self._other: Other | None = None
        self._made: tuple[Spec | None, ModelLoaded | None, Other | None, int, list[Row]] = (None, None, None, 0, [])

    def show(self, detail: RunDetail, selection: Selection) -> None:
        self._other = selection.contrast.other if selection.contrast is not None else None
        super().show(detail, selection)

    def hint(self) -> str:
        return "d: the difference to another run"

    def _lines(self, width: int) -> list[Row]:
        if self.detail is None:
            return []
        detail = self.detail
        spec, model, other, made_for, rows = self._made
        same = spec is detail.spec and model is detail.model and other is self._other and made_for == width
        if not same or not rows:
            rows = [] if self._other is None else difference_rows(detail.spec, self._other, width)
            rows = rows + config_rows(detail.spec, detail.model, short_path(detail.row.folder.path), width)
            self._made = (detail.spec, detail.model, self._other, width, rows)
        return rows
