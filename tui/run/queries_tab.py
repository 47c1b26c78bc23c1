"""The queries tab of the run screen: from a cell of the heatmap down to what was ranked for one query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual import events
from textual.widget import Widget

from engine.events import EvaluationResult
from tui.background import Latest
from tui.follow.detail import RunDetail
from tui.numbers import visible
from tui.run.contrast import Against
from tui.run.matrix import to_matrix, worst_pair
from tui.run.query_panels import PassageList, QuestionList
from tui.run.selection import Cell, Selection
from tui.run.stored_queries import Place, Rankings, Wish, load_rankings, load_worst
from tui.run.tab import Tab

if TYPE_CHECKING:
    from engine.export.queries import Order, Ranking, WorstQueries

_TITLES = {"worst": "worst first", "lost": "lost most first", "gained": "gained most first"}


class QueriesTab(Tab):
    """Show me one: the list left, the passages right, those of a second run beside them."""

    def __init__(self) -> None:
        self.questions, self.here, self.there = QuestionList(), PassageList("passages"), PassageList("passages-other")
        super().__init__(((self.questions,), (self.here,), (self.there,)), (self.questions, self.here, self.there))
        self.wish: Wish | None = None
        self.order: Order = "worst"
        self.only = False
        self.problem = ""
        self._against: Against | None = None
        self._narrow = False
        self._asked: str | None = None  # the query whose ranking was asked for last
        self._listed = Latest(lambda: self.host.background, self, self._take_list, self._take_list)
        self._ranked = Latest(lambda: self.host.background, self, self._take_rankings, self._take_rankings)

    def lay_out(self, narrow: bool, chosen: int) -> None:
        self._narrow = narrow
        self.panels = self._used()
        self.there.display = False  # unless it is one of the panels
        super().lay_out(narrow, chosen)
        self._entitle()

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        self._against = selection.against(detail)
        if self._against is None:
            self.order = "worst"
        wish = self._wish(detail, selection)
        if len(self._used()) != len(self.panels):
            self.lay_out(self._narrow, min(self.chosen, len(self._used()) - 1))
        if wish != self.wish:
            self.wish, self.problem = wish, ""
            if wish is not None:
                self._listed.ask(partial(load_worst, wish))
            else:
                self._take_list(None)
        self._entitle()

    @property
    def busy(self) -> bool:
        """Whether queries or rankings are still being read."""
        return self._listed.busy or self._ranked.busy

    def tick(self, now: float) -> None:
        self._entitle()

    def enter(self) -> None:
        """From the list to the passages."""
        if self.chosen == 0:
            self._front(1)

    def move(self, rows: int, columns: int) -> None:
        if columns:
            self._front(self.chosen + columns)
            return
        self._turn(lambda items: items.move(rows))

    def page(self, pages: int) -> None:
        self._turn(lambda items: items.move_page(pages))

    def end(self, last: bool) -> None:
        self._turn(lambda items: items.move_to(items.count - 1 if last else 0))

    def next_order(self) -> str:
        """Worst first, or where two runs stand side by side by what was lost or gained."""
        orders: tuple[Order, ...] = ("worst", "lost", "gained") if self._against is not None else ("worst",)
        self.order = orders[(orders.index(self.order) + 1) % len(orders)]
        return _TITLES[self.order]

    def toggle_only(self) -> str:
        """The passages of the cell's candidate language alone, or all of the pool."""
        if self.wish is None or self.wish.answered is None:
            return "this cell's candidates are the pool of all languages"
        self.only = not self.only
        self._show_rankings(self.here.ranking, self.there.ranking)
        self._entitle()
        return f"only {visible(self.wish.answered)}, ranks among its candidates" if self.only else "all languages"

    def next_relevant(self, by: int) -> None:
        """To the relevant passage below or above, in the ranking in front."""
        if self.chosen == 0:
            self._front(1)
        items = self.panels[self.chosen]
        assert isinstance(items, PassageList)
        items.move_to_relevant(by)

    def remark(self) -> str:
        if self.problem:
            return self.problem
        found = self.questions.found
        return visible(found.texts) if found is not None else ""

    def hint(self) -> str:
        if self.chosen == 0:
            return "up down: another question   right: its passages   n: the relevant ones   l: one language"
        return "left: back to the questions   up down: another passage   n N: the relevant ones   l: one language"

    def _used(self) -> Sequence[Widget]:
        return (self.questions, self.here, self.there) if self._against is not None else (self.questions, self.here)

    def _front(self, chosen: int) -> None:
        self.lay_out(self._narrow, max(0, min(len(self.panels) - 1, chosen)))
        self._redraw_all()

    def _turn(self, turn: Callable[[QuestionList | PassageList], None]) -> None:
        items = self.panels[self.chosen]
        assert isinstance(items, QuestionList | PassageList)
        turn(items)
        self._follow_cursor()

    def on_click(self, event: events.Click) -> None:
        for index, items in enumerate(self.panels):
            if items.display and items.region.contains(*event.screen_offset):
                self._front(index)
        self._follow_cursor()

    def on_mouse_scroll_down(self) -> None:
        self._follow_cursor()

    def on_mouse_scroll_up(self) -> None:
        self._follow_cursor()

    def _follow_cursor(self) -> None:
        """Asks for what was ranked for the query under the cursor, when that is another one."""
        row = self.questions.current()
        if (row.query_id if row is not None else None) != self._asked:
            self._ask_rankings()

    def _wish(self, detail: RunDetail, selection: Selection) -> Wish | None:
        point = selection.point(detail)
        if point is None:
            return None
        cell = selection.cell or _worst(point.result)
        if cell is None:
            return None
        against = None
        if self._against is not None:
            folder = self._against.folder or detail.row.folder
            against = Place(folder.path, point.benchmark, self._against.point.step)
        return Wish(Place(detail.row.folder.path, point.benchmark, point.step), *cell, against, self.order)

    def _take_list(self, answer: WorstQueries | str | None) -> None:
        found = None if isinstance(answer, str) else answer
        self.problem = visible(answer) if isinstance(answer, str) else ""
        message = self.problem or ("no evaluation yet" if answer is None else "no query of this cell")
        self.questions.empty = [((message, "error" if self.problem else "dim"),)]
        self.questions.load(found)
        self._ask_rankings()
        self._entitle()

    def _ask_rankings(self) -> None:
        row = self.questions.current()
        self._asked = row.query_id if row is not None else None
        if row is None or self.wish is None:
            self._show_rankings(None, None)
        else:
            self._ranked.ask(partial(load_rankings, self.wish, row.query_id))

    def _take_rankings(self, answer: Rankings | str) -> None:
        if isinstance(answer, str):
            self.problem = visible(answer)
            self._show_rankings(None, None)
        else:
            self._show_rankings(answer.here, answer.there)
        self._entitle()

    def _show_rankings(self, here: Ranking | None, there: Ranking | None) -> None:
        wanted = self.wish.answered if self.wish is not None else None
        only = self.only and wanted is not None
        self.here.load(here, wanted, only)
        self.there.load(there, wanted, only)

    def _entitle(self) -> None:
        """Titles say what is listed, and what is still being read."""
        self.questions.entitle(self._list_title(), self.chosen == 0)
        busy = self._ranked.busy and self.here.ranking is None
        other = self._against.label if self._against is not None else ""
        for index, items in enumerate((self.here, self.there), start=1):
            ranking, title = items.ranking, "reading" if busy else "passages"
            if ranking is not None:
                step = "this run" if ranking.step is None else f"step {ranking.step:,}"
                label = step if items is self.here else other
                title = f"{label}   best {ranking.kept:,} of {ranking.candidates:,}"
                if items.only and items.wanted is not None:
                    title += f", only {visible(items.wanted)}"
            items.entitle(title, self.chosen == index)

    def _list_title(self) -> str:
        if self.wish is None:
            return "queries"
        glyphs = self.host.glyphs
        answered = "pool" if self.wish.answered is None else visible(self.wish.answered)
        pair = f"{visible(self.wish.asked or 'all')} {glyphs.arrow} {answered}"
        if self._listed.busy:
            return f"{pair}   reading{self._listed.progress}"
        found = self.questions.found
        if found is None:
            return pair
        shown = f"{len(found.rows):,} of {found.queries:,}" if len(found.rows) < found.queries else f"{found.queries:,}"
        mean = found.mean_average_precision
        return f"{pair}   {_TITLES[self.order]}   {shown} queries" + ("" if mean is None else f", mAP {100 * mean:.1f}")

    def _redraw_all(self) -> None:
        for items in (self.questions, self.here, self.there):
            items.redraw()


def _worst(result: EvaluationResult) -> Cell | None:
    """The pair that fares worst; the only language where there is no pair."""
    pair = worst_pair(to_matrix(result))
    if pair is not None:
        return pair.asked, pair.answered
    return (result.languages[0], result.languages[0]) if result.languages else None
