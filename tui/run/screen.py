"""One run: is it learning, which languages work, is it biased, what happened, what was asked?"""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.widgets import ContentSwitcher

from engine.runs.folder import RunFolder
from tui import keymap, steer
from tui.draw.lines import Kind
from tui.draw.text import Piece, Row
from tui.follow.detail import RunDetail, kept_when_gone
from tui.follow.feed import Snapshot
from tui.follow.labels import label_of
from tui.follow.requests import describe
from tui.follow.rows import GONE, RunRow
from tui.follow.wish import Watch, Wish
from tui.keymap import RUN_TABS
from tui.numbers import visible
from tui.run.bias_tab import BiasTab
from tui.run.config_tab import ConfigTab
from tui.run.heatmap_tab import HeatmapTab
from tui.run.log_tab import LogTab
from tui.run.opponent import OpponentReader
from tui.run.overview_tab import OverviewTab
from tui.run.queries_tab import QueriesTab
from tui.run.run_header import header
from tui.run.selection import Selection
from tui.run.tab import Tab
from tui.terminal.kept_lines import kept
from tui.widgets.bars import Tabs
from tui.widgets.steering import Steering

TABS: dict[str, Callable[[], Tab]] = {
    "overview": OverviewTab,
    "heatmap": HeatmapTab,
    "bias": BiasTab,
    "queries": QueriesTab,
    "log": LogTab,
    "config": ConfigTab,
}
_VERBS = {"crashed": "p resumes it", "failed": "p tries again", "paused": "p resumes it", "stopped": "p resumes it"}


