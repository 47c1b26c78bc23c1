"""What a person does to the order of the table: filter, sort, groups, columns, and all of these as a view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from tui.background import Latest
from tui.follow.labels import labels
from tui.follow.rows import RunRow
from tui.numbers import visible
from tui.runs import fields
from tui.runs.filter_language import Filter, FilterError, Verdicts, parse, search, words_of
from tui.runs.listing import NO_FILTER, STUDY, Entry, Group, Order, about_order, arrange, sort_choices
from tui.widgets.steering import Steering

if TYPE_CHECKING:  # loaded when somebody types, and in a thread: both would delay the first frame
    from tui.runs.filter_line import FilterLine
    from tui.runs.saved_views import TableView

Found = dict[tuple[str, str], bool]


class Arranged(Steering):
    """Subclasses have the rows and show the entries."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[RunRow, ...] = ()
        self.entries: list[Entry] = []
        self.order = Order()
        self.columns: tuple[str, ...] | None = None  # None: the usual ones
        self.filter_line: FilterLine | None = None  # while a filter is typed
        self.filter_error = ""  # of what is typed
        self._is_open = False  # the last term of what is typed would empty the table, and does not count yet
        self._before = NO_FILTER  # what the filter was when typing began
        self._group_before: tuple[str, ...] = (STUDY,)  # what runs were grouped by last
        self._named: dict[str, TableView] = {}
        self._kept: TableView | None = None  # as it lies in the file; None: that is not read yet
        self._saving: Latest[None] = Latest(lambda: self.host.background, self, lambda _: None, self._not_kept)
        self._searching: Latest[Found] = Latest(lambda: self.host.background, self, self._searched, self._not_searched)
        self._keep_once_searched = False  # enter was pressed before that was done
        self._wanted: Filter | None = None  # its expressions are being searched

    def show_entries(self) -> None:
        """They are others now, or in another order."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.call_after_refresh(self._load_view)

    @property
    def view(self) -> TableView:
        """What is kept between starts."""
        from tui.runs.saved_views import TableView

        order = self.order
        return TableView(
            columns=self.columns, sort=order.sort, backwards=order.backwards, group=order.group,
            filter=self._before.text if self.filter_line is not None else order.filter.text,
        )  # fmt: skip

    @property
    def runs_shown(self) -> int:
        """Those that the filter leaves, folded ones included."""
        return sum(len(entry.rows) if isinstance(entry, Group) else not entry.grouped for entry in self.entries)

    def reorder(self, order: Order, *, keep: bool = True) -> None:
        self.order = order
        self.list_runs()
        self.tick(self.host.now())
        if keep:
            self._keep()

    def list_runs(self) -> None:
        """Puts the list in order. What a filter's expressions have not been searched in yet is searched in a thread."""
        self.entries = arrange(self.rows, self.order)
        self.show_entries()
        if self.order.verdicts.missing and not self._searching.busy:
            self._wanted = self.order.filter
            pairs, self.order.verdicts.missing = self.order.verdicts.missing, set()
            self._searching.ask(lambda tick: search(pairs))

    def apply_view(self, view: TableView) -> None:
        """Shows the table as a view has it."""
        self.columns = view.columns
        order = Order(view.sort, view.backwards, parse(view.filter), view.group, verdicts=self.order.verdicts)
        self.reorder(order)

    # The filter

    async def action_filter(self) -> None:
        from tui.runs.filter_line import FilterLine

        if self.filter_line is not None:
            self.set_focus(self.filter_line.input)
            return
        self._before, self.filter_error, self._is_open = self.order.filter, "", False
        self.filter_line = FilterLine(lambda: self.rows, self.order.filter.text)
        self.message.display = False
        await self.mount(self.filter_line, before=self.footer)
        self.set_focus(self.filter_line.input)  # at once: the next key may be there already
        self._answer()
        self.show_footer()

    def action_clear_filter(self) -> None:
        """While one is typed: back to the former one. Else all runs are shown again."""
        if self.filter_line is None:
            self.reorder(msgspec.structs.replace(self.order, filter=NO_FILTER))
            return
        self._close_line()
        self.reorder(msgspec.structs.replace(self.order, filter=self._before))

    def typed(self, text: str) -> None:
        """The table follows while a filter is typed; what is no filter yet leaves it as it is."""
        if self.filter_line is None:
            return
        try:
            wanted, self.filter_error = parse(text), ""
        except FilterError as error:
            self.filter_error = str(error)
        else:
            self._wanted = wanted
            if pairs := self._not_judged(wanted):
                self._searching.ask(lambda tick: search(pairs))
            elif wanted != self.order.filter:
                self._use(wanted)
        self._answer()

    def keep_filter(self) -> None:
        """What is no filter is not kept: the line stays open."""
        self._keep_once_searched = self._searching.busy
        if self.filter_line is None or self.filter_error or self._searching.busy:
            return
        chosen = parse(self.filter_line.input.value)
        self._close_line()
        self.reorder(msgspec.structs.replace(self.order, filter=chosen))

    def _use(self, wanted: Filter) -> None:
        """A last term that may go on does not empty the table: ``lr>1`` is on the way to ``lr>1e-4``."""
        self.reorder(msgspec.structs.replace(self.order, filter=wanted), keep=False)
        self._is_open = not self.entries and wanted.is_open and self.filter_line is not None
        if self._is_open:
            self.reorder(msgspec.structs.replace(self.order, filter=wanted.without_last()), keep=False)

    def _close_line(self) -> None:
        if self.filter_line is not None:
            self.filter_line.remove()
        self.filter_line, self.filter_error = None, ""
        self.message.display = True
        self.set_focus(self.query_one("#table"))

    def _answer(self) -> None:
        if self.filter_line is not None:
            found = "no run fits the last term" if self._is_open else f"{self.runs_shown} of {len(self.rows)} runs"
            error = visible(self.filter_error)
            self.filter_line.answer.show((error, "error") if error else (found, "dim"))

    def _not_judged(self, wanted: Filter) -> set[tuple[str, str]]:
        """(expression, text) that nobody has searched yet."""
        if not wanted.has_patterns:
            return set()
        named = labels(self.rows)
        judged = self.order.verdicts.found
        pairs = set()
        for row in self.rows:
            words = words_of(row, named[row.folder.path])
            pairs |= {
                (term.value, text) for term in wanted.terms if term.is_pattern for text in term.texts(row, words)
            }  # fmt: skip
        return pairs - judged.keys()

    def _searched(self, found: Found) -> None:
        verdicts = Verdicts({**self.order.verdicts.found, **found})
        wanted = self.order.filter if self._wanted is None else self._wanted
        self.order = msgspec.structs.replace(self.order, verdicts=verdicts)
        self._use(wanted)
        self._answer()
        if self._keep_once_searched:
            self.keep_filter()

    def _not_searched(self, line: str) -> None:
        """A filter that is kept and whose expression takes too long goes: the runs stay in sight."""
        self.filter_error, self._keep_once_searched = line, False
        if self.filter_line is None:
            self.say(line, "error")
            self.reorder(msgspec.structs.replace(self.order, filter=NO_FILTER))
        self._answer()

    # Sort, groups and columns

    def action_sort(self) -> None:
        choices = sort_choices(self.columns or ())
        keys = [key for key, _ in choices]
        at = keys.index(self.order.sort) if self.order.sort in keys else 0
        shown = [(fields.title(key), about) for key, about in choices]

        def choose(index: int | None) -> None:
            if index is not None:
                self.sort_by(keys[index])

        self.host.pick(shown, at, "sort by", choose)

    def sort_by(self, key: str) -> None:
        """Choosing what is sorted by already turns it around."""
        backwards = key == self.order.sort and not self.order.backwards
        self.reorder(msgspec.structs.replace(self.order, sort=key, backwards=backwards))
        self._say_order()

    def action_reverse(self) -> None:
        self.reorder(msgspec.structs.replace(self.order, backwards=not self.order.backwards))
        self._say_order()

    def action_group(self) -> None:
        if self.order.group:
            self._group_before = self.order.group
        self._group_by(() if self.order.group else self._group_before)

    def action_group_by(self) -> None:
        from tui.runs.choose_fields import FieldsScreen

        screen = FieldsScreen("group runs by", self.order.group, (STUDY,), self._keys())
        self.app.push_screen(screen, lambda keys: None if keys is None else self._group_by(keys))

    def action_columns(self) -> None:
        from tui.runs.choose_fields import FieldsScreen
        from tui.runs.table import USUAL

        def choose(keys: tuple[str, ...] | None) -> None:
            if keys is not None:
                self.columns = None if keys == USUAL else keys
                self.reorder(self.order)

        screen = FieldsScreen("columns", USUAL if self.columns is None else self.columns, USUAL, self._keys())
        self.app.push_screen(screen, choose)

    def _group_by(self, keys: tuple[str, ...]) -> None:
        self.reorder(msgspec.structs.replace(self.order, group=keys, folded=frozenset()))
        self.say(f"grouped by {', '.join(map(fields.title, keys))}" if keys else "not grouped", "dim")

    def _keys(self) -> Sequence[str]:
        """What can be a column or make a group: each field by the name that it has in a file."""
        return list(dict.fromkeys(fields.field(key).key for key in fields.names_for(self.rows)))

    def _say_order(self) -> None:
        order = self.order
        around = ", turned around" if order.backwards else ""
        self.say(f"sorted by {fields.title(order.sort)}: {about_order(order.sort)}{around}", "dim")

    # Views

    def action_views(self) -> None:
        from tui.dialogs.enter import EnterScreen
        from tui.runs.choose_view import SAVE, ViewsScreen

        def save(name: str | None) -> None:
            if name and name.strip():
                self._name_view(name.strip(), self.view)

        def choose(name: str | None) -> None:
            if name is None:
                return
            if name == SAVE:
                title = "a name for columns, order, groups and filter as they are"
                self.app.push_screen(EnterScreen(title, "", "one that is there already is replaced"), save)
            elif name in self._named:
                self.apply_view(self._named[name])
                self.say(f"view {visible(name)}", "dim")

        self.app.push_screen(ViewsScreen(self._named, lambda name: self._name_view(name, None)), choose)

    def _name_view(self, name: str, view: TableView | None) -> None:
        from tui.runs import saved_views

        def done(named: dict[str, TableView]) -> None:
            self._named = named
            self.say(f"view {visible(name)} is {'deleted' if view is None else 'saved: V shows it'}", "accent")

        work: Callable[[], dict[str, TableView]] = partial(saved_views.keep_named, name, view)
        self.host.background.run(self, work, done, name=f"view {name}")

    def _load_view(self) -> None:
        home = self.host.home

        def load() -> tuple[TableView, dict[str, TableView], str]:
            from tui.runs import saved_views

            return saved_views.load(home)

        self.host.background.run(self, load, self._restore)

    def _restore(self, answer: tuple[TableView, dict[str, TableView], str]) -> None:
        """What was set before this start; what a person has done meanwhile stands."""
        from tui.runs.saved_views import USUAL_VIEW

        kept, self._named, problem = answer
        untouched = self.view == USUAL_VIEW and self.filter_line is None
        self._kept = kept
        if problem:
            self.say(problem, "warning")
        if untouched and kept != USUAL_VIEW:
            self.apply_view(kept)

    def _keep(self) -> None:
        from tui.runs import saved_views

        if self._kept is not None and (view := self.view) != self._kept:
            self._kept = view
            home = self.host.home
            self._saving.ask(lambda tick: saved_views.keep(home, view))

    def _not_kept(self, line: str) -> None:
        self.say(f"columns and order cannot be kept: {line}", "warning")
