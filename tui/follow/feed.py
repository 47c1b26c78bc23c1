"""The one thread that reads disks for the dashboard: it follows the runs and posts what changed, already made to show.

Its work is proportional to what is new: live runs and the open one are polled every tick, the others every few
seconds, and a run that has nothing new costs some file-status calls and a look into its control folder.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.flock import NO_LOCKS
from engine.runs.annotations import NOTHING, Annotations, read_annotations
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder, Spec, read_spec
from engine.runs.lock import Liveness, probe
from engine.runs.reader import RunReader
from engine.runs.registry import list_runs
from engine.runs.status import shown_state
from tui.follow.absence import Identity, absence, identity_of
from tui.follow.beside import Beside
from tui.follow.requests import RECENT, merge, to_tell
from tui.follow.rows import RunRow, gone_row, make_row
from tui.follow.safe_notes import SafeNotes
from tui.follow.wish import Watch, Wish
from tui.numbers import visible
from tui.settings import Rates

if TYPE_CHECKING:  # what only an open run needs is loaded in the feed's thread, after the first frame
    from tui.follow.curves import CurveBook
    from tui.follow.detail import LaidOver, RunDetail
    from tui.follow.devices import DeviceReader, DevicesState
    from tui.follow.study_state import StudyState

_PATIENCE = 0.3  # seconds of reading after which the runs that are known so far are posted
_MODELS = 30  # ended runs by which the time of queued ones is estimated
_DEVICES = Path("devices")  # stands for what is wrong with the devices among what is wrong with folders
_CATCH_UP_EVERY = 30.0  # seconds between two looks whether somebody tells how the runs end
_LIST_EVERY = 10  # ticks after which the home is listed even if its time stamp stands still


class Problem(msgspec.Struct, frozen=True):
    """Something that cannot be read; ``where`` is a run's id, or the runs folder."""

    where: str
    text: str

    def line(self) -> str:
        return f"{self.where}: {self.text}"


class Snapshot(msgspec.Struct, frozen=True):
    """What is known at ``at`` (unix seconds)."""

    at: float
    rows: tuple[RunRow, ...]
    details: tuple[RunDetail, ...] = ()  # of the runs that are wished for
    problems: tuple[Problem, ...] = ()  # all that there are now, however often they were told
    unread: int = 0  # runs of the home that nobody has looked into yet
    done_in: float | None = None  # seconds until all that goes on will be done, as far as that can be told
    study: StudyState | None = None  # None: nobody wants one, or no run of it is left
    devices: DevicesState | None = None  # None: nobody looks at them

    def detail_of(self, folder: RunFolder) -> RunDetail | None:
        return next((detail for detail in self.details if detail.row.folder == folder), None)


