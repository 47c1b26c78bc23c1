"""The config tab: what was asked for, what model was loaded, and where did it run?"""

from __future__ import annotations

from collections.abc import Sequence

from tui import keymap
from tui.draw.text import Row
from tui.follow.detail import RunDetail
from tui.numbers import short_path
from tui.run.contrast import Other
from tui.run.selection import Selection
from tui.run.text_rows import annotation_rows, config_rows, difference_rows
from tui.run.text_tab import TextTab


class ConfigTab(TextTab):
    """And how does that differ from another run?"""

    BINDINGS = keymap.bindings("config")
    name_in_keymap = "config"
    footer_order = ("search", "find(1)", "contrast", "move_up")
    follows_steps = False

    def __init__(self) -> None:
        super().__init__("config")
        self._other: Other | None = None
        self._made_of: object = None  # what the lines were made of
        self._rows: list[Row] = []

    def show(self, detail: RunDetail, selection: Selection) -> None:
        self._other = selection.contrast.other if selection.contrast is not None else None
        super().show(detail, selection)

    def hint(self) -> str:
        return super().hint() or "/ searches   d: the difference to another run"

    def blocks(self, width: int) -> Sequence[Sequence[Row]]:
        if self.detail is None:
            return []
        detail, row = self.detail, self.detail.row
        made_of = (detail.spec, detail.model, self._other, width, row.note, row.tags)
        if made_of != self._made_of:
            self._made_of = made_of
            rows = [] if self._other is None else difference_rows(detail.spec, self._other, width)
            rows = rows + annotation_rows(row.note, row.tags, width)
            rows += config_rows(detail.spec, detail.model, short_path(row.folder.path), width)
            self._rows = rows
        return [[line] for line in self._rows]
