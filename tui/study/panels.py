"""Beside the grid: the cell under its cursor in words, the answer so far, and the runs that are left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

from textual import events
from textual.message import Message

from engine.export.study_job import StudyCell
from tui import keymap
from tui.compare.job import measure_label
from tui.draw.small import progress_bar
from tui.draw.text import Piece, Row, fit, fit_middle, width, wrap
from tui.follow.run_time import left_text
from tui.follow.study_state import Cell, Column, Condition, StudyState
from tui.follow.study_time_left import RunLeft, TimeLeft
from tui.numbers import duration, margin, metric_change, metric_value, p_value, percent
from tui.study.answer_so_far import Paragraph
from tui.widgets.lists import Cursor
from tui.widgets.panel import Drawn, Panel, Spot, selected

_ACTS = {"paused": "p resumes", "stopped": "p resumes", "crashed": "p resumes", "failed": "p retries"}
_BAR_LEAST = 4


class CellText(Drawn):
    """Everything about the cell under the cursor, in sentences."""

    DEFAULT_CSS = "CellText { height: 2; }"

    def __init__(self) -> None:
        super().__init__(id="cell-text")
        self._text = ""

    def show(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.redraw()

    def lines_at(self, cells: int) -> int:
        """That the text takes on so many cells."""
        return len(wrap(self._text, max(10, cells - 2)))

    def rows(self, width: int, height: int) -> list[Row]:
        lines = wrap(self._text, max(10, width - 2))
        if len(lines) > height:  # the last line ends in an ellipsis: more is said than there is room for
            lines = [*lines[: height - 1], " ".join(lines[height - 1 :])]
        return [((f" {line}", ""),) for line in lines]


def cell_sentence(
    state: StudyState, condition: Condition, column: Column, measure: str, cell: Cell, found: StudyCell | None,
    reason: str,
) -> str:  # fmt: skip
    """Value, difference, interval and verdict of a cell; or why there are none.

    ``reason``: why nothing is judged there; empty where that is only a matter of time.
    """
    name = column.name_of(measure)
    where = f"the mean of {len(column.datasets)} data sets of {column.label}" if column.datasets else column.label
    sample = " (a sample of its queries)" if cell.sampled else ""
    what = f"{measure_label(name)} of {condition.label} on {where}{sample}"
    if cell.reason:
        return f"{what}: not applicable. {cell.reason[:1].upper()}{cell.reason[1:]}."
    if cell.value is None:
        return f"{what}: not measured yet."
    if not cell.final:
        at = "" if cell.step is None else f" at step {cell.step:,}"
        states = Counter(row.state for row in condition.rows if row.folder.path in cell.runs)
        counts = ", ".join(f"{count} run{'' if count == 1 else 's'} {state}" for state, count in states.items())
        return f"{what}: {metric_value(name, cell.value)} so far{at}, not final: {counts}."
    seeds = f" over {cell.seeds} of {cell.of} seeds" if condition.trained else ", not trained"
    text = f"{what}: {metric_value(name, cell.value)}{seeds}"
    if condition.name == state.baseline:
        return f"{text}. It is the baseline{_margin(column, measure)}."
    base = state.conditions[0]
    if cell.difference is None:
        return f"{text}. The baseline {base.label} has no result there yet."
    if found is None or found.difference is None:
        missing = f"no verdict: {reason}" if reason else "no verdict yet"
        return f"{text}, {metric_change(name, cell.difference)} against {base.label}; {missing}."
    text += f", {metric_change(name, found.difference)} against {base.label}"
    if found.interval is None:
        return f"{text}; too few clusters for an interval: {found.verdict}."
    ends = " to ".join(metric_change(name, end) for end in found.interval)
    p = "" if found.p_holm is None else f", Holm p {p_value(found.p_holm)}"
    return f"{text}, 95 % interval {ends}{p}: {found.verdict}."


def _margin(column: Column, measure: str) -> str:
    return f"; margin {margin(column.margin)}" if column.margin is not None and measure == "primary" else ""


class Part(Panel, can_focus=True, inherit_bindings=False):
    """A panel that one can tab to; its border tells, and so does a mark in its title."""

    DEFAULT_CSS = """
    Part:focus { border: solid $accent; border-title-color: $foreground; }
    """
    area = ""  # of the keymap
    name_in_title = ""

    def __init__(self) -> None:
        super().__init__(id=self.area)
        self.aside = ""  # in the title, after the name

    def tell_title(self) -> None:
        mark = f"{self.glyphs.cursor} " if self.has_focus else ""
        aside: list[Piece] = [(f"  {self.aside}", "dim")] if self.aside else []
        self.retitle(((f"{mark}{self.name_in_title}", "title" if self.has_focus else ""), *aside))

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.tell_title()
        self.redraw()


class AnswerPanel(Part):
    """Sentences and claims, which scroll."""

    BINDINGS = keymap.bindings("answer")
    area = "answer"
    name_in_title = "answer so far"

    def __init__(self) -> None:
        super().__init__()
        self._texts: list[Paragraph] = []
        self._top = 0
        self._count = 0

    def show(self, texts: list[Paragraph], aside: str) -> None:
        """``aside`` stands in the title."""
        self.aside = aside
        self.tell_title()
        if texts != self._texts:
            self._texts = texts
            self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        lines = [line for text in self._texts for line in _hanging(text, width)]
        self._count = len(lines)
        self._top = max(0, min(self._top, len(lines) - height))
        self.tell_hidden(self._top, len(lines) - height - self._top)
        return lines[self._top : self._top + height]

    def action_move_up(self) -> None:
        self._move(-1)

    def action_move_down(self) -> None:
        self._move(1)

    def action_page_up(self) -> None:
        self._move(1 - self.size.height)

    def action_page_down(self) -> None:
        self._move(self.size.height - 1)

    def action_first(self) -> None:
        self._move(-self._count)

    def action_last(self) -> None:
        self._move(self._count)

    def on_mouse_scroll_down(self) -> None:
        self._move(3)

    def on_mouse_scroll_up(self) -> None:
        self._move(-3)

    def _move(self, by: int) -> None:
        self._top = max(0, min(self._count - self.size.height, self._top + by))
        self.redraw()


def _hanging(text: Paragraph, cells: int) -> list[Row]:
    """Its lines, all but the first a little to the right."""
    lead, words, style = text
    taken = sum(width(part) for part, _ in lead)
    # What stands before it takes its place from the first line alone.
    first, *more = wrap(f"{'x' * taken}{words}", max(taken + 10, cells))
    indent = "  " if lead else ""
    rest = wrap(" ".join(more), max(10, cells - len(indent))) if more else []
    return [(*lead, (first[taken:], style)), *(((indent, ""), (line, style)) for line in rest)]


class RunsLeft(Part):
    """A list of the runs that are not finished; the cursor stays on its run."""

    BINDINGS = keymap.bindings("left")
    area = "left"
    name_in_title = "runs left"

    class Chosen(Message):
        """Enter on a run, or a click on the one under the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self._left = TimeLeft()
        self._cursor = Cursor()
        self._labels: dict[str, str] = {}
        self._head = 0  # lines above the first run

    def show(self, left: TimeLeft, labels: dict[str, str]) -> None:
        """``labels`` are names of conditions, safe to show."""
        if left != self._left or labels != self._labels:
            here = self.current()
            self._left, self._labels = left, labels
            places = [run.row.folder for run in left.runs]
            if here is not None and here.row.folder in places:
                self._cursor.index = places.index(here.row.folder)
            self._cursor.clamp(len(places))
            self.redraw()
        self.tell_title()

    def current(self) -> RunLeft | None:
        return self._left.runs[self._cursor.index] if self._left.runs else None

    def rows(self, width: int, height: int) -> list[Row]:
        runs = self._left.runs
        if not runs:
            return [(("every run of the study is finished", "dim"),)]
        summary = f"{counts_text(self._left)}\n{when_text(self._left)}"
        head: list[Row] = [((line, "dim"),) for line in wrap(summary, width)]
        room = max(1, height - len(head))
        self._cursor.reveal([1] * len(runs), room)
        top = self._cursor.top
        self.tell_hidden(top, len(runs) - room - top)
        self._head = len(head)
        return [*head, *(self._line(index, width) for index in range(top, min(len(runs), top + room)))]

    def spots(self) -> Iterator[Spot]:
        top, room = self._cursor.top, self.size.height - self._head
        for index in range(top, min(len(self._left.runs), top + room)):
            yield 0, self._head + index - top, partial(self._jump_to, index)

    def move_to(self, index: int) -> None:
        self._cursor.index = index
        self._cursor.clamp(len(self._left.runs))
        self.redraw()

    def action_move_up(self) -> None:
        self.move_to(self._cursor.index - 1)

    def action_move_down(self) -> None:
        self.move_to(self._cursor.index + 1)

    def action_page_up(self) -> None:
        self.move_to(self._cursor.index - max(1, self.size.height - 1))

    def action_page_down(self) -> None:
        self.move_to(self._cursor.index + max(1, self.size.height - 1))

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(len(self._left.runs))

    def action_choose(self) -> None:
        if self._left.runs:
            self.post_message(self.Chosen())

    def on_click(self, event: events.Click) -> None:
        index = self._cursor.top + event.y - 1 - self._head
        if 0 <= index < len(self._left.runs):
            if index == self._cursor.index:
                self.action_choose()
            self.move_to(index)

    def _jump_to(self, index: int) -> None:
        self.focus()
        self.move_to(index)

    def _texts(self, run: RunLeft) -> tuple[str, str, str]:
        """Name, state and when it will be done, or what to do about it."""
        row = run.row
        seed = f" s{row.seed}" if row.kind == "training" else ""
        when = f"~{duration(run.done_in)}" if run.done_in is not None else "time unknown"
        state = f"{self.glyphs.states.get(row.state, '?')} {row.state}"
        return f"{self._labels.get(run.condition, run.condition)}{seed}", state, _ACTS.get(row.state, when)

    def _line(self, index: int, cells: int) -> Row:
        run = self._left.runs[index]
        row, glyphs = run.row, self.glyphs
        at_cursor = index == self._cursor.index
        name_size, state_size, end_size = (
            max(map(width, texts)) for texts in zip(*map(self._texts, self._left.runs), strict=True)
        )
        name, state, end = self._texts(run)
        room = max(8, min(name_size, cells - 4 - state_size - end_size))
        line: list[Piece] = [
            (f"{glyphs.cursor if at_cursor else ' '} ", "key"),
            (fit_middle(name, room, glyphs.ellipsis), "bold" if at_cursor else ""),
            (f" {fit(state, state_size)} ", f"state.{row.state}"),
            (fit(end, end_size), "warning" if row.state in _ACTS else "dim"),
        ]
        rest = cells - sum(width(text) for text, _ in line)
        if row.max_steps and row.state != "queued":
            share = fit(percent(row.step, row.max_steps), 6, "right")
            if (bar := min(12, rest - len(share) - 1)) >= _BAR_LEAST:
                line += [(" ", ""), *progress_bar(row.step, row.max_steps, bar, glyphs), (share, "dim")]
            elif rest >= len(share):
                line.append((share, "dim"))
        return selected(tuple(line)) if at_cursor and self.has_focus else tuple(line)


def counts_text(left: TimeLeft) -> str:
    """1 running, 5 queued, 1 crashed"""
    order = (
        "running", "evaluating", "starting", "pausing", "stopping", "stalled", "queued", "paused", "stopped", "crashed",
        "failed",
    )  # fmt: skip
    states = left.states or {}
    return ", ".join(f"{states[state]} {state}" for state in order if states.get(state))


def when_text(left: TimeLeft) -> str:
    """When everything that goes on by itself will be done."""
    if not left.runs:
        return "all runs are done"
    waiting = len(left.waiting)
    wait = f"{waiting} {'waits' if waiting == 1 else 'wait'} for you"
    if not left.going:
        return f"nothing runs, {wait}"
    text = "time left unknown" if left.seconds is None else left_text(left.seconds)
    return f"{text}, {wait}" if waiting else text
