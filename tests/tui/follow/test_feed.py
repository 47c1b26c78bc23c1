"""The reader thread's look at the disk: complete, true, and silent when nothing is new."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from following import until
from runs_factory import START, RunWriter, finished, run_config, running

from engine import events
from engine.alerts.record import told_alerts
from engine.config import AlertsConfig
from engine.runs.folder import RunFolder
from engine.runs.watching import has_watcher, make_watched
from tui.follow.feed import Feed, Problem, Snapshot
from tui.follow.rows import RunRow, make_row
from tui.follow.wish import Watch, Wish


@pytest.fixture
def feed(home: Path) -> Callable[..., Feed]:
    return lambda now=START + 60: Feed(home, lambda snapshot: None, lambda: now)


def look(feed: Feed) -> Snapshot:
    snapshot = feed.step()
    assert snapshot is not None
    return snapshot


def test_nothing_new_posts_nothing(home: Path, feed: Callable[..., Feed]) -> None:
    writer = running(home, "live")
    following = feed()
    following.want([Wish(run=Watch(writer.folder))])
    assert look(following).rows
    assert following.step() is None
    writer.steps(311, 315)
    assert look(following).rows[0].step == 315
    assert following.step() is None
    writer.die()


def test_a_run_without_a_single_event_has_its_name_from_its_config(home: Path, feed: Callable[..., Feed]) -> None:
    RunWriter(home, "young").live()
    (row,) = look(feed()).rows
    assert (row.name, row.mode, row.max_steps, row.state) == ("young", "hybrid", 400, "starting")


def test_a_deleted_run_disappears(home: Path, feed: Callable[..., Feed]) -> None:
    kept, gone = finished(home, "kept"), finished(home, "gone")
    following = feed()
    assert len(look(following).rows) == 2
    gone.folder.path.rename(home / ".gone")
    assert [row.folder for row in look(following).rows] == [kept.folder]


def test_a_broken_spec_is_listed_and_does_not_stop_the_others(home: Path, feed: Callable[..., Feed]) -> None:
    finished(home, "good")
    broken = RunWriter(home, "broken")
    broken.folder.spec.write_text("{not json")
    rows = look(feed()).rows
    assert {row.name for row in rows} == {"good", broken.folder.id}


def test_curves_hold_every_step_of_each_mode_apart(home: Path, feed: Callable[..., Feed]) -> None:
    writer = running(home, "live", to=310)
    following = feed()
    following.want([Wish(run=Watch(writer.folder))])
    detail = look(following).details[0]
    writer.die()
    assert [mode for mode, _ in detail.curves] == ["mono", "cross"]
    assert sum(view.count for _, view in detail.curves) == 310


def test_a_resumed_run_supersedes_its_later_steps(home: Path, feed: Callable[..., Feed]) -> None:
    """Losses of the abandoned timeline vanish from the curves even when the new one is longer at once."""
    writer = RunWriter(home, "again", run_config("again", "cross")).started().steps(1, 50)
    following = feed()
    following.want([Wish(run=Watch(writer.folder))])
    before = look(following).details[0]
    writer.attempt = 2
    writer.add(events.RunResumed(from_step=20, host="gpu-box", pid=7)).steps(21, 80, spike_at=30)
    after = look(following).details[0]
    (_, old), (_, new) = before.curves[0], after.curves[0]
    assert (old.count, new.count) == (50, 80)
    assert new.curve.values[29] == 9.5
    assert old.curve.values[29] != 9.5  # what was shown before stays as it was


def test_a_step_that_is_not_finite_is_counted_and_kept_apart(home: Path, feed: Callable[..., Feed]) -> None:
    writer = RunWriter(home, "nan", run_config("nan", "mono")).started().steps(1, 20, nan_at=7)
    following = feed()
    following.want([Wish(run=Watch(writer.folder))])
    detail = look(following).details[0]
    ((_, view),) = detail.curves
    assert view.count == 19
    ((step, value),) = view.lost()
    assert step == 7
    assert math.isnan(value)
    assert view.count_between(1, 21) == 20


def test_another_smoothing_changes_the_smoothed_line_only(home: Path, feed: Callable[..., Feed]) -> None:
    writer = finished(home, "done", "mono")
    following = feed()
    following.want([Wish(run=Watch(writer.folder))])
    before = look(following).details[0]
    following.want([Wish(run=Watch(writer.folder, smoothing=0.0))])
    after = look(following).details[0]
    ((_, old),), ((_, new),) = before.curves, after.curves
    assert old.curve.values == new.curve.values
    assert list(new.curve.smooth) == pytest.approx(list(new.curve.values))
    assert old.curve.smooth != new.curve.smooth


def test_a_silent_worker_of_this_machine_is_shown_stalled(home: Path, feed: Callable[..., Feed]) -> None:
    writer = running(home, "live")
    (row,) = look(feed(now=writer.t + 3600)).rows
    writer.die()
    assert row.state == "stalled"
    assert "no progress" in row.reason


def test_torn_and_unknown_lines_are_skipped_and_counted(home: Path, feed: Callable[..., Feed]) -> None:
    writer = finished(home, "done")
    with writer.folder.events.open("ab") as log:
        log.write(b'{"v":1,"seq":999,"t":1,"attempt":1,"type":"from.the.future"}\n{"torn": ')
    following = feed()
    following.want([Wish(run=Watch(writer.folder))])
    detail = look(following).details[0]
    assert detail.skipped == 1
    assert detail.row.state == "finished"


def test_whatever_goes_wrong_with_one_run_is_told_and_does_not_hide_the_others(
    home: Path, feed: Callable[..., Feed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in the reader thread must never freeze the whole dashboard."""
    finished(home, "good")
    odd = finished(home, "odd").folder

    def fail_on_odd(folder: RunFolder, *rest: Any, **more: Any) -> RunRow:
        if folder == odd:
            raise ValueError("not as expected")
        return make_row(folder, *rest, **more)

    monkeypatch.setattr("tui.follow.feed.make_row", fail_on_odd)
    snapshot = look(feed())
    assert [row.name for row in snapshot.rows] == ["good"]
    assert snapshot.problems == (Problem(odd.id, "ValueError: not as expected"),)


