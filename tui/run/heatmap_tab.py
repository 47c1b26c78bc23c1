"""The heatmap tab of the run screen."""

from __future__ import annotations

from dataclasses import replace

from tui import keymap
from tui.follow.detail import RunDetail
from tui.run.contrast import Against
from tui.run.heatmap_panel import HeatPanel, HeatSummary
from tui.run.matrix import MAP
from tui.run.replay import ReplayTab
from tui.run.selection import Selection


class HeatmapTab(ReplayTab):
    """Which language pairs work, and what changed?"""

    BINDINGS = keymap.bindings("heatmap")
    DEFAULT_CSS = """
    HeatmapTab > .side { width: 40; }
    HeatmapTab.-single > .side { width: 1fr; }
    """
    name_in_keymap = "heatmap"
    footer_order = ("enter", "step(-1)", "replay", "contrast", "view", "measure", "benchmark", "export", "move_up")

    def __init__(self) -> None:
        self.heat, self.summary = HeatPanel(), HeatSummary()
        super().__init__(((self.heat,), (self.summary,)), (self.heat, self.summary))
        self._columns[1].add_class("side")

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        points, point = selection.points(detail), selection.point(detail)
        against = selection.against(detail)
        asked = against is not None
        if against is None and selection.contrast is None and points and points[0] is not point:
            against = Against(f"step {points[0].step:,}", points[0], None)
        has_steps = detail.row.kind == "training"
        self.heat.show(
            replace(self.heat.state, points=points, has_steps=has_steps, point=point, against=against, asked=asked)
        )
        self._summarise()

    def remark(self) -> str:
        return self.heat.at_cursor()

    def on_heat_panel_moved(self) -> None:
        self._summarise()
        self.post_message(self.Moved())

    def on_heat_panel_chosen(self) -> None:
        self.action_enter()

    def action_enter(self) -> None:
        cell = self.heat.cell()
        if cell is None:
            self.say("arrows choose a cell, enter shows its queries")
            return
        if self.heat.state.measure is not MAP:
            self.say(f"single queries have no {self.heat.state.measure.name}: those of the cell, by average precision")
        self.selection.pair = cell
        self.post_message(self.Opened("queries"))

    def action_measure(self) -> None:
        self.say(f"shows {self.heat.next_measure()}")
        self._summarise()

    def action_view(self) -> None:
        view = self.heat.next_view()
        self.say(f"shows {view}" if view else "this measure has one view")
        self._summarise()

    def _summarise(self) -> None:
        self.summary.show(self.heat.state, self.heat.cell())
