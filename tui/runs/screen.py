"""Runs: what is going on, and which run do I want?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from textual import events
from textual.app import ComposeResult

from tui import keymap, steer
from tui.draw.glyphs import Glyphs
from tui.draw.text import Piece, Row, fit_row, width
from tui.follow.feed import Snapshot
from tui.follow.rows import RunRow
from tui.numbers import visible
from tui.runs.filtering import Filter
from tui.runs.header import header, nothing
from tui.runs.listing import SORT_KEYS, Entry, Group, Order, Shown, arrange
from tui.runs.table import Layout, Measured, head, lay_out, lines
from tui.widgets.lists import Items
from tui.widgets.panel import Drawn
from tui.widgets.steering import Steering

# The keys of the footer, those that stay longest first: about one run, and about a study or what is marked.
_ONE = ("open", "mark", "filter", "pause_resume", "new", "compare", "sort", "group", "archive")
_SEVERAL = ("open", "compare", "mark", "filter", "export", "sort", "group", "archive")


class Table(Items):
    """The list, which remembers its columns while what is shown stays the same."""

    def __init__(self, screen: RunsScreen) -> None:
        super().__init__(screen.entry_lines, id="table")
        self._runs = screen
        self._layout: tuple[tuple[int, int, str], Layout] | None = None
        self._measured: Measured = {}

    def layout_for(self, cells: int, glyphs: Glyphs) -> Layout:
        key = (cells, id(self._runs.entries), glyphs.name)
        if self._layout is None or self._layout[0] != key:
            self._layout = key, lay_out(self._runs.entries, cells, glyphs, self._measured)
        return self._layout[1]


class TableHead(Drawn):
    """The titles of the table's columns."""

    DEFAULT_CSS = "TableHead { height: 1; }"

    def __init__(self, screen: RunsScreen) -> None:
        super().__init__()
        self._runs = screen

    def rows(self, width: int, height: int) -> list[Row]:
        return [head(self._runs.table.layout_for(width, self.glyphs), self._runs.order, self.glyphs)]