class _Tracked(msgspec.Struct):
    reader: RunReader
    row: RunRow
    spec: Spec | None
    identity: Identity | None
    beside: Beside
    notes: SafeNotes = msgspec.field(default_factory=SafeNotes)
    book: CurveBook | None = None
    due: int = 0
    annotations: Annotations = NOTHING
    annotations_stamp: int = 0  # nanoseconds; 0: there is no file


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
        self._began = now()
        self._wishes: tuple[Wish, ...] = ()  # replaced as a whole by the interface's thread
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._runs: dict[Path, _Tracked] = {}
        self._order: list[RunFolder] = []
        self._problems: dict[Path, Problem] = {}
        self._devices: DeviceReader | None = None
        self._home_stamp = -1
        self._catch_up_due = -math.inf  # monotonic
        self._tick = 0
        self._last: tuple[object, ...] | None = None
        self._study: tuple[str, list[RunRow], StudyState | None] | None = None  # made of these very rows
        self.looked_at = 0.0  # unix seconds of the end of the last look
        self._busy_since: float | None = None  # monotonic seconds; None: it waits for the next tick

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Asks the thread to end; it does not wait for a slow disk."""
        self._stop.set()
        self._wake.set()

    def want(self, wishes: Iterable[Wish]) -> None:
        """What the screens in sight want to know, at once; what was wanted before is wanted no more."""
        wishes = tuple(wishes)
        if wishes != self._wishes:
            self._wishes = wishes
            self.hurry()

    def hurry(self) -> None:
        """Look now instead of at the next tick."""
        self._wake.set()

    def silence(self) -> float:
        """Seconds for which the disk has not answered; 0 while the thread waits for its next tick."""
        busy_since = self._busy_since
        return 0.0 if busy_since is None else time.monotonic() - busy_since

    def step(self) -> Snapshot | None:
        """One look at the disk; None when nothing is new."""
        wishes = self._wishes
        watched = {wish.run.folder.path: wish.run for wish in wishes if wish.run is not None}
        over = {folder.path: folder for watch in watched.values() for folder in watch.over}
        self._list(watched.keys() | over.keys())
        details: list[RunDetail] = []
        # First those that are looked at: they must not wait for the others; they may be of another home.
        order = [folder for folder in over.values() if folder.path not in watched]
        order += [watch.folder for watch in watched.values()]
        order += [folder for folder in self._order if folder.path not in watched and folder.path not in over]
        began = time.monotonic()
        for index, folder in enumerate(order):
            self._busy_since = time.monotonic()
            if time.monotonic() - began > _PATIENCE:
                began = time.monotonic()
                if unread := sum(later.path not in self._runs for later in order[index:]):
                    self._post(Snapshot(self._now(), self._rows(), tuple(details), self._told(), unread))
            detail = self._look(folder, watched.get(folder.path), folder.path in over)
            if detail is not None:
                details.append(detail)
        rows = self._rows()
        name = next((wish.study for wish in wishes if wish.study), "")
        study = self._study_state(name) if name else None
        self._tick += 1
        devices = self._device_state(rows) if any(wish.devices for wish in wishes) else None
        news = (rows, tuple(details), self._told(), study, devices)
        if news == self._last:
            return None
        self._last = news
        done_in = self._done_in()
        return Snapshot(self._now(), rows, tuple(details), self._told(), 0, done_in, study, devices)

    def _device_state(self, rows: tuple[RunRow, ...]) -> DevicesState | None:
        """Looked at only while somebody does: the driver is asked each time."""
        if self._devices is None:
            from tui.follow.devices import DeviceReader

            self._devices = DeviceReader()
        self._busy_since = time.monotonic()
        try:
            state = self._devices.read(rows, self._now())
        except Exception as error:  # a driver may answer anything
            self._problems[_DEVICES] = Problem("devices", visible(f"{type(error).__name__}: {error}"))
            return None
        self._problems.pop(_DEVICES, None)
        return state

    def _look(self, folder: RunFolder, watch: Watch | None, is_over: bool) -> RunDetail | None:
        """Whatever is wrong with one folder, the others are still to be shown."""
        try:
            followed = self._follow(folder, watched=is_over or watch is not None)
            detail = self._detail(self._runs[folder.path], watch) if watch is not None else None
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            self._problems[folder.path] = Problem(visible(folder.id), visible(text))
            return None
        if followed:
            self._problems.pop(folder.path, None)
        return detail

    def _disk_answered(self) -> None:
        """A long log is being read, and arrives."""
        self._busy_since = time.monotonic()

    def _told(self) -> tuple[Problem, ...]:
        return tuple(self._problems.values())

    def _rows(self) -> tuple[RunRow, ...]:
        return tuple(self._runs[folder.path].row for folder in self._order if folder.path in self._runs)

    def _done_in(self) -> float | None:
        """Seconds until all that goes on will be done, what is queued included; None where nobody can tell."""
        tracked = [self._runs[folder.path] for folder in reversed(self._order) if folder.path in self._runs]
        live = [each for each in tracked if each.row.live]
        if not live:
            return None
        from tui.follow.study_time_left import time_left

        # Those that were made last are the most like what is queued; all of 500 would cost too much at every look.
        known = [each for each in tracked if not each.row.live][-_MODELS:] + live
        runs = [
            (each.row, each.spec.config, each.reader.state, each.row.study or each.row.name)
            for each in known
            if each.spec is not None
        ]
        return time_left(runs).seconds

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
            self._busy_since = time.monotonic()
            try:
                snapshot = self.step()
            except Exception as error:  # the thread must not end: the screens would stand still
                text = visible(f"{type(error).__name__}: {error}")
                snapshot = Snapshot(self._now(), self._rows(), problems=(Problem(visible(str(self.home)), text),))
            self._busy_since, self.looked_at = None, self._now()
            if snapshot is not None and not self._stop.is_set():
                self._post(snapshot)
            self._wake.wait(self._pause)  # meanwhile what was posted is drawn
            with contextlib.suppress(Exception):  # it is nobody's who looks, and is tried again
                self.catch_up()

    def catch_up(self) -> None:
        """Now and then starts the watchers that are missing, as after a reboot."""
        if time.monotonic() < self._catch_up_due:
            return
        self._catch_up_due = time.monotonic() + _CATCH_UP_EVERY
        from engine.alerts.catching_up import catch_up

        states = {folder: self._runs[folder.path].reader.state for folder in self._order if folder.path in self._runs}
        catch_up(states, states.__getitem__)

    def _list(self, watched: Collection[Path]) -> None:
        self._busy_since = time.monotonic()
        try:
            stamp = self.home.stat().st_mtime_ns
        except FileNotFoundError:
            stamp = 0
        if stamp != self._home_stamp or self._tick % _LIST_EVERY == 0:
            self._order = list_runs(self.home)
            self._home_stamp = stamp
            kept = {folder.path for folder in self._order} | set(watched)
            for path in [path for path in self._runs if path not in kept]:
                del self._runs[path]
            for path in [path for path in self._problems if path not in kept and path not in (self.home, _DEVICES)]:
                del self._problems[path]

    def _follow(self, folder: RunFolder, watched: bool) -> bool:
        """Whether the run was looked at, which those that are not live are only from time to time."""
        tracked = self._runs.get(folder.path)
        fresh = tracked is None
        if tracked is None:
            tracked = self._open(folder, series=watched)
        elif watched and tracked.reader.series is None:
            tracked = self._open(folder, series=True, former=tracked)
        elif not (watched or tracked.row.live) and self._tick < tracked.due:
            return False
        elif not watched and tracked.book is not None:
            tracked.reader.series = tracked.book = None  # the columns of a run that is no longer open
        # Those read at first are spread over the ticks, so that 500 runs never come due at once.
        tracked.due = self._tick + (1 + len(self._runs) % self._slow if fresh else self._slow)
        if watched and (why := absence(folder, tracked.identity)):
            row = gone_row(tracked.row, visible(why))
        else:
            liveness = probe(folder)  # before the log: a run that ends in between then reads as ended, not as crashed
            tracked.reader.poll(self._disk_answered)
            if tracked.spec is None:
                tracked.spec = _spec(folder)
            self._read_annotations(tracked)
            row = self._row(tracked, liveness, watched)
            if not liveness.has_locks:
                self._problems[self.home] = Problem(visible(str(folder.path.parent)), NO_LOCKS)
        if row != tracked.row:  # what did not change stays the same object: screens know by that what to lay out anew
            tracked.row = row
        return True

    def _read_annotations(self, tracked: _Tracked) -> None:
        try:
            stamp = tracked.reader.folder.annotations.stat().st_mtime_ns
        except OSError:
            stamp = 0
        if stamp != tracked.annotations_stamp:
            tracked.annotations_stamp = stamp
            tracked.annotations = read_annotations(tracked.reader.folder)

    def _row(self, tracked: _Tracked, liveness: Liveness, watched: bool) -> RunRow:
        """What the state of the log and what lies beside it make of a line."""
        folder, state, now = tracked.reader.folder, tracked.reader.state, self._now()
        beside = tracked.beside
        beside.look()
        if watched or shown_state(state, liveness, now) in ("crashed", "failed"):
            beside.read_words()
        requests = to_tell(merge(beside.pending, state.commands), now, self._began - RECENT)
        return make_row(
            folder, tracked.spec, state, liveness, now, tracked.annotations,
            words=beside.words_since(state.updated), requests=requests,
        )  # fmt: skip

    def _open(self, folder: RunFolder, series: bool, former: _Tracked | None = None) -> _Tracked:
        reader = RunReader(folder, series=series)
        spec = former.spec if former is not None else _spec(folder)
        row = make_row(folder, spec, reader.state, probe(folder), self._now())
        tracked = _Tracked(reader, row, spec, identity_of(folder), Beside(folder))
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
            tracked.row, tracked.spec, reader.state, reader.series, book, smoothing, reader.skipped, watch.kind, over,
            notes=tracked.notes.of(reader.state.history()), words=tracked.beside.words,
        )  # fmt: skip

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
