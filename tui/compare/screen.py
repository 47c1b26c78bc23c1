"""Compare: is it really better, and did it cost anything?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial

from textual.app import ComposeResult

from engine.export.compare_rows import CompareRow
from tui import keymap
from tui.compare.comparator import Comparator
from tui.compare.job import Choice, common_benchmarks, evaluated, oldest_first, usual_baseline
from tui.compare.overlay import LOSSES, Overlay, OverlayReader
from tui.compare.table import (
    WIDE,
    Comparison,
    Sentences,
    brief,
    condition_text,
    head,
    row_lines,
)
from tui.compare.views import CurvesPanel, PairsPanel, PlacesPanel
from tui.draw.small import progress_bar
from tui.draw.text import Piece, Row, wrap
from tui.follow.curves import usual_smoothing
from tui.follow.feed import Snapshot
from tui.follow.rows import RunRow
from tui.numbers import visible
from tui.widgets.arrows import Arrows
from tui.widgets.lists import Items
from tui.widgets.panel import Drawn
from tui.widgets.view import View

_SENTENCES_FROM = 22  # lines of a terminal that has room for them
_CURVES_EVERY = 2.0  # seconds between two looks at live runs ...
_RESTS = 10  # ... and at least this many times as long as a look takes


class Head(Drawn):
    """The titles of the table."""

    DEFAULT_CSS = "Head { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self.comparison: Comparison | None = None

    def rows(self, width: int, height: int) -> list[Row]:
        return [head(self.comparison, width, self.glyphs)] if self.comparison is not None else []


class CompareScreen(Arrows, View):
    """A table, and three other views of the same runs."""

    AUTO_FOCUS = ""
    BINDINGS = keymap.bindings("compare")
    name_in_keymap = "compare"

    def __init__(self, rows: Sequence[RunRow], baseline: RunRow | None = None, benchmark: str | None = None) -> None:
        super().__init__()
        self.rows = oldest_first(rows)
        self.baseline = baseline or usual_baseline(self.rows)
        self.benchmark = benchmark
        self.view = "table"
        self._wanted = ""  # the view that was asked for before there was anything to show
        self.what = ""
        self.log_axis = True
        self._reader: OverlayReader | None = None
        self._overlay: Overlay | None = None
        self._reading = False
        self._read_at = 0.0
        self.table_head, self.table, self.sentences = Head(), Items(self._lines, id="table"), Sentences()
        self.pairs, self.curves, self.places = PairsPanel(), CurvesPanel(), PlacesPanel()
        self.table.moved = self._show

    @cached_property
    def comparator(self) -> Comparator:
        return Comparator(self.host, self, self._changed)

    @property
    def comparison(self) -> Comparison | None:
        return self.comparator.comparison

    def body(self) -> ComposeResult:
        yield self.table_head
        yield self.table
        yield self.sentences
        yield self.pairs
        yield self.curves
        yield self.places

    def on_mount(self) -> None:
        super().on_mount()
        self._arrange()
        self._compare()

    def on_unmount(self) -> None:
        self.comparator.close()

    def on_resize(self) -> None:
        self._arrange()

    def apply(self, snapshot: Snapshot) -> None:
        """A run that was evaluated again is compared again, while the former numbers stand."""
        known = {row.folder: row for row in snapshot.rows}
        self.rows = tuple(known.get(row.folder, row) for row in self.rows)
        self.baseline = known.get(self.baseline.folder, self.baseline)
        self._compare()

    def tick(self, now: float) -> None:
        self._show_header()
        self.show_message(now)
        live = any(row.live for row in self.rows)
        took = self._overlay.seconds if self._overlay is not None else 0.0
        if self.view == "curves" and live and now - self._read_at >= max(_CURVES_EVERY, _RESTS * took):
            self._read_curves()

    def standing_message(self, now: float) -> tuple[Row, Row]:
        if self.comparator.progress is not None and self.comparison is not None:
            return ((f"comparing anew: {self.comparator.progress.what}", "accent"),), ()
        row = self.current()
        if self.comparison is None or row is None:
            return (), ()
        if self.view == "curves":
            axis = (("y: log axis", "dim"),) if self.what in LOSSES else ()
            return ((f"m: {self._next_kind()}", "dim"),), axis
        if self.view != "places" and not self.sentences.display:
            return ((brief(self._told() or row, self.glyphs), ""),), ()
        return (), ()

    def current(self) -> CompareRow | None:
        """The difference under the table's cursor."""
        if self.comparison is None or not self.comparison.rows:
            return None
        return self.comparison.rows[min(self.table.cursor.index, len(self.comparison.rows) - 1)]

    def action_view(self, name: str) -> None:
        """The view, or back to the table where it is in sight already."""
        if self.comparison is None:
            self._wanted = "" if self._wanted == name or name == "table" else name
            if self._wanted:
                self.say("shown as soon as the runs are compared", "dim")
            return
        self.view = "table" if self.view == name else name
        self._arrange()
        if self.view == "curves":
            self._read_curves()
        self._show()

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
        self._compare()

    def action_measure(self) -> None:
        if self.view == "curves":
            self.what = self._next_kind()
            self._show()

    def action_log_axis(self) -> None:
        self.log_axis = not self.log_axis
        self._show()

    def action_export(self) -> None:
        ordered = (self.baseline, *(row for row in self.rows if row.folder != self.baseline.folder))
        table = {"places": "pareto", "curves": "figure: loss"}.get(self.view, "compare")
        self.host.open_export(ordered, self.benchmark, None, table)

    def action_close(self) -> None:
        if self.view != "table":
            self.action_view("table")
        else:
            self.app.pop_screen()

    def action_page_up(self) -> None:
        self._move(-8, 0)

    def action_page_down(self) -> None:
        self._move(8, 0)

    def action_first(self) -> None:
        self._move(-1000, 0)

    def action_last(self) -> None:
        self._move(1000, 0)

    def _move(self, rows: int, columns: int) -> None:
        if self.view == "pairs":
            self.pairs.move(rows, columns)
        elif self.view == "table":
            self.table.move(rows)
        self._show()

    def _compare(self) -> None:
        """Shows what is known of these evaluations, or has it computed."""
        keys = common_benchmarks(self.rows)
        if self.benchmark not in keys:
            self.benchmark = keys[0] if keys else None
        choice = None if self.benchmark is None else Choice(self.rows, self.baseline, self.benchmark)
        self.comparator.ask(choice)

    def _read_curves(self) -> None:
        """Reads the logs in a worker thread; what is live is read again while it is in sight."""
        if self.comparison is None or self.benchmark is None or self._reading:
            return
        if self._reader is None:
            home = {row.id: row.folder for row in self.rows}
            conditions = self.comparison.done.comparison.conditions
            self._reader = OverlayReader(
                {name: [home[run] for run in runs] for name, runs in conditions.items()}, self.benchmark
            )
        self._reading, self._read_at = True, self.host.now()
        beta = usual_smoothing(max(row.max_steps for row in self.rows))
        self.host.background.run(self, partial(self._reader.read, beta), self._overlaid)

    def _overlaid(self, overlay: Overlay) -> None:
        self._overlay, self._reading = overlay, False
        if self.what not in overlay.kinds():
            self.what = overlay.usual()
        self._show()

    def _next_kind(self) -> str:
        kinds = self._overlay.kinds() if self._overlay is not None else []
        return kinds[(kinds.index(self.what) + 1) % len(kinds)] if self.what in kinds else self.what

    def _arrange(self) -> None:
        in_table = self.view == "table"
        self.table.display = in_table
        self.table_head.display = in_table and self.size.width >= WIDE  # rows of two lines have no columns to title
        roomy = self.size.height >= _SENTENCES_FROM and not self.narrow
        self.sentences.display = roomy and self.view in ("table", "pairs")
        self.pairs.display = self.view == "pairs"
        self.curves.display = self.view == "curves"
        self.places.display = self.view == "places"

    def _changed(self) -> None:
        """There is something new from the comparator."""
        if self.is_mounted:
            self._show()
            if self._wanted and self.comparison is not None:
                name, self._wanted = self._wanted, ""
                self.action_view(name)

    def _show(self) -> None:
        self._show_header()
        self.table.empty = self._instead()
        self.table.show(len(self.comparison.rows) if self.comparison is not None else 0)
        self.table_head.comparison = self.comparison
        self.table_head.redraw()
        row = self.current()
        if self.comparison is not None and row is not None:
            if self.view == "pairs":
                self.pairs.show(self.comparison, row)
            elif self.view == "curves":
                self.curves.show(self.comparison, self._overlay if self.what else None, self.what, self.log_axis)
            elif self.view == "places":
                self.places.show(self.comparison)
        self.sentences.show(self.comparison, self._told())
        self.show_message(self.host.now())

    def _told(self) -> CompareRow | None:
        """What the sentences are about: the cell under the cursor, in the view that has cells."""
        cell = self.pairs.current() if self.view == "pairs" else None
        return cell or self.current()

    def _lines(self, index: int, width: int) -> list[Row]:
        assert self.comparison is not None
        return row_lines(self.comparison, index, width, index == self.table.cursor.index, self.glyphs)

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
                    visible(key) + ("" if row.kind == "evaluation" else f" at step {step:,}")
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