def test_a_home_that_does_not_exist_yet_is_empty_and_fills_later(tmp_path: Path) -> None:
    feed = Feed(tmp_path / "later", lambda snapshot: None, lambda: START)
    assert look(feed).rows == ()
    finished(tmp_path / "later", "first")
    assert [row.name for row in look(feed).rows] == ["first"]


def test_runs_are_posted_as_they_are_read_from_a_slow_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newest first, with the number of those still to come: nobody waits for the slowest."""
    for number in range(4):
        RunWriter(home, f"run-{number}", created=START + number).started()
    monkeypatch.setattr("tui.follow.feed._PATIENCE", -1.0)
    posted: list[Snapshot] = []
    last = look(Feed(home, posted.append, lambda: START + 60))
    assert [(len(snapshot.rows), snapshot.unread) for snapshot in posted] == [(0, 4), (1, 3), (2, 2), (3, 1)]
    assert [row.name for row in last.rows] == ["run-3", "run-2", "run-1", "run-0"]
    assert last.unread == 0
    assert all(snapshot.rows == last.rows[: len(snapshot.rows)] for snapshot in posted)


def test_a_row_that_did_not_change_stays_the_same_object(home: Path, feed: Callable[..., Feed]) -> None:
    """Screens know by that what they need not lay out again."""
    finished(home, "done")
    live = running(home, "live")
    following = feed()
    before = {row.name: row for row in look(following).rows}
    live.steps(311, 315)
    for _ in range(20):
        snapshot = following.step()
        if snapshot is not None:
            after = {row.name: row for row in snapshot.rows}
    assert after["done"] is before["done"]
    assert after["live"] is not before["live"]
    live.die()


def test_an_end_that_nobody_told_is_told_by_whoever_looks(home: Path) -> None:
    """As after a reboot, which ends a worker and the process that watches it."""
    alerts = home.parent / "alerts.txt"
    config = run_config("left", alerts=AlertsConfig(targets=(f"file://{alerts}",)))
    writer = RunWriter(home, "left", config).live()
    make_watched(writer.folder)
    writer.die()
    following = Feed(home, lambda snapshot: None, time.time)
    following.start()
    until(lambda: alerts.exists() and "crashed" in alerts.read_text(), "the alert")
    following.stop()
    until(lambda: not has_watcher(writer.folder), "the watcher to leave")
    assert len(told_alerts(writer.folder)) == 1
