"""The tabs of the run screen, by name."""

from __future__ import annotations

from collections.abc import Callable

from tui.screens.bias_tab import BiasTab
from tui.screens.heatmap_tab import HeatmapTab
from tui.screens.overview_tab import OverviewTab
from tui.screens.queries_tab import QueriesTab
from tui.screens.tab import Tab
from tui.screens.text_tabs import ConfigTab, LogTab

TABS: dict[str, Callable[[], Tab]] = {
    "overview": OverviewTab,
    "heatmap": HeatmapTab,
    "bias": BiasTab,
    "queries": QueriesTab,
    "log": LogTab,
    "config": ConfigTab,
}
