"""Compare: is it really better, and did it cost anything?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from textual import events
from textual.app import ComposeResult
from textual.widget import Widget

from engine.export.compare_rows import CompareRow
from tui import keymap
from tui.background import Latest
from tui.compare.comparator import Comparator
from tui.compare.comparison import Comparison, brief, condition_text
from tui.compare.job import Choice, common_benchmarks, evaluated, measure_label, oldest_first, usual_baseline
from tui.compare.overlay import Overlay, OverlayReader
from tui.compare.overlay_view import OverlayPanel
from tui.compare.pairs_view import PairsPanel
from tui.compare.places_view import PlacesPanel
from tui.compare.table import SORTED_BY, DifferencesTable, Sentences, TableHead
from tui.draw.small import progress_bar
from tui.draw.text import Piece, Row, wrap
from tui.follow.curves import usual_smoothing
from tui.follow.feed import Snapshot
from tui.follow.rows import RunRow
from tui.numbers import count, visible
from tui.widgets.view import View

_SENTENCES_FROM = 22  # lines of a terminal that has room for them
_SENTENCES_LEAST, _SENTENCES_MOST = 9, 12  # usually the same, so that nothing jumps
_CURVES_EVERY = 2.0  # seconds between two looks at live runs ...
_RESTS = 10  # ... and at least this many times as long as a look takes
_OF_LANGUAGE_BIAS = ("rank_distance", "own_language_advantage")
# Of each view the part of the screen that is in front, as the keymap calls it, and what its footer needs most.
_PARTS = {"table": "differences", "pairs": "pairs", "curves": "overlay", "places": "places"}
_FOOTERS = {
    "table": ("choose", "view('curves')", "view('places')", "baseline", "sort", "export", "benchmark"),
    "pairs": ("choose", "view('table')", "view('curves')", "view('places')", "baseline", "export", "benchmark"),
    "curves": ("measure", "log_axis", "view('table')", "view('pairs')", "view('places')", "benchmark", "export"),
    "places": ("choose", "view('table')", "view('pairs')", "view('curves')", "baseline", "export", "benchmark"),
}
_OPENS = {"table": "pair by pair", "pairs": "heatmap", "places": "open the run"}


class CompareScreen(View):
    """A table, and three other views of the same runs; the one in sight has the focus."""

    BINDINGS = keymap.bindings("compare")
    name_in_keymap = "compare"

    def __init__(self, rows: Sequence[RunRow], baseline: RunRow | None = None, benchmark: str | None = None) -> None:
        super().__init__()
        self.rows = oldest_first(rows)
        self.baseline = baseline or usual_baseline(self.rows)
        self.benchmark = benchmark
        self.view = "table"
        self._next_view = ""  # that was asked for before there was anything to show
        self._reader: OverlayReader | None = None
        self._overlay: Overlay | None = None
        self._unreadable = ""  # why the logs cannot be read
        self._read_at = 0.0
        self.table_head, self.table, self.sentences = TableHead(), DifferencesTable(), Sentences()
        self.pairs, self.curves, self.places = PairsPanel(), OverlayPanel(), PlacesPanel()
        self.views: dict[str, Widget] = {
            "table": self.table, "pairs": self.pairs, "curves": self.curves, "places": self.places,
        }  # fmt: skip
        self.table.moved = self._show

    @cached_property
    def comparator(self) -> Comparator:
        return Comparator(self.host, self, self._changed)

    @cached_property
    def _reads(self) -> Latest[Overlay]:
        return Latest(lambda: self.host.background, self, self._overlaid, self._not_overlaid)

    @property
    def comparison(self) -> Comparison | None:
        return self.comparator.comparison

    @property
    def part(self) -> str:
        return _PARTS[self.view]

    def body(self) -> ComposeResult:
        yield self.table_head
        yield from (*self.views.values(), self.sentences)

    def on_mount(self) -> None:
        self._arrange()
        self._compare()

    def on_unmount(self) -> None:
        self.comparator.close()

    def on_resize(self, event: events.Resize) -> None:
        self._arrange()

    def apply(self, snapshot: Snapshot) -> None:
        """A run that was evaluated again is compared again, while the former numbers stand."""
        newest = {row.folder: row for row in snapshot.rows}
        self.rows = tuple(newest.get(row.folder, row) for row in self.rows)
        self.baseline = newest.get(self.baseline.folder, self.baseline)
        self._compare()

    def tick(self, now: float) -> None:
        self._show_header()
        self.show_message(now)
        live = any(row.live for row in self.rows)
        took = self._overlay.seconds if self._overlay is not None else 0.0
        if self.view == "curves" and live and now - self._read_at >= max(_CURVES_EVERY, _RESTS * took):
            self._read_curves()

    def show_footer(self) -> None:
        labels = {"choose": _OPENS.get(self.view, "")}
        if not self.curves.is_loss:
            labels["log_axis"] = ""
        if len(common_benchmarks(self.rows)) < 2:
            labels["benchmark"] = ""
        self.footer.show(keymap.footer("compare", self.part, labels, _FOOTERS[self.view]))

    def standing_message(self, now: float) -> tuple[Row, Row]:
        if self.comparator.progress is not None and self.comparison is not None:
            return ((f"comparing anew: {self.comparator.progress.what}", "accent"),), ()
        row = self.current()
        if self.comparison is None or row is None:
            return (), ()
        if self.view == "curves":
            kind = self.curves.next_kind
            return ((f"m: {measure_label(kind)}", "dim"),), (("y: log axis", "dim"),) if self.curves.is_loss else ()
        if self.view != "places" and not self.sentences.display:
            return ((brief(self._cell() or row, self.glyphs, self.size.width - 2), ""),), ()
        return (), ()

    def current(self) -> CompareRow | None:
        """The difference under the table's cursor."""
        return self.table.current()

    async def run_action(self, action: object, *arguments: object) -> None:
        """From the palette and the jump marks: of the screen, or of the view in front."""
        name = str(action).partition("(")[0]
        owner = self if hasattr(self, f"action_{name}") else self.views[self.view]
        await self.app.run_action(str(action), owner)

    def action_view(self, name: str) -> None:
        """The view, or back to the table where it is in sight already."""
        if self.comparison is None:
            self._next_view = "" if self._next_view == name or name == "table" else name
            self.say("shown as soon as the runs are compared" if self._next_view else "this is the table", "dim")
            return
        if name == self.view == "table":
            self.say("this is the table", "dim")
        self.view = "table" if self.view == name else name
        self._arrange()
        self.set_focus(self.views[self.view])  # at once: the next key may be here already
        if self.view == "curves" and self._overlay is None:
            self._read_curves()
        self._show()
        self.show_footer()

    def action_baseline(self) -> None:
        if self.comparison is None:
            names = [row.id for row in self.rows]
            chosen = self.rows
        else:
            conditions = self.comparison.done.comparison.conditions
            by_id = {row.id: row for row in self.rows}
            names = [condition_text(self.comparison, name) for name in conditions]
            chosen = tuple(by_id[runs[0]] for runs in conditions.values())
        at = next((index for index, row in enumerate(chosen) if row.folder == self.baseline.folder), 0)
        picks = [(name, row.mode) for name, row in zip(names, chosen, strict=True)]

        def picked(index: int | None) -> None:
            if index is not None:
                self.baseline = chosen[index]
                self._compare()

        self.host.pick(picks, at, "baseline", picked)

    def action_benchmark(self) -> None:
        keys = common_benchmarks(self.rows)
        if len(keys) < 2:
            self.say("these runs have one benchmark in common" if keys else "no benchmark in common", "dim")
            return
        self.benchmark = keys[(keys.index(self.benchmark) + 1) % len(keys)] if self.benchmark in keys else keys[0]
        self._reader = self._overlay = None
        self._unreadable = ""
        self._compare()

    def action_export(self) -> None:
        ordered = (self.baseline, *(row for row in self.rows if row.folder != self.baseline.folder))
        table = {"places": "pareto", "curves": "figure: loss"}.get(self.view, "compare")
        self.host.open_export(ordered, self.benchmark, None, table)

    def action_close(self) -> None:
        if self.view != "table":
            self.action_view("table")
        else:
            self.app.pop_screen()

    def on_differences_table_chosen(self) -> None:
        self.action_view("pairs")

    def on_differences_table_sorted(self) -> None:
        self._show()

    def on_pairs_panel_chosen(self) -> None:
        """The run's own screen shows what the pair is made of."""
        if (cell := self._cell()) is not None:
            self._open_run(cell.run, "bias" if cell.metric in _OF_LANGUAGE_BIAS else "heatmap")

    def on_pairs_panel_moved(self) -> None:
        self._show()

    def on_places_panel_chosen(self) -> None:
        if (condition := self.places.current()) is not None:
            self._open_run(condition, "overview")

    def on_overlay_panel_turned(self) -> None:
        self.show_message(self.host.now())
        self.show_footer()

    def on_table_head_clicked(self, message: TableHead.Clicked) -> None:
        if message.name == "base":
            self.action_baseline()
        elif message.name in SORTED_BY:
            self.table.order_by(SORTED_BY[message.name])

    def _open_run(self, condition: str, tab: str) -> None:
        """The condition's first run."""
        assert self.comparison is not None
        first = self.comparison.done.comparison.conditions[condition][0]
        row = next(row for row in self.rows if row.id == first)
        self.host.open_run(row.folder, tab=tab, benchmark=self.benchmark)

    def _compare(self) -> None:
        """Shows what is known of these evaluations, or has it computed."""
        keys = common_benchmarks(self.rows)
        if self.benchmark not in keys:
            self.benchmark = keys[0] if keys else None
        choice = None if self.benchmark is None else Choice(self.rows, self.baseline, self.benchmark)
        self.comparator.ask(choice)

    def _read_curves(self) -> None:
        """Reads the logs in a worker thread; what is live is read again while it is in sight."""
        if self.comparison is None or self.benchmark is None or self._reads.busy:
            return
        if self._reader is None:
            home = {row.id: row.folder for row in self.rows}
            conditions = self.comparison.done.comparison.conditions
            self._reader = OverlayReader(
                {name: [home[run] for run in runs] for name, runs in conditions.items()}, self.benchmark
            )
        self._read_at = self.host.now()
        reader, beta = self._reader, usual_smoothing(max(row.max_steps for row in self.rows))
        self._reads.ask(lambda tick: reader.read(beta))

    def _overlaid(self, overlay: Overlay) -> None:
        if overlay.benchmark != self.benchmark:  # another was chosen meanwhile
            self._read_curves()
            return
        self._overlay, self._unreadable = overlay, ""
        self._show()
        self.show_footer()

    def _not_overlaid(self, error: str) -> None:
        self._unreadable = error
        self._show()

    def _arrange(self) -> None:
        in_table = self.view == "table"
        for name, widget in self.views.items():
            widget.display = name == self.view
        self.table_head.display = in_table and self.table.has_titles(self.size.width)
        roomy = self.size.height >= _SENTENCES_FROM and not self.narrow
        self.sentences.display = roomy and self.view in ("table", "pairs")

    def _changed(self) -> None:
        """There is something new from the comparator."""
        if not self.is_mounted:
            return
        self._show()
        self._arrange()
        if self._next_view and self.comparison is not None:
            name, self._next_view = self._next_view, ""
            self.action_view(name)
        if self.view == "curves" and self._overlay is None and not self._unreadable:
            self._read_curves()

    def _show(self) -> None:
        self._show_header()
        self.table.empty = self._instead()
        self.table.set_comparison(self.comparison)
        self.table_head.show(self.comparison, self.table.order)
        row = self.current()
        if self.comparison is not None and row is not None:
            if self.view == "pairs":
                self.pairs.show(self.comparison, row)
            elif self.view == "curves":
                self.curves.show(self.comparison, self._overlay, self._unreadable)
            elif self.view == "places":
                self.places.show(self.comparison)
        self.sentences.show(self.comparison, self._cell() or row)
        lines = max(_SENTENCES_LEAST, min(_SENTENCES_MOST, self.sentences.lines_at(self.size.width)))
        if self.sentences.styles.height is None or self.sentences.styles.height.value != lines:
            self.sentences.styles.height = lines
        self.show_message(self.host.now())

    def _cell(self) -> CompareRow | None:
        """The cell under the cursor, in the view that has cells: what the sentences are about then."""
        return self.pairs.current() if self.view == "pairs" else None

    def _show_header(self) -> None:
        left: list[Piece] = [("compare", "title")]
        if self.comparison is None:
            left.append((f"   {len(self.rows)} runs", "dim"))
        else:
            base = self.comparison.done.comparison.baseline
            left += [("   baseline ", "dim"), (condition_text(self.comparison, base), f"series.{self._series(base)}")]
            if not self.comparison.several:
                other = next(name for name in self.comparison.names if name != base)
                left += [("   against ", "dim"),
                         (condition_text(self.comparison, other), f"series.{self._series(other)}")]  # fmt: skip
        self.header.show(tuple(left), ((visible(self.benchmark or ""), "dim"),))

    def _series(self, name: str) -> str:
        assert self.comparison is not None
        return self.comparison.series(name)

    def _instead(self) -> list[Row]:
        """What stands in the table's place while there is none."""
        width = max(20, self.size.width - 6)
        if self.comparator.error:
            return [(), *(((f"   {line}", "error"),) for line in wrap(self.comparator.error, width))]
        if self.benchmark is None:
            rows: list[Row] = [(), (("   these runs have no evaluation in common", "warning"),), ()]
            for row in self.rows:
                found = ", ".join(
                    visible(key) + ("" if row.kind == "evaluation" else f" at step {count(step)}")
                    for key, (step, _) in evaluated(row).items()
                )
                rows.append(((f"   {row.id}: ", ""), (found or "not evaluated yet", "dim")))
            more = "e on a run's line evaluates it; with evaluation.benchmarks in common they can be compared"
            return [*rows, (), *(((f"   {line}", "dim"),) for line in wrap(more, width))]
        if self.comparator.progress is not None:
            progress = self.comparator.progress
            bar = progress_bar(progress.done, progress.total, 24, self.glyphs)
            return [
                (),
                ((f"   comparing {len(self.rows)} runs on {visible(self.benchmark)}", ""),),
                (("   ", ""), *bar, (f"  {progress.what}", "dim")),
                (),
                (("   differences of the same questions are resampled by cluster, thousands of times", "dim"),),
            ]
        return []
