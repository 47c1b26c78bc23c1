"""Runs: what is going on, and which run do I want?"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from textual.app import ComposeResult

from tui import keymap, steer
from tui.drawing.cells import Row, Run
from tui.feed import Snapshot
from tui.format import visible
from tui.model.rows import RunRow
from tui.screens.steering import Steering
from tui.widgets.base import Drawn
from tui.widgets.lists import Items
from tui.widgets.runs_table import head, lines

_COUNTED = ("running", "evaluating", "starting", "queued", "stalled", "paused", "crashed", "failed", "finished")


class TableHead(Drawn):
    """The titles of the table's columns."""

    DEFAULT_CSS = "TableHead { height: 1; }"

    def rows(self, width: int, height: int) -> list[Row]:
        return [head(width, self.glyphs)]


class RunsScreen(Steering):
    """The table of all runs of a home."""

    BINDINGS = keymap.bindings("runs")
    name_in_keymap = "runs"

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[RunRow, ...] = ()
        self.marked: set[Path] = set()
        self._current: Path | None = None
        self._loaded = False
        self.table = Items(self._lines, id="table")

    def body(self) -> ComposeResult:
        yield TableHead()
        yield self.table

    def apply(self, snapshot: Snapshot) -> None:
        self.rows, self._loaded = snapshot.rows, True
        self._find_cursor()
        self.table.empty = self._nothing()
        self.table.show(len(self.rows))
        self._remember()
        if snapshot.problem:
            self.say(snapshot.problem, "error")
        self.tick(self.dashboard.now())

    def tick(self, now: float) -> None:
        self.table.redraw()
        self._show_header()
        self.show_message(now)
        self.show_footer()

    def current(self) -> RunRow | None:
        return self.rows[self.table.cursor.index] if self.rows else None

    def for_export(self) -> list[RunRow]:
        return [row for row in self.rows if row.folder.path in self.marked] or super().for_export()

    def show_footer(self) -> None:
        row = self.current()
        verb = "pause" if row is None or row.state not in steer.RESUMABLE else "resume"
        self.footer.show(keymap.footer("runs", labels={"pause_resume": verb, "evaluate": ""}))

    def standing_message(self, now: float) -> tuple[Row, Row]:
        if not self.marked:
            return (), ()
        names = [row.name for row in self.rows if row.folder.path in self.marked]
        return ((f"{len(names)} marked: {', '.join(names)}", "accent"),), (("x exports them", "dim"),)

    def action_open(self) -> None:
        if (row := self.current()) is not None:
            self.dashboard.open_run(row.folder)

    def action_new(self) -> None:
        self.dashboard.open_launch()

    def action_mark(self) -> None:
        if (row := self.current()) is not None:
            self.marked ^= {row.folder.path}
            self.action_move_down()
            self.show_message(self.dashboard.now())

    def action_leave(self) -> None:
        self.dashboard.leave()

    def action_move_up(self) -> None:
        self._move(-1)

    def action_move_down(self) -> None:
        self._move(1)

    def action_page_up(self) -> None:
        self._move(-max(1, self.table.size.height - 2))

    def action_page_down(self) -> None:
        self._move(max(1, self.table.size.height - 2))

    def action_first(self) -> None:
        self._move(-len(self.rows))

    def action_last(self) -> None:
        self._move(len(self.rows))

    def _move(self, by: int) -> None:
        self.table.move(by)
        self._remember()
        self.show_footer()

    def _lines(self, index: int, width: int) -> list[Row]:
        row = self.rows[index]
        at_cursor = index == self.table.cursor.index
        return lines(row, width, self.glyphs, self.dashboard.now(), at_cursor, row.folder.path in self.marked)

    def _find_cursor(self) -> None:
        """The cursor stays on its run when others come or go."""
        for index, row in enumerate(self.rows):
            if row.folder.path == self._current:
                self.table.cursor.index = index
        self.marked &= {row.folder.path for row in self.rows}

    def _remember(self) -> None:
        row = self.current()
        self._current = row.folder.path if row is not None else None

    def _show_header(self) -> None:
        left: list[Run] = [("hybrid-tui", "title"), (f"   {visible(self.dashboard.home_label)}", "dim")]
        devices = sorted({row.device for row in self.rows if row.live and row.device})
        if devices and not self.narrow:
            left.append((f"   {', '.join(devices)}", "dim"))
        counts = self._few_counts() if self.narrow else self._counts()
        right = [run for count in counts for run in (count, ("   ", ""))]
        self.header.show(tuple(left), tuple(right[:-1]))

    def _counts(self) -> list[Run]:
        found = Counter(row.state for row in self.rows)
        return [(f"{found[state]} {state}", f"state.{state}") for state in _COUNTED if found[state]]

    def _few_counts(self) -> list[Run]:
        """What a narrow header has room for: what lives, what broke, and how many there are."""
        live = sum(row.live for row in self.rows)
        broken = sum(row.state in ("crashed", "failed") for row in self.rows)
        counts: list[Run] = [(f"{live} live", "state.running")] if live else []
        if broken:
            counts.append((f"{broken} broken", "state.failed"))
        return [*counts, (f"{len(self.rows)} runs", "dim")]

    def _nothing(self) -> list[Row]:
        return [
            (),
            (("   no runs in ", "dim"), (visible(self.dashboard.home_label), "text")),
            (),
            (("   n", "key"), (" launches one from a sample config", "dim")),
            (("   ", ""), ("hybrid-tui demo", "text"), (" trains the built-in example", "dim")),
        ]
