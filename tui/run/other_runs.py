"""Which runs lie over the one in sight: by a few letters of their names, enter lays one over it or takes it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from tui import keymap
from tui.dialogs.choose import Chooser
from tui.draw.text import Row, fit
from tui.follow.rows import RunRow
from tui.numbers import count

MOST_OTHERS = 6  # colours and dashes that keep apart
_CELLS = 76
_NAME = 40


class OtherRunsScreen(Chooser[tuple[RunRow, ...]]):
    """Dismissed with the runs that lie over the open one from now on, in the order in which they were chosen."""

    BINDINGS = keymap.bindings("others")
    name_in_keymap = "others"
    cells: ClassVar[int] = _CELLS

    def __init__(self, rows: Sequence[RunRow], names: Mapping[Path, str], chosen: Sequence[RunRow]) -> None:
        super().__init__(f"runs over this one, up to {MOST_OTHERS}", "a few letters of their names")
        self.runs, self.names = rows, names
        self.laid_over = list(chosen)

    @property
    def count(self) -> int:
        return len(self.runs)

    def text(self, index: int) -> str:
        return f"{self.label(index)} {self.runs[index].state}"

    def item(self, index: int, width: int) -> Row:
        row, glyphs = self.runs[index], self.host.glyphs
        shown = row in self.laid_over
        name = fit(self.label(index), min(_NAME, max(1, width - 2)), ellipsis=glyphs.ellipsis)
        about = f"  {row.mode}, {row.state}, step {count(row.step)}"
        return (f"{glyphs.good} " if shown else "  ", "good"), (name, "bold" if shown else ""), (about, "dim")

    def chosen(self, index: int) -> None:
        row = self.runs[index]
        if row in self.laid_over:
            self.laid_over.remove(row)
        elif len(self.laid_over) < MOST_OTHERS:
            self.laid_over.append(row)
        else:
            self.host.tell(f"{MOST_OTHERS} runs at most: take one away first", "warning")
        self.redraw_items()

    def action_show_or_hide(self) -> None:
        self.action_choose()

    def action_close(self) -> None:
        self.dismiss(tuple(self.laid_over))

    def label(self, index: int) -> str:
        row = self.runs[index]
        return self.names.get(row.folder.path, row.name)
