"""The tabs of the run screen, by name."""

from __future__ import annotations

from collections.abc import Callable

from tui.run.bias_tab import BiasTab
from tui.run.heatmap_tab import HeatmapTab
from tui.run.overview_tab import OverviewTab
from tui.run.queries_tab import QueriesTab
from tui.run.tab import Tab
from tui.run.text_tabs import ConfigTab, LogTab

TABS: dict[str, Callable[[], Tab]] = {
    "overview": OverviewTab,
    "heatmap": HeatmapTab,
    "bias": BiasTab,
    "queries": QueriesTab,
    "log": LogTab,
    "config": ConfigTab,
}
