"""A study: what is the answer so far, and when will it be final?"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget

from tui import keymap, steer
from tui.draw.text import Piece, Row, row_width
from tui.follow.feed import Snapshot
from tui.follow.rows import RunRow
from tui.follow.study_state import ONE_LANGUAGE, Column, Condition, StudyState
from tui.follow.wish import Wish
from tui.numbers import age
from tui.study.answer_so_far import answer_paragraphs
from tui.study.answerer import Answerer
from tui.study.grid import ResultsGrid
from tui.study.panels import AnswerPanel, CellText, RunsLeft, cell_sentence, when_text
from tui.terminal.kept_lines import kept
from tui.widgets.steering import Steering

_BELOW_LEAST, _BELOW_MOST = 8, 15  # lines of the answer and the runs that are left, their borders included
_TEXT_MOST = 8  # lines of the sentence about a cell
_ALL_FROM = 24  # lines of a terminal that has room for all parts
_BROAD = 110  # cells of one that has room for long lines
_FOOTERS = {  # what is needed most first
    "grid": ("choose", "next_panel", "heatmap", "queries", "measure", "bias", "compare", "export"),
    "answer": ("next_panel", "export", "measure"),
    "left": ("choose", "pause_resume", "stop", "next_panel"),
}


class StudyScreen(Steering):
    """The grid, the cell under its cursor in words, the answer so far, the runs that are left."""

    BINDINGS = keymap.bindings("study")
    name_in_keymap = "study"

    def __init__(self, study: str) -> None:
        super().__init__()
        self.study = study
        self.state: StudyState | None = None
        self._gone = False  # no run of it is left where it was followed
        self._chosen = 0  # of the parts: the one that a narrow screen shows
        self.grid, self.cell_text = ResultsGrid(), CellText()
        self.answer_panel, self.runs_left = AnswerPanel(), RunsLeft()
        self.parts: tuple[Widget, ...] = (self.grid, self.answer_panel, self.runs_left)
        self._below = kept(Horizontal(self.answer_panel, self.runs_left, id="below"))
        self.answerer = Answerer(self, self._answered)

    DEFAULT_CSS = """
    StudyScreen #answer { width: 1fr; }
    StudyScreen #left { width: 1fr; }
    StudyScreen.-broad #answer { width: 3fr; }
    StudyScreen.-broad #left { width: 2fr; }
    """

    def body(self) -> ComposeResult:
        yield self.grid
        yield self.cell_text
        yield self._below

    def on_mount(self) -> None:
        self._arrange()
        self.grid.focus()

    def on_unmount(self) -> None:
        self.answerer.close()

    def wish(self) -> Wish:
        return Wish(study=self.study)

    def on_resize(self) -> None:
        self._arrange()

    def on_descendant_focus(self) -> None:
        """By a key, a click or a jump: the part that has the focus is the one from which tab goes on."""
        if self.focused in self.parts:
            self._chosen = self.parts.index(self.focused)
        self.show_footer()
        self._show_cell()

    def apply(self, snapshot: Snapshot) -> None:
        if snapshot.study is not None and snapshot.study.name == self.study:
            self.state, self._gone = snapshot.study, False
            self.answerer.ask(self.host, self.state)
            self._show()
        elif self.state is not None and not snapshot.unread:
            self._gone = not any(row.study == self.study for row in snapshot.rows)

    def tick(self, now: float) -> None:
        self._show_header(now)
        self.show_message(now)

    def current(self) -> RunRow | None:
        """The run that is steered: that of the list, while it has the focus."""
        left = self.runs_left.current()
        return left.row if left is not None and self.runs_left.has_focus else None

    def for_export(self) -> list[RunRow]:
        rows = self.state.rows if self.state is not None else ()
        return [row for row in rows if row.state == "finished"]

    def export_step(self) -> tuple[str | None, int | None]:
        here = self.grid.current()
        return (None if here is None or here[1].datasets else here[1].key), None

    def show_footer(self) -> None:
        area = self.focused.id if self.focused is not None and self.focused.id in _FOOTERS else "grid"
        row = self.current()
        labels = {"pause_resume": "", "stop": ""}
        if area == "left":
            labels = {"choose": "open the run", "export": ""}
            if row is None:
                labels |= {"choose": "", "pause_resume": "", "stop": ""}
            elif row.state in steer.RESUMABLE:
                labels |= {"pause_resume": "resume"}
            else:
                labels |= {"pause_resume": "pause"}
        here = self.grid.current()
        if area == "grid" and here is not None and here[1].languages == 1:
            labels |= {"bias": "", "heatmap": ""}
        self.footer.show(keymap.footer("study", labels=labels, order=_FOOTERS[area]))

    def standing_message(self, now: float) -> tuple[Row, Row]:
        if self._gone:
            text = f"no run of {self.study} is left in this home: this is how it was last"
            return ((text, "warning"),), ()
        row = self.current()
        if row is not None and row.reason:
            return ((f"{row.name} s{row.seed}: {row.reason}", f"state.{row.state}"),), ()
        if self.answerer.work and self.answerer.answer is not None:
            return ((f"{self.answerer.work} anew", "dim"),), ()
        if not self._shows_all:
            name = ("conditions by benchmarks", "answer so far", "runs left")[self._chosen]
            return (("tab", "key"), (f" next part ({self._chosen + 1} of {len(self.parts)}: {name})", "dim")), ()
        return (), ()

    def on_results_grid_moved(self) -> None:
        self._show_cell()
        self.show_footer()

    def on_results_grid_chosen(self) -> None:
        here = self._cell()
        if here is None:
            return
        condition, column = here
        assert self.state is not None
        if condition.name == self.state.baseline:
            self._compare(column, self.state.conditions)
        else:
            self._compare(column, (self.state.conditions[0], condition))

    def on_runs_left_chosen(self) -> None:
        if (left := self.runs_left.current()) is not None:
            self.host.open_run(left.row.folder)

    def action_compare(self) -> None:
        here = self._cell()
        if here is not None and self.state is not None:
            self._compare(here[1], self.state.conditions)

    def action_heatmap(self) -> None:
        self._open("heatmap", pairs=True)

    def action_bias(self) -> None:
        self._open("bias", pairs=True)

    def action_queries(self) -> None:
        self._open("queries", pairs=False)

    def action_measure(self) -> None:
        self.say(f"shows {self.grid.next_measure()}", "dim")
        self._show_cell()

    def action_intervals(self) -> None:
        self.say("intervals are shown" if self.grid.toggle_intervals() else "intervals are hidden", "dim")

    def action_next_panel(self) -> None:
        self._to_part(self._chosen + 1)

    def action_previous_panel(self) -> None:
        self._to_part(self._chosen - 1)

    def action_pause_resume(self) -> None:
        if self._has_run():
            super().action_pause_resume()

    def action_stop(self) -> None:
        if self._has_run():
            super().action_stop()

    @property
    def _shows_all(self) -> bool:
        return not self.narrow and self.size.height >= _ALL_FROM

    def _has_run(self) -> bool:
        """A run has to be chosen first: nothing is paused that is not under a cursor in sight."""
        if self.current() is None:
            hint = "tab goes to the runs that are left: choose one there"
            self.say(hint if self.state is None or self.state.left.runs else "every run is finished", "dim")
            return False
        return True

    def _cell(self) -> tuple[Condition, Column] | None:
        """That under the cursor, where it is of one benchmark; else it is said why there is none."""
        here = self.grid.current()
        if here is None:
            return None
        if here[1].datasets:
            self.say(f"{here[1].label} is a mean: choose one of its data sets, to the right of it", "dim")
            return None
        return here

    def _compare(self, column: Column, conditions: Sequence[Condition]) -> None:
        """Finished runs; where the baseline has none, those that go on as well."""
        assert self.state is not None
        measured = {result.run for (_, key), found in self.state.results.items() if key == column.key
                    for result in found}  # fmt: skip
        final = {result.run for (_, key), found in self.state.results.items() if key == column.key
                 for result in found if result.final}  # fmt: skip
        for runs in (final, measured):
            rows = [[row for row in each.rows if row.folder.path in runs] for each in conditions]
            if rows[0] and any(rows[1:]):
                if runs is not final:
                    self.say("not final: some of these runs still train", "warning")
                chosen = [row for each in rows for row in each]
                self.host.open_compare(chosen, baseline=rows[0][0], benchmark=column.key)
                return
        missing = [each.label for each, found in zip(conditions, rows, strict=True) if not found]
        self.say(f"nothing to compare on {column.label} yet: no result of {', '.join(missing)}", "warning")

    def _open(self, tab: str, pairs: bool) -> None:
        """A tab of the condition's first run that was measured there."""
        here = self._cell()
        if here is None or self.state is None:
            return
        condition, column = here
        if pairs and column.languages == 1:
            self.say(f"no {tab} of {column.label}: {ONE_LANGUAGE}", "dim")
            return
        results = self.state.results.get((condition.name, column.key), ())
        runs = {result.run for result in results if result.final} or {result.run for result in results}
        row = next((row for row in condition.rows if row.folder.path in runs), None)
        if row is None:
            self.say(f"{condition.label} has no result on {column.label} yet", "warning")
            return
        self.host.open_run(row.folder, tab=tab, benchmark=column.key)

    def _to_part(self, index: int) -> None:
        self._chosen = index % len(self.parts)
        self._arrange()
        self.set_focus(self.parts[self._chosen])  # at once: the next key may be here already
        self.show_footer()
        self.show_message(self.host.now())

    def _arrange(self) -> None:
        """All parts where there is room, else the one that was chosen."""
        everything = self._shows_all
        self.set_class(self.size.width >= _BROAD, "-broad")
        self.grid.display = self.cell_text.display = everything or self._chosen == 0
        self.answer_panel.display = everything or self._chosen == 1
        self.runs_left.display = everything or self._chosen == 2
        self._below.display = self.answer_panel.display or self.runs_left.display
        text_lines = self._text_lines()
        self.cell_text.styles.height = text_lines
        if everything:
            spare = self.size.height - 3 - text_lines - self.grid.wanted_lines
            self._below.styles.height = max(_BELOW_LEAST, min(_BELOW_MOST, spare))
        else:
            self._below.styles.height = "1fr"

    def _text_lines(self) -> int:
        """Of the sentence about a cell: usually the same, so that nothing jumps, and more where it says more."""
        usual = 2 if self.size.width >= _BROAD else 3 if self.size.width >= 80 else 4
        return max(usual, min(_TEXT_MOST, self.cell_text.lines_at(self.size.width)))

    def _answered(self) -> None:
        """There is something new from the answerer."""
        if self.is_mounted:
            self._show()

    def _show(self) -> None:
        state, answerer = self.state, self.answerer
        if state is None:
            return
        self.grid.show(state, answerer.answer)
        self._arrange()
        answer, marks = answerer.answer, {"undecided": "?", "not measured": "-"}
        marks |= {"reproduced": self.glyphs.good, "contradicted": self.glyphs.bad}
        aside = f"as of {answer.count} of {answer.total} runs" if answer is not None else ""
        self.answer_panel.show(answer_paragraphs(state, answer, answerer.error, answerer.work, marks), aside)
        self.runs_left.show(state.left, {each.name: each.label for each in state.conditions})
        self._show_cell()
        self._show_header(self.host.now())
        self.show_message(self.host.now())
        self.show_footer()

    def _show_cell(self) -> None:
        here = self.grid.current()
        if here is None or self.state is None:
            return
        condition, column = here
        cell = self.state.cell(condition, column, self.grid.measure)
        found = self.grid.verdict(condition, column, cell)
        reason = self.grid.reason(column)
        self.cell_text.show(cell_sentence(self.state, condition, column, self.grid.measure, cell, found, reason))
        if self.cell_text.styles.height is None or self.cell_text.styles.height.value != self._text_lines():
            self._arrange()

    def _show_header(self, now: float) -> None:
        state = self.state
        if state is None:
            self.header.show((("study ", "dim"), (self.study, "title"), ("   reading", "dim")), ())
            return
        left: list[Piece] = [("study ", "dim"), (self.study, "title")]
        silence = age(now - state.updated)
        right: Piece = (f"last event {silence} ago" if self.size.width >= _BROAD else silence, "dim")
        style = "dim" if state.left.going or not state.left.runs else "warning"
        done = f"   {state.left.done} of {state.left.total} runs done"
        for text, look in ((done, ""), (f"   {when_text(state.left)}", style)):
            if row_width([*left, (text, look), right]) + 5 <= self.size.width:
                left.append((text, look))
        self.header.show(tuple(left), (right,))