class RunsScreen(Steering):
    """The table of all runs of a home."""

    BINDINGS = keymap.bindings("runs")
    name_in_keymap = "runs"

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[RunRow, ...] = ()
        self.entries: list[Entry] = []
        self.order = Order()
        self.marked: set[Path] = set()
        self.filter = Filter()
        self._unread = 0
        self._problems = 0  # folders that cannot be read
        self._current: Path | str | None = None  # a run's folder, or a study
        self._loaded = False
        self.table = Table(self)
        self.table_head = TableHead(self)
        self.table.moved = self._moved

    def body(self) -> ComposeResult:
        yield self.table_head
        yield self.table

    def apply(self, snapshot: Snapshot) -> None:
        self._unread, self._problems = snapshot.unread, len(snapshot.problems)
        if snapshot.rows != self.rows or not self._loaded:
            self.rows, self._loaded = snapshot.rows, True
            self.marked &= {row.folder.path for row in self.rows}
            self._arrange()

    def tick(self, now: float) -> None:
        self.table.redraw()
        self._show_header()
        self.show_message(now)
        self.show_footer()

    def entry(self) -> Entry | None:
        return self.entries[self.table.cursor.index] if self.entries else None

    def current(self) -> RunRow | None:
        entry = self.entry()
        return entry.row if isinstance(entry, Shown) else None

    def marked_rows(self) -> list[RunRow]:
        if not self.marked:  # asked at every key: 500 paths need not be hashed for nothing
            return []
        return [row for row in self.rows if row.folder.path in self.marked]

    def for_export(self) -> list[RunRow]:
        return self.chosen()

    def chosen(self) -> list[RunRow]:
        """What a key that takes several runs is about: the marked ones, else what is under the cursor."""
        entry = self.entry()
        if marked := self.marked_rows():
            return marked
        if isinstance(entry, Group):
            return list(entry.rows)
        return [entry.row] if entry is not None else []

    def show_footer(self) -> None:
        if self.filter.edit is not None:
            self.footer.show([("enter", "keep"), ("ctrl+g", "undo")])
            return
        entry, row = self.entry(), self.current()
        several = len(self.chosen()) > 1
        labels = {"pause_resume": "resume" if row is not None and row.state in steer.RESUMABLE else "pause"}
        if row is None or row.state == "finished":
            labels["pause_resume"] = ""
        if isinstance(entry, Group):
            labels["open"] = "unfold" if entry.folded else "fold"
        if self.narrow:
            labels |= {"leave": "leave", "commands": "more"}
        order = _SEVERAL if several else _ONE
        self.footer.show(keymap.footer("runs", labels=labels, order=order))

    def show_message(self, now: float) -> None:
        """The filter stands here while it is typed, with what is wrong with it."""
        edit = self.filter.edit
        if edit is None:
            super().show_message(now)
            return
        room = max(10, min(32, self.size.width // 3))
        error = visible(self.filter.error)
        if width(error) > self.size.width - room - 5:
            error = error.partition(": ")[2]  # what is wrong matters more than that it is
        found: Piece = (error, "error") if error else (f"{self._runs_shown()} of {len(self.rows)} runs", "dim")
        left: Row = (("/", "key"), *edit.row(room, self.glyphs.ellipsis), ("  ", ""), found)
        self.message.show(fit_row(left, max(1, self.size.width - 1), self.glyphs.ellipsis))

    def standing_message(self, now: float) -> tuple[Row, Row]:
        left: list[Piece] = []
        if self.marked:
            seen = [entry for entry in self.entries if self._is_marked(entry)]
            names = [entry.label for entry in seen if isinstance(entry, Shown)]
            folded = [entry for entry in seen if isinstance(entry, Group) and entry.folded]
            hidden = len(self.marked) - len(names) - sum(len(group.rows) for group in folded)
            names += [f"all of {group.study}" for group in folded]
            names += [f"{hidden} out of sight"] if hidden else []
            left.append((f"{len(self.marked)} marked: {', '.join(names)}", "accent"))
        if self.filter.text:
            text = f"/{visible(self.filter.text)}/ shows {self._runs_shown()} of {len(self.rows)}"
            return tuple(left), ((text, "accent"), (", ctrl+g all", "dim"))
        if self.marked:
            return tuple(left), (("c compares, x exports them" if len(self.marked) > 1 else "x exports it", "dim"),)
        return (), ()

    def on_key(self, event: events.Key) -> None:
        """While the filter is typed, keys are text."""
        if self.filter.edit is None or not self.filter.key(event.key, event.character):
            return
        event.stop()
        event.prevent_default()
        self._filtered()

    def on_paste(self, event: events.Paste) -> None:
        self.filter.paste(event.text)
        self._filtered()

    def action_open(self) -> None:
        entry = self.entry()
        if isinstance(entry, Group):
            folded = self.order.folded ^ {entry.study}
            self._reorder(replace(self.order, folded=folded))
        elif entry is not None:
            self.host.open_run(entry.row.folder)

    def action_study(self) -> None:
        entry = self.entry()
        if isinstance(entry, Group):
            self.host.open_study(entry.study)
        else:
            super().action_study()

    def action_new(self) -> None:
        self.host.open_launch()

    def action_mark(self) -> None:
        entry = self.entry()
        if isinstance(entry, Group):
            paths = {row.folder.path for row in entry.rows}
            self.marked = self.marked - paths if paths <= self.marked else self.marked | paths
        elif entry is not None:
            self.marked ^= {entry.row.folder.path}
        self.table.move(1)
        self.tick(self.host.now())

    def action_unmark(self) -> None:
        self.marked.clear()
        self.tick(self.host.now())

    def action_compare(self) -> None:
        rows = self.chosen()
        if len(rows) < 2:
            self.say("mark two or more runs with space, then c compares them", "warning")
            return
        self.host.open_compare(rows)

    def action_filter(self) -> None:
        self.filter.begin()
        self._filtered()

    def action_clear_filter(self) -> None:
        self.filter.clear()
        self._filtered()

    def action_sort(self) -> None:
        choices = [(key.label, key.about) for key in SORT_KEYS]
        self.host.pick(choices, self.order.sort, "sort by", self._sorted_by)

    def action_reverse(self) -> None:
        self._reorder(replace(self.order, backwards=not self.order.backwards))
        self._say_order()

    def action_group(self) -> None:
        self._reorder(replace(self.order, grouped=not self.order.grouped))
        self.say("grouped by study" if self.order.grouped else "not grouped", "dim")

    def action_archive(self) -> None:
        from tui.runs.put_away import ask_to_archive

        ask_to_archive(self, self.chosen())

    def action_delete(self) -> None:
        from tui.runs.put_away import ask_to_delete

        ask_to_delete(self, self.chosen())

    def action_restore(self) -> None:
        from tui.runs.put_away import offer_to_restore

        offer_to_restore(self)

    def action_leave(self) -> None:
        self.host.leave()

    def entry_lines(self, index: int, width: int) -> list[Row]:
        entry = self.entries[index]
        at_cursor = index == self.table.cursor.index
        layout = self.table.layout_for(width, self.glyphs)
        return lines(entry, layout, width, self.glyphs, self.host.now(), at_cursor, self._is_marked(entry))

    def _moved(self) -> None:
        """By a key, a click or a jump: from now on the cursor stays on that run."""
        self._remember()
        self.show_footer()

    def _is_marked(self, entry: Entry) -> bool:
        rows = entry.rows if isinstance(entry, Group) else (entry.row,)
        return all(row.folder.path in self.marked for row in rows)

    def _runs_shown(self) -> int:
        """Those that the filter leaves, folded ones included."""
        return sum(len(entry.rows) if isinstance(entry, Group) else not entry.grouped for entry in self.entries)

    def _filtered(self) -> None:
        self._reorder(replace(self.order, pattern=self.filter.pattern))

    def _sorted_by(self, index: int | None) -> None:
        """Choosing what is sorted by already turns it around."""
        if index is not None:
            backwards = index == self.order.sort and not self.order.backwards
            self._reorder(replace(self.order, sort=index, backwards=backwards))
            self._say_order()

    def _say_order(self) -> None:
        key = self.order.key
        self.say(f"sorted by {key.label}: {key.about}{', turned around' if self.order.backwards else ''}", "dim")

    def _reorder(self, order: Order) -> None:
        self.order = order
        self._arrange()
        self.tick(self.host.now())

    def _arrange(self) -> None:
        """Puts the list in order; the cursor stays on its run when others come, go or move."""
        self.entries = arrange(self.rows, self.order)
        for index, entry in enumerate(self.entries):
            if self._place(entry) == self._current:
                self.table.cursor.index = index
        self.table.empty = nothing(visible(self.host.home_label), bool(self.rows), self._unread)
        self.table.show(len(self.entries))
        self.table_head.redraw()
        self._remember()

    def _remember(self) -> None:
        entry = self.entry()
        self._current = self._place(entry) if entry is not None else None

    def _place(self, entry: Entry) -> Path | str:
        return entry.study if isinstance(entry, Group) else entry.row.folder.path

    def _show_header(self) -> None:
        self.header.show(*header(self.rows, visible(self.host.home_label), self._unread, self.narrow, self._problems))
