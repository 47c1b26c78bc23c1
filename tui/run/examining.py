"""What the run screen does with results beyond showing them: differences, replay, single queries, search."""

from __future__ import annotations

from functools import partial

from textual import events
from textual.timer import Timer

from tui.draw.text import Piece, Row
from tui.follow.detail import RunDetail
from tui.follow.feed import Snapshot
from tui.run.contrast import Choice, Contrast, Other, choices, read_other
from tui.run.heatmap_tab import HeatmapTab
from tui.run.queries_tab import QueriesTab
from tui.run.selection import Selection
from tui.run.tab import Tab
from tui.run.text_tabs import LogTab
from tui.widgets.steering import Steering

REPLAY_SECONDS = 0.5  # between two steps: as often as a chart may be redrawn
_STEPPED = ("heatmap", "bias")  # tabs that a replay shows


class Examining(Steering):
    """Mixed into the run screen, which has the tabs."""

    detail: RunDetail | None
    selection: Selection
    active: str

    def __init__(self) -> None:
        super().__init__()
        self._replay: Timer | None = None
        self._asked_other: object = None  # what was read last, or is being read

    @property
    def tab(self) -> Tab:
        raise NotImplementedError

    def redraw_tab(self) -> None:
        """Shows the tab in front again, after what is chosen has changed."""
        raise NotImplementedError

    async def open_tab(self, name: str) -> None:
        raise NotImplementedError

    def action_contrast(self) -> None:
        """Chooses what to hold the evaluation, or the config, against."""
        if self.detail is None:
            return
        rows = self.host.snapshot.rows if self.host.snapshot is not None else ()
        here = self.selection.point(self.detail)
        steps = [point.step for point in self.selection.points(self.detail) if point is not here]
        found = choices(self.detail, steps if self.active != "config" else (), rows)
        self.host.pick(
            [(choice.name, choice.about) for choice in found],
            self._chosen(found),
            "difference to",
            lambda index: self._contrast(found[index]) if index is not None else None,
        )

    def refresh_other(self, snapshot: Snapshot) -> None:
        """Reads the other run again once it has been evaluated anew."""
        contrast = self.selection.contrast
        other = contrast.other if contrast is not None else None
        if other is None:
            return
        row = next((row for row in snapshot.rows if row.folder == other.folder), None)
        if row is not None and row.evaluated not in (other.evaluated, self._asked_other):
            self._asked_other = row.evaluated
            self.host.background.run(self, partial(read_other, row, other.name), self._take_other)

    def action_measure(self) -> None:
        if isinstance(self.tab, HeatmapTab):
            self.say(f"shows {self.tab.next_measure()}", "dim")

    def action_view(self) -> None:
        tab = self.tab
        if isinstance(tab, HeatmapTab):
            view = tab.next_view()
            self.say(f"shows {view}" if view else "this measure has one view", "dim")
        elif isinstance(tab, QueriesTab):
            self.say(tab.next_order(), "dim")
            self.redraw_tab()

    def action_only(self) -> None:
        if isinstance(self.tab, QueriesTab):
            self.say(self.tab.toggle_only(), "dim")

    def action_replay(self) -> None:
        """Plays the evaluations from the first to the last; again, or any other step, ends it."""
        if self.detail is None or self.active not in _STEPPED:
            return
        if self.end_replay():
            return
        points = self.selection.points(self.detail)
        if len(points) < 2:
            self.say("one evaluation: there is nothing to play", "dim")
            return
        if self.selection.step is None or self.selection.step == points[-1].step:
            self.selection.step = points[0].step
            self.redraw_tab()
        self._replay = self.set_interval(REPLAY_SECONDS, self._next_of_replay)

    def end_replay(self) -> bool:
        """Whether one was under way."""
        replay, self._replay = self._replay, None
        if replay is not None:
            replay.stop()
        return replay is not None

    async def action_enter(self) -> None:
        tab = self.tab
        if isinstance(tab, QueriesTab):
            tab.enter()
            self.show_message(self.host.now())
        elif isinstance(tab, HeatmapTab):
            cell = tab.cell()
            if cell is None:
                self.say("arrows choose a cell, enter shows its queries", "dim")
                return
            self.selection.cell = cell
            await self.open_tab("queries")

    def action_search(self) -> None:
        if isinstance(self.tab, LogTab):
            self.tab.search.begin()
            self._show_search()

    def action_find(self, by: int) -> None:
        if isinstance(self.tab, LogTab):
            self.say(self.tab.find(by), "accent")
        elif isinstance(self.tab, QueriesTab):
            self.tab.next_relevant(by)

    def on_key(self, event: events.Key) -> None:
        """While a search is typed, keys are text."""
        search = self.tab.search if isinstance(self.tab, LogTab) else None
        if search is None or search.edit is None:
            return
        if event.key == "enter":
            search.keep()
            self.action_find(1)
        elif event.key in ("escape", "ctrl+g"):
            search.drop()
        elif not search.edit.key(event.key, event.character):
            return
        event.stop()
        event.prevent_default()
        self._show_search()

    def on_paste(self, event: events.Paste) -> None:
        search = self.tab.search if isinstance(self.tab, LogTab) else None
        if search is not None and search.edit is not None:
            search.edit.insert(event.text)
            self._show_search()

    def search_message(self) -> tuple[Row, Row] | None:
        """The line that is being typed."""
        search = self.tab.search if isinstance(self.tab, LogTab) else None
        if search is None or search.edit is None:
            return None
        room = max(10, self.size.width - 40)
        left: tuple[Piece, ...] = (("/", "key"), *search.edit.row(room, self.glyphs.ellipsis))
        return left, (("enter finds, ctrl+g drops it", "dim"),)

    def _chosen(self, found: list[Choice]) -> int:
        contrast = self.selection.contrast
        if contrast is None:
            return 0
        for index, choice in enumerate(found):
            if contrast.other is not None and choice.row is not None and choice.row.folder == contrast.other.folder:
                return index
            if contrast.other is None and choice.step is not None and choice.step == contrast.step:
                return index
        return 0

    def _contrast(self, choice: Choice) -> None:
        if choice.row is not None:
            self.say(f"reading {choice.name}", "dim")
            self._asked_other = choice.row.evaluated
            self.host.background.run(self, partial(read_other, choice.row, choice.name), self._take_chosen_other)
            return
        self.selection.contrast = Contrast(step=choice.step) if choice.step is not None else None
        self.say(f"against {choice.name}" if choice.step is not None else "no difference", "dim")
        self.redraw_tab()

    def _take_chosen_other(self, other: Other) -> None:
        self.selection.contrast = Contrast(other=other)
        self.redraw_tab()
        missing = self.detail is not None and self.selection.against(self.detail) is None
        if self.active != "config" and missing:
            self.say(f"{other.name} has no evaluation on this benchmark", "warning")
        else:
            self.say(f"against {other.name}", "dim")

    def _take_other(self, other: Other) -> None:
        contrast = self.selection.contrast
        if contrast is not None and contrast.other is not None and contrast.other.folder == other.folder:
            self.selection.contrast = Contrast(other=other)
            self.redraw_tab()

    def _next_of_replay(self) -> None:
        if self.detail is None or self.active not in _STEPPED:
            self.end_replay()
            return
        self.selection.move_step(self.detail, 1)
        self.redraw_tab()
        if self.selection.step is None:
            self.end_replay()

    def _show_search(self) -> None:
        self.show_message(self.host.now())
