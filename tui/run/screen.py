"""One run: is it learning, which languages work, is it biased, what happened, what was asked?"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from engine.events import NO_USABLE_GPU
from engine.runs.folder import RunFolder
from tui import keymap, steer
from tui.dialogs.charts import ChartsScreen
from tui.draw.small import progress_bar
from tui.draw.text import Piece, Row, fit_middle, row_width, width
from tui.follow.curves import SMOOTHINGS
from tui.follow.detail import RunDetail, kept_when_gone
from tui.follow.feed import Snapshot
from tui.follow.labels import label_of
from tui.follow.requests import describe
from tui.follow.rows import GONE, RunRow
from tui.follow.run_time import left_text
from tui.follow.wish import Watch, Wish
from tui.keymap import RUN_TABS
from tui.numbers import age, count, visible
from tui.run.bias_tab import BiasTab
from tui.run.examining import Examining
from tui.run.overview_tab import OverviewTab
from tui.run.selection import Selection
from tui.run.tab import Tab
from tui.run.tabs import TABS
from tui.terminal.kept_lines import kept
from tui.widgets.arrows import Arrows
from tui.widgets.bars import Tabs

_FOOTERS = {  # what is needed most first
    "overview": ("pause_resume", "stop", "evaluate", "zoom(1)", "charts", "step(-1)", "log_axis", "smooth(1)"),
    "heatmap": ("enter", "step(-1)", "replay", "contrast", "view", "measure", "benchmark", "export", "move_up"),
    "bias": ("cumulative", "panel", "step(-1)", "replay", "benchmark", "export"),
}
_OF_STEPS = ("zoom(1)", "charts", "step(-1)", "replay", "log_axis", "smooth(1)")  # an evaluation has none
_TOLD_FROM = 60  # cells from which the header has room to say what the age is of
_SHORT_BAR = 8
_HEADER_FRAME = 4  # blank cells of the header, before, between and after


class RunScreen(Arrows, Examining):
    """Tabs are made when they are first opened; only the one in sight is drawn."""

    AUTO_FOCUS = ""
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
        self._body = kept(Container(id="tab-body"))

    @property
    def tab(self) -> Tab:
        return self._made[self.active]

    def body(self) -> ComposeResult:
        self._made[self.active] = TABS[self.active]()
        yield self.tabs
        with self._body:
            yield self.tab

    def on_mount(self) -> None:
        super().on_mount()
        self._arrange()
        self.tick(self.host.now())

    def wish(self) -> Wish:
        return Wish(run=Watch(self.folder, self.smoothing, self.measures))

    def watch_run(self) -> None:
        """Asks the feed for what this screen shows now."""
        self.host.follow_sight()

    def on_resize(self) -> None:
        self._arrange()
        self._show_tabs(self.host.now())

    def apply(self, snapshot: Snapshot) -> None:
        if (detail := snapshot.detail_of(self.folder)) is not None:
            self.detail = kept_when_gone(self.detail, detail)
            self.label = label_of(self.detail.row, snapshot.rows)
            self.tab.show(self.detail, self.selection)
        self.refresh_other(snapshot)
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
        chosen = self.active in ("heatmap", "bias", "queries") and point is not None
        return (point.benchmark, point.step) if chosen and point is not None else (None, None)

    def news(self, now: float) -> None:
        """How far a command is stands beside the tabs."""

    def show_footer(self) -> None:
        row = self.current()
        verb = "resume" if row is not None and row.state in steer.RESUMABLE else "pause"
        several = self.detail is not None and len(self.detail.benchmarks) > 1
        labels = {"pause_resume": verb, "benchmark": "benchmark" if several else "", "panel": "other panel"}
        labels |= {"enter": "queries" if self.active == "heatmap" else "passages"}
        if self.active == "queries":
            labels |= {"view": "order" if self.selection.contrast is not None else "", "find(1)": "relevant"}
        if row is not None and row.state == "finished":
            labels |= {"pause_resume": "", "stop": ""}
        if row is not None and row.state == GONE:
            labels |= {"pause_resume": "", "stop": "", "evaluate": ""}
        if self.active == "overview":
            labels["step(-1)"] = "evaluation"
        if row is not None and row.kind == "evaluation":
            labels |= dict.fromkeys(_OF_STEPS, "")
        self.footer.show(keymap.footer("run", self.active, labels, _FOOTERS.get(self.active, ())))

    def show_message(self, now: float) -> None:
        typed = self.search_message()
        if typed is not None:
            self.message.show(*typed)
        else:
            super().show_message(now)

    def standing_message(self, now: float) -> tuple[Row, Row]:
        row = self.current()
        request = self._request(now)
        if self.narrow and request[0]:  # there is no room for it beside the tabs
            return (request,), ()
        if remark := self.tab.remark():
            return ((remark, ""),), ()
        if row is not None and row.reason:
            verb = {"crashed": "p resumes it", "failed": "p tries again", "paused": "p resumes it",
                    "stopped": "p resumes it"}.get(row.state, "")  # fmt: skip
            return ((row.reason, f"state.{row.state}"),), ((verb, "dim"),) if verb else ()
        if self.narrow and len(self.tab.panels) > 1:
            return (("o", "key"), (f" other panel ({self.tab.chosen + 1} of "
                                   f"{len(self.tab.panels)})", "dim")), ()  # fmt: skip
        return ((self.tab.hint(), "dim"),), ()

    def on_overview_tab_in_sight(self, message: OverviewTab.InSight) -> None:
        self.measures = message.charts
        self.watch_run()

    async def action_tab(self, number: int) -> None:
        await self.open_tab(RUN_TABS[number - 1])

    async def action_next_tab(self) -> None:
        await self.open_tab(RUN_TABS[(RUN_TABS.index(self.active) + 1) % len(RUN_TABS)])

    async def action_previous_tab(self) -> None:
        await self.open_tab(RUN_TABS[RUN_TABS.index(self.active) - 1])

    def action_log_axis(self) -> None:
        if isinstance(self.tab, OverviewTab):
            self.tab.turn_axis()

    def action_zoom(self, by: int) -> None:
        if isinstance(self.tab, OverviewTab):
            self.tab.zoom(closer=by > 0)
            self.show_message(self.host.now())

    def action_pan(self, by: int) -> None:
        if isinstance(self.tab, OverviewTab):
            self.tab.pan(by)
            self.show_message(self.host.now())

    def action_show_all(self) -> None:
        if isinstance(self.tab, OverviewTab):
            self.tab.show_all()
            self.show_message(self.host.now())

    def action_cumulative(self) -> None:
        if isinstance(self.tab, BiasTab):
            self.tab.turn()

    def action_charts(self) -> None:
        if isinstance(self.tab, OverviewTab) and self.detail is not None:
            self.app.push_screen(ChartsScreen(self.detail.charts, self.tab.board.hidden), self._show_charts)

    def action_smooth(self, by: int) -> None:
        if self.detail is not None:
            former = self.detail.smoothing if self.smoothing is None else self.smoothing
            at = SMOOTHINGS.index(former) + by
            self.smoothing = SMOOTHINGS[max(0, min(len(SMOOTHINGS) - 1, at))]
            self.watch_run()

    def action_step(self, by: int) -> None:
        if self.detail is None:
            return
        self.end_replay()
        if isinstance(self.tab, OverviewTab):
            self.tab.to_evaluation(by)
            self.show_message(self.host.now())
        else:
            self.selection.move_step(self.detail, by)
            self.redraw_tab()

    def action_benchmark(self) -> None:
        if self.detail is None:
            return
        chosen = self.selection.next_benchmark(self.detail)
        self.say(f"benchmark {chosen}" if chosen else "this run has one benchmark", "dim")
        self.redraw_tab()

    def action_panel(self) -> None:
        self.tab.lay_out(self.narrow, self.tab.chosen + 1)
        self.show_message(self.host.now())

    def action_page_up(self) -> None:
        self.tab.page(-1)

    def action_page_down(self) -> None:
        self.tab.page(1)

    def action_first(self) -> None:
        self.tab.end(last=False)

    def action_last(self) -> None:
        self.tab.end(last=True)

    def _show_charts(self, hidden: frozenset[str] | None) -> None:
        if hidden is not None and isinstance(self.tab, OverviewTab):
            self.tab.board.hidden = hidden
            self.tab.redraw()

    async def open_tab(self, name: str) -> None:
        if name == self.active:
            return
        self.end_replay()
        self.tab.display = False
        self.active = name
        if name not in self._made:
            self._made[name] = TABS[name]()
            await self._body.mount(self.tab)
        self.tab.display = True
        self.tab.lay_out(self.narrow, 0)
        self.redraw_tab()

    def redraw_tab(self) -> None:
        if self.detail is not None:
            self.tab.show(self.detail, self.selection)
        self.show_footer()
        now = self.host.now()
        self._show_tabs(now)
        self.show_message(now)

    def _arrange(self) -> None:
        self.tab.lay_out(self.narrow, self.tab.chosen)

    def _move(self, rows: int, columns: int) -> None:
        self.tab.move(rows, columns)
        self.show_message(self.host.now())

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
            return
        shown = self.glyphs.states.get(row.state, "?")
        left: list[Piece] = [(self.label, "title"), (f"   {shown} {row.state}", f"state.{row.state}")]
        if row.kind == "evaluation":
            left.append((f"   {len(row.evaluated)} of {row.benchmarks} benchmarks", ""))
        if row.max_steps:
            left.append((f"   step {count(row.step)} / {count(row.max_steps)}", ""))
            left += [("   ", ""), *progress_bar(row.step, row.max_steps, 12, self.glyphs, f"state.{row.state}")]
            left.append((f" {100 * row.step / row.max_steps:.0f} %", ""))
        if row.state == "running" and row.seconds_left is not None:
            left.append((f"   {left_text(row.seconds_left, row.may_end_early)}", ""))
        told = f"last event {age(now - row.updated)} ago" if row.updated else ""
        if row.updated and self.size.width < _TOLD_FROM:
            told = age(now - row.updated)
        room = self.size.width - len(told) - _HEADER_FRAME
        if row_width(left) > room:
            left = self._short_header(row, shown, room)
        device: Piece = (f"   cpu, {NO_USABLE_GPU}", "warning")  # the log says why
        if row.live and NO_USABLE_GPU in row.device and row_width([*left, device]) <= room:
            left.append(device)
        self.header.show(tuple(left), ((told, "dim"),))

    def _short_header(self, row: RunRow, shown: str, room: int) -> list[Piece]:
        """What fits: the state is whole, then come the step, its share, the time left and the bar."""
        state: Piece = (f" {shown} {row.state}", f"state.{row.state}")
        label = self.label
        if width(label) > (most := max(8, room - width(state[0]))):
            label = fit_middle(label, most, self.glyphs.ellipsis)
        left: list[Piece] = [(label, "title"), state]
        steps = f"{count(row.step)}/{count(row.max_steps)}"
        if row.kind == "evaluation":
            steps = f"{len(row.evaluated)} of {row.benchmarks}"
        more: list[list[Piece]] = [[(f" {steps}", "")]]
        if row.max_steps:
            more.append([(f" {100 * row.step / row.max_steps:.0f} %", "")])
        if row.state == "running" and row.seconds_left is not None:
            more.append([(f" {left_text(row.seconds_left)}", "")])
        if row.max_steps:
            bar = progress_bar(row.step, row.max_steps, _SHORT_BAR, self.glyphs, f"state.{row.state}")
            more.append([(" ", ""), *bar])
        for part in more:
            if row_width([*left, *part]) > room:
                break
            left += part
        return left