class RunScreen(Steering):
    """Tabs are made when they are first opened; only the one in sight is drawn. Each has keys of its own."""

    AUTO_FOCUS = ""  # the tab in front says which of its panels
    BINDINGS = keymap.bindings("run")
    DEFAULT_CSS = "RunScreen > #tab-body { height: 1fr; }"
    name_in_keymap = "run"

    def __init__(self, folder: RunFolder, tab: str = RUN_TABS[0], benchmark: str | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.detail: RunDetail | None = None
        self.label = ""  # what the run is called among all that are known
        self.selection = Selection(benchmark=benchmark)
        self.tabs = Tabs(RUN_TABS)
        self.active = tab
        self._made: dict[str, Tab] = {}
        self.smoothing: float | None = None  # by the length of the run
        self.measures: frozenset[str] = frozenset()  # whose charts are in sight
        self.kind: Kind = "step"  # of the charts' x axis
        self.over: tuple[RunFolder, ...] = ()  # runs whose curves lie over this one's
        self._body = kept(ContentSwitcher(id="tab-body", initial=f"tab-{tab}"))
        self._opponent = OpponentReader(self, lambda: self.host, self._contrasted)

    @property
    def tab(self) -> Tab:
        return self._made[self.active]

    @property
    def part(self) -> str:
        return self.active

    def body(self) -> ComposeResult:
        self._made[self.active] = TABS[self.active]()
        yield self.tabs
        with self._body:
            yield self.tab

    def on_mount(self) -> None:
        self.tab.lay_out(self.narrow)
        self.tab.focus_front()
        self.tick(self.host.now())

    def on_resize(self) -> None:
        self.tab.lay_out(self.narrow)
        self._show_tabs(self.host.now())

    def wish(self) -> Wish:
        return Wish(run=Watch(self.folder, self.smoothing, self.measures, self.kind, self.over))

    def apply(self, snapshot: Snapshot) -> None:
        if (detail := snapshot.detail_of(self.folder)) is not None:
            self.detail = kept_when_gone(self.detail, detail)
            self.label = label_of(self.detail.row, snapshot.rows)
            self.tab.show(self.detail, self.selection)
        self._opponent.refresh(self.selection, snapshot.rows)
        self.show_footer()

    def tick(self, now: float) -> None:
        self._show_header(now)
        self._show_tabs(now)
        self.show_message(now)
        self.tab.tick(now)

    def current(self) -> RunRow | None:
        return self.detail.row if self.detail is not None else None

    def export_step(self) -> tuple[str | None, int | None]:
        point = self.selection.point(self.detail) if self.detail is not None else None
        return (point.benchmark, point.step) if point is not None and self.tab.follows_steps else (None, None)

    def news(self, now: float) -> None:
        """How far a command is stands beside the tabs."""

    def show_footer(self) -> None:
        row = self.current()
        verb = "resume" if row is not None and row.state in steer.RESUMABLE else "pause"
        several = self.detail is not None and len(self.detail.benchmarks) > 1
        labels = {"pause_resume": verb, "benchmark": "benchmark" if several else "", "panel": "other panel"}
        if row is not None and row.state == "finished":
            labels |= {"pause_resume": "", "stop": ""}
        if row is not None and row.state == GONE:
            labels |= {"pause_resume": "", "stop": "", "evaluate": ""}
        if row is not None and row.kind == "evaluation":
            labels |= {"step(-1)": "", "replay": ""}
        labels |= self.tab.labels()
        self.footer.show(keymap.footer("run", self.active, labels, self.tab.footer_order))

    def standing_message(self, now: float) -> tuple[Row, Row]:
        row = self.current()
        request = self._request(now)
        if self.narrow and request[0]:  # there is no room for it beside the tabs
            return (request,), ()
        if remark := self.tab.remark():
            return ((remark, ""),), ()
        if row is not None and row.reason:
            verb = _VERBS.get(row.state, "")
            return ((row.reason, f"state.{row.state}"),), ((verb, "dim"),) if verb else ()
        if self.narrow and len(self.tab.panels) > 1:
            other = f" other panel ({self.tab.chosen + 1} of {len(self.tab.panels)})"
            return (("o", "key"), (other, "dim")), ()
        return ((self.tab.hint(), "dim"),), ()

    def on_tab_turned(self) -> None:
        self.show_tab()

    def on_tab_moved(self) -> None:
        self.show_footer()
        self.show_message(self.host.now())

    async def on_tab_opened(self, message: Tab.Opened) -> None:
        await self.open_tab(message.name)

    def on_tab_contrasting(self) -> None:
        if self.detail is not None:
            rows = self.host.snapshot.rows if self.host.snapshot is not None else ()
            self._opponent.choose(self.detail, self.selection, rows, self.tab.follows_steps)

    def on_overview_tab_wanting(self, message: OverviewTab.Wanting) -> None:
        self.smoothing, self.measures = message.smoothing, message.measures
        self.kind, self.over = message.kind, message.over
        self.host.follow_sight()

    async def run_action(self, action: object, *arguments: object) -> None:
        """From the palette and the jump marks: of the screen, or of the tab in front."""
        name = str(action).partition("(")[0]
        owner = self if hasattr(self, f"action_{name}") else self.tab
        await self.app.run_action(str(action), owner)

    async def action_tab(self, number: int) -> None:
        await self.open_tab(RUN_TABS[number - 1])

    async def action_next_tab(self) -> None:
        await self.open_tab(RUN_TABS[(RUN_TABS.index(self.active) + 1) % len(RUN_TABS)])

    async def action_previous_tab(self) -> None:
        await self.open_tab(RUN_TABS[RUN_TABS.index(self.active) - 1])

    async def open_tab(self, name: str) -> None:
        if name == self.active:
            return
        self.tab.leave()
        self.active = name
        if name in self._made:
            self._body.current = f"tab-{name}"
        else:
            self._made[name] = TABS[name]()
            await self._body.add_content(self.tab, set_current=True)
        self.tab.chosen = 0
        self.tab.lay_out(self.narrow)
        self.tab.focus_front()
        self.show_tab()

    def show_tab(self) -> None:
        """Shows the tab in front again, after what is chosen has changed."""
        if self.detail is not None:
            self.tab.show(self.detail, self.selection)
        self.show_footer()
        now = self.host.now()
        self._show_tabs(now)
        self.show_message(now)

    def _contrasted(self, text: str, style: str) -> None:
        self.show_tab()
        if text:
            self.say(text, style)

    def _show_tabs(self, now: float) -> None:
        request = self._request(now)
        self.tabs.show(RUN_TABS.index(self.active), (request,) if request[0] and not self.narrow else ())

    def _request(self, now: float) -> Piece:
        """The newest command on its way or just answered."""
        if self.detail is None:
            return "", ""
        row = self.detail.row
        text, style = describe(row.requests, row.state, row.alive, now, self.host.read_failures)
        self.told_failures = frozenset(request.uuid for request in row.requests if request.stage == "failed")
        return text, style

    def _show_header(self, now: float) -> None:
        row = self.current()
        if row is None:
            self.header.show(((visible(self.folder.id), "title"), ("   reading", "dim")), ())
        else:
            self.header.show(*header(row, self.label, now, self.size.width, self.glyphs))
