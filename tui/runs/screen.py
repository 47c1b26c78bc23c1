"""Runs: what is going on, and which run do I want?"""

from __future__ import annotations

from pathlib import Path

import msgspec
from textual import events, on
from textual.app import ComposeResult
from textual.message import Message

from tui import keymap, steer
from tui.draw.glyphs import Glyphs
from tui.draw.text import Piece, Row
from tui.follow.feed import Snapshot
from tui.follow.rows import RunRow
from tui.numbers import clock, visible
from tui.runs.arranged import Arranged
from tui.runs.empty import describe, nothing, reading
from tui.runs.header import header
from tui.runs.listing import STARTED, Entry, Group, Shown
from tui.runs.table import SORTED_BY, Layout, Measured, columns, head, key_at, lay_out, lines
from tui.widgets.lists import Items
from tui.widgets.panel import Drawn

# The keys of the footer, those that stay longest first: about one run, and about a study or what is marked.
_ONE = ("open", "mark", "filter", "pause_resume", "new", "compare", "sort", "group", "archive")
_SEVERAL = ("open", "compare", "mark", "filter", "export", "sort", "group", "archive")


class Table(Items):
    """The list, which remembers its columns while what is shown stays the same."""

    class Opened(Message):
        """The item under the cursor was clicked twice."""

    def __init__(self, screen: RunsScreen) -> None:
        super().__init__(screen.entry_lines, id="table")
        self._runs = screen
        self._layout: tuple[tuple[object, ...], Layout] | None = None
        self._keys: tuple[str, ...] = ()  # of the columns that were measured
        self._measured: Measured = {}

    def layout_for(self, cells: int, glyphs: Glyphs) -> Layout:
        runs = self._runs
        key = (cells, id(runs.entries), runs.columns, glyphs.name)
        if self._layout is None or self._layout[0] != key:
            asked = columns(runs.columns, runs.rows)
            if (keys := tuple(column.key for column in asked)) != self._keys:
                self._keys, self._measured = keys, {}
            layout = lay_out(runs.entries, asked, cells, glyphs, self.host.now(), self._measured)
            self._layout = key, layout
        return self._layout[1]

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2:
            self.post_message(self.Opened())


class TableHead(Drawn):
    """The titles of the table's columns; a click sorts by one, another one turns it around."""

    DEFAULT_CSS = "TableHead { height: 1; }"

    class Chosen(Message):
        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, screen: RunsScreen) -> None:
        super().__init__()
        self._runs = screen

    def rows(self, width: int, height: int) -> list[Row]:
        return [head(self._runs.table.layout_for(width, self.glyphs), self._runs.order, self.glyphs)]

    def on_click(self, event: events.Click) -> None:
        key = key_at(self._runs.table.layout_for(self.size.width, self.glyphs), event.x)
        if key is not None:
            self.post_message(self.Chosen(SORTED_BY.get(key, key)))


