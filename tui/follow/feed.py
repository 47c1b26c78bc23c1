"""The one thread that reads disks for the dashboard: it follows the runs and posts what changed, already made to show.

Its work is proportional to what is new: live runs and the open one are polled every tick, the others every few
seconds, and a run that has nothing new costs two file-status calls.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.runs.annotations import NOTHING, Annotations, read_annotations
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder, Spec, read_spec
from engine.runs.lock import probe
from engine.runs.reader import RunReader
from engine.runs.registry import list_runs
from tui.follow.rows import RunRow, make_row
from tui.numbers import visible
from tui.settings import Rates

if TYPE_CHECKING:  # what only an open run needs is loaded in the feed's thread, after the first frame
    from tui.draw.lines import Kind
    from tui.follow.curves import CurveBook
    from tui.follow.detail import LaidOver, RunDetail
    from tui.follow.study_state import StudyState

_PATIENCE = 0.3  # seconds of reading after which the runs that are known so far are posted
_LIST_EVERY = 10  # ticks after which the home is listed even if its time stamp stands still


@dataclass(frozen=True)
class Snapshot:
    """What is known at ``at`` (unix seconds)."""

    at: float
    rows: tuple[RunRow, ...]
    detail: RunDetail | None = None
    problem: str = ""
    unread: int = 0  # runs of the home that nobody has looked into yet
    study: StudyState | None = None  # None: nobody wants one, or no run of it is left


@dataclass
class _Tracked:
    reader: RunReader
    row: RunRow
    spec: Spec | None
    book: CurveBook | None = None
    due: int = 0
    annotations: Annotations = NOTHING
    annotations_stamp: int = 0  # nanoseconds; 0: there is no file


@dataclass(frozen=True)
class Watch:
    """What the screen of a run asks for."""

    folder: RunFolder
    smoothing: float | None = None  # None: by the length of the run
    measures: frozenset[str] = frozenset()  # whose curves are to be made, besides the losses
    kind: Kind = "step"  # what the x axis of the charts measures
    over: tuple[RunFolder, ...] = ()  # runs whose curves lie over this one's


@dataclass
class _Wishes:
    """What the interface asks for; written by its thread, read by the feed's."""

    watch: tuple[Watch, object] | None = None  # and who asks
    study: tuple[str, object] | None = None  # its name, and who wants it
    lock: threading.Lock = field(default_factory=threading.Lock)


