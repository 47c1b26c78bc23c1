"""The log and the config tab of the run screen."""

from __future__ import annotations

from tui.drawing.cells import Row
from tui.format import short_path
from tui.model.detail import RunDetail
from tui.model.selection import Selection
from tui.screens.tab import Tab
from tui.widgets.lists import Lines
from tui.widgets.texts import config_rows, log_rows


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

    def _lines(self, width: int) -> list[Row]:
        return log_rows(self.detail, width, self.dashboard.minutes_east) if self.detail is not None else []


class ConfigTab(TextTab):
    """What was asked for, and where did it run?"""

    def __init__(self) -> None:
        super().__init__(Lines(self._lines, "config", id="config"))
        self._made: tuple[RunDetail | None, int, list[Row]] = (None, 0, [])

    def _lines(self, width: int) -> list[Row]:
        if self.detail is None:
            return []
        former, made_for, rows = self._made
        if former is None or former.spec is not self.detail.spec or made_for != width:
            rows = config_rows(self.detail.spec, short_path(self.detail.row.folder.path), width)
            self._made = (self.detail, width, rows)
        return rows