class RunsScreen(Arranged):
    """The table of all runs of a home."""

    BINDINGS = keymap.bindings("runs")
    name_in_keymap = "runs"

    def __init__(self) -> None:
        super().__init__()
        self.marked: set[Path] = set()
        self._unread = 0
        self._problems = 0  # folders that cannot be read
        self._seen_at = 0.0  # unix seconds
        self._done_in: float | None = None  # seconds from then until all that goes on will be done
        self._current: Path | str | None = None  # a run's folder, or the label of a group
        self._loaded = False
        self._home_says: list[str] = []  # why it has no runs
        self.table = Table(self)
        self.table_head = TableHead(self)
        self.table.moved = self._moved

    def body(self) -> ComposeResult:
        yield self.table_head
        yield self.table

    def on_mount(self) -> None:
        self.table.empty = reading(visible(str(self.host.home)))
        self.table.redraw()

    def apply(self, snapshot: Snapshot) -> None:
        self._unread, self._problems = snapshot.unread, len(snapshot.problems)
        self._seen_at, self._done_in = snapshot.at, snapshot.done_in
        if snapshot.rows != self.rows or not self._loaded:
            self.rows, self._loaded = snapshot.rows, True
            self.marked &= {row.folder.path for row in self.rows}
            self.list_runs()

    def tick(self, now: float) -> None:
        if self._loaded and not self.rows:
            self._ask_home()
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

    def out_of_sight(self) -> list[RunRow]:
        """Marked runs that the filter hides."""
        if not self.marked:
            return []
        seen = {row.folder.path for entry in self.entries for row in _rows_of(entry)}
        return [row for row in self.marked_rows() if row.folder.path not in seen]

    def show_footer(self) -> None:
        if self.filter_line is not None:
            self.footer.show([("enter", "keep"), ("tab", "complete"), ("ctrl+g", "undo")])
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
        self.footer.show(keymap.footer("runs", labels=labels, order=_SEVERAL if several else _ONE))

    def standing_message(self, now: float) -> tuple[Row, Row]:
        left: list[Piece] = []
        if self.marked:
            seen = [entry for entry in self.entries if self._is_marked(entry)]
            names = [entry.label for entry in seen if isinstance(entry, Shown)]
            names += [f"all of {entry.label}" for entry in seen if isinstance(entry, Group) and entry.folded]
            hidden = len(self.out_of_sight())
            names += [f"{hidden} out of sight"] if hidden else []
            left.append((f"{len(self.marked)} marked: {', '.join(names)}", "accent"))
        if text := self.order.filter.text:
            shown = f"/{visible(text)} shows {self.runs_shown} of {len(self.rows)}"
            return tuple(left), ((shown, "accent"), (", ctrl+g all", "dim"))
        if self.marked:
            return tuple(left), (("c compares, x exports them" if len(self.marked) > 1 else "x exports it", "dim"),)
        return (), ()

    def on_filter_line_typed(self, message: Message) -> None:
        self.typed(message.text)  # type: ignore[attr-defined]  # of a class that is loaded when somebody types

    def on_filter_line_kept(self) -> None:
        self.keep_filter()

    @on(Table.Opened)
    def _opened(self) -> None:
        self.action_open()

    @on(TableHead.Chosen)
    def _title_clicked(self, message: TableHead.Chosen) -> None:
        self.sort_by(message.key if message.key != "spark" else STARTED)

    def action_open(self) -> None:
        entry = self.entry()
        if isinstance(entry, Group):
            self.reorder(msgspec.structs.replace(self.order, folded=self.order.folded ^ {entry.label}))
        elif entry is not None:
            self.host.open_run(entry.row.folder)

    def action_study(self) -> None:
        entry = self.entry()
        if isinstance(entry, Group):
            self.open_study_of(entry.study, entry.label)
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

    def action_archive(self) -> None:
        from tui.runs.put_away import ask_to_archive

        ask_to_archive(self, self.chosen(), self.out_of_sight())

    def action_delete(self) -> None:
        from tui.runs.put_away import ask_to_delete

        ask_to_delete(self, self.chosen(), self.out_of_sight())

    def action_restore(self) -> None:
        from tui.runs.put_away import offer_to_restore

        offer_to_restore(self)

    def action_note(self) -> None:
        from tui.runs.annotating import ask_for_note

        ask_for_note(self, self.chosen())

    def action_tag(self) -> None:
        from tui.runs.annotating import ask_for_tags

        ask_for_tags(self, self.chosen())

    def action_rename(self) -> None:
        from tui.runs.annotating import ask_for_name

        if (row := self.current()) is not None:
            ask_for_name(self, row)
        else:
            self.say("one run at a time gets another name: put the cursor on one", "warning")

    def action_pin(self) -> None:
        from tui.runs.annotating import pin

        pin(self, self.chosen())

    def action_leave(self) -> None:
        self.host.leave()

    def entry_lines(self, index: int, width: int) -> list[Row]:
        entry = self.entries[index]
        at_cursor = index == self.table.cursor.index
        layout = self.table.layout_for(width, self.glyphs)
        return lines(entry, layout, width, self.glyphs, self.host.now(), at_cursor, self._is_marked(entry))

    def show_entries(self) -> None:
        """The cursor stays on its run when others come, go or move."""
        for index, entry in enumerate(self.entries):
            if self._place(entry) == self._current:
                self.table.cursor.index = index
        self._show_empty()
        self.table.show(len(self.entries))
        self.table_head.redraw()
        self._remember()

    def _show_empty(self) -> None:
        if self._loaded:
            home = visible(str(self.host.home))
            self.table.empty = nothing(home, bool(self.rows), self._unread, self._home_says)

    def _ask_home(self) -> None:
        """Why there are no runs; the disk is asked in a thread."""

        def take(says: list[str]) -> None:
            if says != self._home_says:
                self._home_says = says
                self._show_empty()
                self.table.redraw()

        home = self.host.home
        self.host.background.run(self, lambda: describe(home), take, key=("why no runs", home))

    def _moved(self) -> None:
        """By a key, a click or a jump: from now on the cursor stays on that run."""
        self._remember()
        self.show_footer()

    def _is_marked(self, entry: Entry) -> bool:
        return all(row.folder.path in self.marked for row in _rows_of(entry))

    def _remember(self) -> None:
        entry = self.entry()
        self._current = self._place(entry) if entry is not None else None

    def _place(self, entry: Entry) -> Path | str:
        return entry.label if isinstance(entry, Group) else entry.row.folder.path

    def _show_header(self) -> None:
        ends = "" if self._done_in is None else clock(self.host.minutes_east, self._seen_at + self._done_in)[:5]
        home = visible(self.host.home_label)
        self.header.show(*header(self.rows, home, self._unread, self.size.width, self._problems, ends))


def _rows_of(entry: Entry) -> tuple[RunRow, ...]:
    return entry.rows if isinstance(entry, Group) else (entry.row,)