class Feed:
    """``post`` is called from the feed's own thread, only when something is new."""

    def __init__(
        self, home: Path, post: Callable[[Snapshot], None], now: Callable[[], float], rates: Rates | None = None
    ) -> None:
        rates = rates or Rates()
        self._pause = rates.live  # seconds between two ticks
        self._slow = max(1, round(rates.others / rates.live))  # ticks between two looks at a run that is not live
        self.home = home
        self._post, self._now = post, now
        self._wishes = _Wishes()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._runs: dict[Path, _Tracked] = {}
        self._order: list[RunFolder] = []
        self._home_stamp = -1
        self._tick = 0
        self._last: tuple[tuple[RunRow, ...], RunDetail | None, str, StudyState | None] | None = None
        self._study: tuple[str, list[RunRow], StudyState | None] | None = None  # made of these very rows

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Asks the thread to end; it does not wait for a slow disk."""
        self._stop.set()
        self._wake.set()

    def watch(self, watch: Watch, who: object = None) -> None:
        """The run whose details are to come, at once; ``who`` asks for them, until ``leave_run``."""
        with self._wishes.lock:
            if self._wishes.watch is not None and self._wishes.watch[0] == watch:
                self._wishes.watch = watch, who
                return
            self._wishes.watch = watch, who
        self.hurry()

    def leave_run(self, who: object) -> None:
        """Nothing changes where somebody else asks for a run by now."""
        with self._wishes.lock:
            if self._wishes.watch is not None and self._wishes.watch[1] is who:
                self._wishes.watch = None

    def follow_study(self, name: str, who: object) -> None:
        """The study whose state is wanted, at once; ``who`` wants it, until ``leave_study``."""
        with self._wishes.lock:
            self._wishes.study = name, who
        self.hurry()

    def leave_study(self, who: object) -> None:
        """Nothing changes where somebody else wants one by now."""
        with self._wishes.lock:
            if self._wishes.study is not None and self._wishes.study[1] is who:
                self._wishes.study = None

    def hurry(self) -> None:
        """Look now instead of at the next tick."""
        self._wake.set()

    def step(self) -> Snapshot | None:
        """One look at the disk; None when nothing is new."""
        with self._wishes.lock:
            watch = self._wishes.watch[0] if self._wishes.watch is not None else None
            wanted = self._wishes.study
        self._list()
        problem, detail = "", None
        order = list(self._order)
        opened = () if watch is None else (*watch.over, watch.folder)
        if watch is not None:  # first: it must not wait for the others; it may be of another home
            order = [*opened, *(folder for folder in order if folder not in opened)]
        began = time.monotonic()
        for index, folder in enumerate(order):
            if time.monotonic() - began > _PATIENCE:
                began = time.monotonic()
                if unread := sum(later.path not in self._runs for later in order[index:]):
                    self._post(Snapshot(self._now(), self._rows(), detail, problem, unread))
            try:
                self._follow(folder, watched=folder in opened)
                if watch is not None and folder == watch.folder:
                    detail = self._detail(self._runs[folder.path], watch)
            except Exception as error:  # whatever is wrong with one folder, the others are still to be shown
                problem = visible(f"{folder.id}: {type(error).__name__}: {error}")
        rows = self._rows()
        study = self._study_state(wanted[0]) if wanted is not None else None
        self._tick += 1
        found = (rows, detail, problem, study)
        if found == self._last:
            return None
        self._last = found
        return Snapshot(self._now(), rows, detail, problem, study=study)

    def _rows(self) -> tuple[RunRow, ...]:
        return tuple(self._runs[folder.path].row for folder in self._order if folder.path in self._runs)

    def _study_state(self, name: str) -> StudyState | None:
        """Made anew only where a run of it says something new."""
        from tui.follow.study_state import Member, study_state

        tracked = [self._runs[folder.path] for folder in self._order if folder.path in self._runs]
        members = [each for each in tracked if each.row.study == name and each.spec is not None]
        rows = [each.row for each in members]
        if self._study is None or self._study[0] != name or not _same(self._study[1], rows):
            made = [Member(each.row, each.spec, each.reader.state) for each in members if each.spec is not None]
            self._study = name, rows, study_state(name, made)
        return self._study[2]

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            snapshot = self.step()
            if snapshot is not None and not self._stop.is_set():
                self._post(snapshot)
            self._wake.wait(self._pause)

    def _list(self) -> None:
        try:
            stamp = self.home.stat().st_mtime_ns
        except OSError:
            stamp = 0
        if stamp != self._home_stamp or self._tick % _LIST_EVERY == 0:
            self._home_stamp = stamp
            self._order = list_runs(self.home)
            kept = {folder.path for folder in self._order}
            for path in [path for path in self._runs if path not in kept and path.parent == self.home]:
                del self._runs[path]

    def _follow(self, folder: RunFolder, watched: bool) -> None:
        tracked = self._runs.get(folder.path)
        now, fresh = self._now(), tracked is None
        if tracked is None:
            tracked = self._open(folder, series=watched)
        elif watched and tracked.reader.series is None:
            tracked = self._open(folder, series=True, former=tracked)
        elif not (watched or tracked.row.live) and self._tick < tracked.due:
            return
        elif not watched and tracked.book is not None:
            tracked.reader.series = tracked.book = None  # the columns of a run that is no longer open
        # Those read at first are spread over the ticks, so that 500 runs never come due at once.
        tracked.due = self._tick + (1 + len(self._runs) % self._slow if fresh else self._slow)
        liveness = probe(folder)  # before the log: a run that ends in between then reads as ended, not as crashed
        tracked.reader.poll()
        if tracked.spec is None:
            tracked.spec = _spec(folder)
        self._read_annotations(tracked)
        row = make_row(folder, tracked.spec, tracked.reader.state, liveness, now, tracked.annotations)
        if row != tracked.row:  # what did not change stays the same object: screens know by that what to lay out anew
            tracked.row = row

    def _read_annotations(self, tracked: _Tracked) -> None:
        try:
            stamp = tracked.reader.folder.annotations.stat().st_mtime_ns
        except OSError:
            stamp = 0
        if stamp != tracked.annotations_stamp:
            tracked.annotations_stamp = stamp
            tracked.annotations = read_annotations(tracked.reader.folder)

    def _open(self, folder: RunFolder, series: bool, former: _Tracked | None = None) -> _Tracked:
        reader = RunReader(folder, series=series)
        spec = former.spec if former is not None else _spec(folder)
        tracked = _Tracked(reader, make_row(folder, spec, reader.state, probe(folder), self._now()), spec)
        if series:
            from tui.follow.curves import CurveBook

            tracked.book = CurveBook()
        self._runs[folder.path] = tracked
        return tracked

    def _detail(self, tracked: _Tracked, watch: Watch) -> RunDetail | None:
        from tui.follow.curves import usual_smoothing
        from tui.follow.detail import make_detail

        reader, book = tracked.reader, tracked.book
        if reader.series is None or book is None:
            return None
        smoothing = usual_smoothing(tracked.row.max_steps) if watch.smoothing is None else watch.smoothing
        self._sync(tracked, watch, smoothing)
        over = tuple(self._laid_over(self._runs[folder.path], watch, smoothing)
                     for folder in watch.over if folder.path in self._runs)  # fmt: skip
        return make_detail(
            tracked.row, tracked.spec, reader.state, reader.series, book, smoothing, reader.skipped, watch.kind, over
        )

    def _laid_over(self, tracked: _Tracked, watch: Watch, smoothing: float) -> LaidOver:
        from tui.follow.detail import LaidOver

        self._sync(tracked, watch, smoothing)
        book, state = tracked.book, tracked.reader.state
        assert book is not None
        return LaidOver(tracked.row, book.charts(state.evaluations, state.validations), book.ruler())

    def _sync(self, tracked: _Tracked, watch: Watch, smoothing: float) -> None:
        from tui.follow.detail import batch_size

        reader, book = tracked.reader, tracked.book
        if reader.series is not None and book is not None:
            size = batch_size(reader.state, tracked.spec)
            book.sync(reader.series, reader.state.attempt, smoothing, watch.measures, size, watch.kind)


def _same(first: list[RunRow], second: list[RunRow]) -> bool:
    return len(first) == len(second) and all(one is other for one, other in zip(first, second, strict=True))


def _spec(folder: RunFolder) -> Spec | None:
    try:
        return read_spec(folder)
    except RunError:
        return None  # the reason is told where the config is shown
