"""The queries tab of the run screen: from a cell of the heatmap down to what was ranked for one query."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual.widget import Widget

from engine.events import EvaluationResult
from tui import keymap
from tui.background import Latest
from tui.follow.detail import RunDetail
from tui.numbers import visible
from tui.run.contrast import Against
from tui.run.matrix import to_matrix, worst_pair
from tui.run.query_panels import PassageList, QuestionList
from tui.run.selection import LanguagePair, Selection
from tui.run.stored_queries import Place, Rankings, Wish, load_rankings, load_worst
from tui.run.tab import Tab

if TYPE_CHECKING:
    from engine.export.queries import Order, Ranking, WorstQueries

_TITLES = {"worst": "worst first", "lost": "lost most first", "gained": "gained most first"}


class QueriesTab(Tab):
    """Show me one: the list left, the passages right, those of a second run beside them."""

    BINDINGS = keymap.bindings("queries")
    name_in_keymap = "queries"
    footer_order = ("enter", "find(1)", "only", "contrast", "view", "step(-1)", "benchmark")

    def __init__(self) -> None:
        self.questions = QuestionList()
        self.passages, self.other_passages = PassageList("passages"), PassageList("passages-other")
        self.lists = (self.questions, self.passages, self.other_passages)
        super().__init__(tuple((each,) for each in self.lists), self.lists)
        for items in self.lists:
            items.moved = self._list_moved
        self.wish: Wish | None = None
        self.order: Order = "worst"
        self.only = False
        self.problem = ""
        self._against: Against | None = None
        self._asked: str | None = None  # the query whose ranking was asked for last
        self._listed = Latest(lambda: self.host.background, self, self._take_list, self._take_list)
        self._ranked = Latest(lambda: self.host.background, self, self._take_rankings, self._take_rankings)

    def lay_out(self, narrow: bool) -> None:
        self.panels = self._used()
        self.other_passages.display = False  # unless it is one of the panels
        super().lay_out(narrow)
        self._entitle()

    def on_descendant_focus(self) -> None:
        super().on_descendant_focus()
        if self.narrow:
            self.lay_out(self.narrow)
        self._entitle()
        for items in self.lists:
            items.redraw()

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        self._against = selection.against(detail)
        if self._against is None:
            self.order = "worst"
        wish = self._wish(detail, selection)
        if len(self._used()) != len(self.panels):
            self.chosen = min(self.chosen, len(self._used()) - 1)
            self.lay_out(self.narrow)
            self.focus_front()
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

    def action_enter(self) -> None:
        """From the list to the passages."""
        if self.chosen == 0:
            self.to_front(1)

    def action_move_left(self) -> None:
        self.to_front(max(0, self.chosen - 1))

    def action_move_right(self) -> None:
        self.to_front(min(len(self.panels) - 1, self.chosen + 1))

    def action_view(self) -> None:
        """Worst first, or where two runs stand side by side by what was lost or gained."""
        orders: tuple[Order, ...] = ("worst", "lost", "gained") if self._against is not None else ("worst",)
        self.order = orders[(orders.index(self.order) + 1) % len(orders)]
        self.say(_TITLES[self.order])
        self.post_message(self.Turned())

    def action_only(self) -> None:
        """The passages of the cell's candidate language alone, or all of the pool."""
        if self.wish is None or self.wish.answered is None:
            self.say("this cell's candidates are the pool of all languages")
            return
        self.only = not self.only
        self._show_rankings(self.passages.ranking, self.other_passages.ranking)
        self._entitle()
        self.say(f"only {visible(self.wish.answered)}, ranks among its candidates" if self.only else "all languages")

    def action_find(self, by: int) -> None:
        """To the relevant passage below or above, in the ranking in front."""
        if self.chosen == 0:
            self.to_front(1)
        items = self.front
        assert isinstance(items, PassageList)
        items.move_to_relevant(by)

    def labels(self) -> dict[str, str]:
        several = self.detail is not None and len(self.detail.benchmarks) > 1
        return {
            "enter": "passages" if self.chosen == 0 else "", "view": "order" if self._against is not None else "",
            "benchmark": "benchmark" if several else "",
        }  # fmt: skip

    def remark(self) -> str:
        if self.problem:
            return self.problem
        listed = self.questions.listed
        return visible(listed.texts) if listed is not None else ""

    def hint(self) -> str:
        if self.chosen == 0:
            return "up down: another question   right: its passages   n: the relevant ones   l: one language"
        return "left: back to the questions   up down: another passage   n N: the relevant ones   l: one language"

    def _used(self) -> Sequence[Widget]:
        return self.lists if self._against is not None else self.lists[:2]

    def _list_moved(self) -> None:
        self._follow_cursor()
        self.post_message(self.Moved())

    def _follow_cursor(self) -> None:
        """Asks for what was ranked for the query under the cursor, when that is another one."""
        row = self.questions.current()
        if (row.query_id if row is not None else None) != self._asked:
            self._ask_rankings()

    def _wish(self, detail: RunDetail, selection: Selection) -> Wish | None:
        point = selection.point(detail)
        if point is None:
            return None
        pair = selection.pair or _worst(point.result)
        if pair is None:
            return None
        against = None
        if self._against is not None:
            folder = self._against.folder or detail.row.folder
            against = Place(folder.path, point.benchmark, self._against.point.step)
        return Wish(Place(detail.row.folder.path, point.benchmark, point.step), *pair, against, self.order)

    def _take_list(self, answer: WorstQueries | str | None) -> None:
        listed = None if isinstance(answer, str) else answer
        self.problem = visible(answer) if isinstance(answer, str) else ""
        message = self.problem or ("no evaluation yet" if answer is None else "no query of this cell")
        self.questions.empty = [((message, "error" if self.problem else "dim"),)]
        self.questions.load(listed)
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
            self._show_rankings(answer.ranking, answer.other)
        self._entitle()

    def _show_rankings(self, ranking: Ranking | None, other: Ranking | None) -> None:
        language = self.wish.answered if self.wish is not None else None
        only = self.only and language is not None
        self.passages.load(ranking, language, only)
        self.other_passages.load(other, language, only)

    def _entitle(self) -> None:
        """Titles say what is listed, and what is still being read."""
        self.questions.entitle(self._list_title(), self.chosen == 0)
        busy = self._ranked.busy and self.passages.ranking is None
        other = self._against.label if self._against is not None else ""
        for index, items in enumerate((self.passages, self.other_passages), start=1):
            ranking, title = items.ranking, "reading" if busy else "passages"
            if ranking is not None:
                step = "this run" if ranking.step is None else f"step {ranking.step:,}"
                label = step if items is self.passages else other
                title = f"{label}   best {ranking.kept:,} of {ranking.candidates:,}"
                if items.only and items.language is not None:
                    title += f", only {visible(items.language)}"
            items.entitle(title, self.chosen == index)

    def _list_title(self) -> str:
        if self.wish is None:
            return "queries"
        glyphs = self.host.glyphs
        answered = "pool" if self.wish.answered is None else visible(self.wish.answered)
        pair = f"{visible(self.wish.asked or 'all')} {glyphs.arrow} {answered}"
        if self._listed.busy:
            return f"{pair}   reading{self._listed.progress}"
        listed = self.questions.listed
        if listed is None:
            return pair
        shown = (
            f"{len(listed.rows):,} of {listed.queries:,}"
            if len(listed.rows) < listed.queries
            else f"{listed.queries:,}"
        )
        mean = listed.mean_average_precision
        return f"{pair}   {_TITLES[self.order]}   {shown} queries" + ("" if mean is None else f", mAP {100 * mean:.1f}")


def _worst(result: EvaluationResult) -> LanguagePair | None:
    """The pair that fares worst; the only language where there is no pair."""
    pair = worst_pair(to_matrix(result))
    if pair is not None:
        return pair.asked, pair.answered
    return (result.languages[0], result.languages[0]) if result.languages else None
