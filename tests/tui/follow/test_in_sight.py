"""What is in front is followed, whatever was opened above it and closed again; what cannot be followed says so."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from pathlib import Path

import pytest
from helpers.opening import Make, Until, first_rows, open_run
from helpers.screens import text_of
from runs_factory import START, RunWriter, finished, running
from study_homes import launched

from engine import flock
from engine.runs.lock import probe
from engine.runs.registry import archive_run, trash_run
from tui.follow.feed import Feed, Snapshot
from tui.follow.wish import Watch, Wish
from tui.study.screen import StudyScreen


def look(feed: Feed) -> Snapshot:
    snapshot = feed.step()
    assert snapshot is not None
    return snapshot


async def test_a_run_below_another_is_followed_again_once_it_is_in_front(
    home: Path, dashboard: Make, until: Until
) -> None:
    below, above = running(home, "below"), running(home, "above")
    app = dashboard()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await open_run(pilot, app, until, "below")
        await pilot.press("colon", *"above", "enter")
        await until(pilot, lambda: app.screen is not screen and getattr(app.screen, "detail", None), "the one above")
        await pilot.press("q")
        await until(pilot, lambda: app.screen is screen, "the one below again")
        below.steps(311, 330)
        app.feed.hurry()
        await until(pilot, lambda: screen.detail is not None and screen.detail.row.step == 330, "its new steps")
    below.die()
    above.die()


async def test_a_run_opened_from_its_study_and_a_dialog_above_it_are_followed(
    home: Path, dashboard: Make, until: Until
) -> None:
    writer = launched(home, "standard", 0).live().started().steps(1, 100)
    app = dashboard()
    async with app.run_test(size=(120, 36)) as pilot:
        await first_rows(pilot, app, until)
        assert app.snapshot is not None
        app.open_study(app.snapshot.rows[0].study)
        await until(pilot, lambda: isinstance(app.screen, StudyScreen) and app.screen.state is not None, "the study")
        study = app.screen
        assert isinstance(study, StudyScreen)
        run = await open_run(pilot, app, until, app.snapshot.rows[0].name)
        await pilot.press("question_mark")  # a dialog leaves the run below it in sight
        writer.steps(101, 120)
        app.feed.hurry()
        await until(pilot, lambda: run.detail is not None and run.detail.row.step == 120, "the run below a dialog")
        await pilot.press("q", "q")
        await until(pilot, lambda: app.screen is study, "the study again")
        writer.steps(121, 140)
        app.feed.hurry()
        await until(
            pilot, lambda: study.state is not None and study.state.left.runs[0].row.step == 140, "the study goes on"
        )
        assert app.feed._wishes == (Wish(study=study.study),)  # the run is followed no more
    writer.die()


async def test_smoothing_belongs_to_the_screen_on_which_it_was_set(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "one", "mono")
    finished(home, "other", "mono")
    app = dashboard()
    async with app.run_test(size=(120, 36)) as pilot:
        first = await open_run(pilot, app, until, "one")
        assert first.detail is not None
        usual = first.detail.smoothing
        await pilot.press("plus")
        await until(pilot, lambda: first.detail is not None and first.detail.smoothing != usual, "smoother")
        second = await open_run(pilot, app, until, "other")
        assert second.detail is not None
        assert second.detail.smoothing == usual


@pytest.mark.parametrize(("put_away", "words"), [(archive_run, "was archived"), (trash_run, "was deleted")])
async def test_a_run_that_is_put_away_under_its_screen_says_so_and_keeps_what_it_showed(
    home: Path, dashboard: Make, until: Until, put_away: object, words: str
) -> None:
    writer = finished(home, "gone")
    finished(home, "other")
    app = dashboard()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await open_run(pilot, app, until, "gone")
        assert screen.detail is not None
        evaluations = screen.detail.evaluations
        assert evaluations
        put_away(writer.folder)  # type: ignore[operator]
        app.feed.hurry()
        await until(pilot, lambda: screen.detail is not None and screen.detail.row.state == "gone", "gone")
        await pilot.pause()
        text = text_of(app)
        assert "? gone" in text
        assert words in text
        assert "crashed" not in text
        assert "400 / 400" in text  # what it last showed
        assert screen.detail.evaluations == evaluations
        assert not any(label in text.splitlines()[-1] for label in ("pause", "resume", "stop", "evaluate"))


def test_a_run_that_is_renamed_or_deleted_for_good_is_gone_and_one_that_comes_back_is_not(home: Path) -> None:
    writer = finished(home, "mine")
    feed = Feed(home, lambda snapshot: None, lambda: START + 60)
    feed.want([Wish(run=Watch(writer.folder))])
    before = look(feed).details[0]
    elsewhere = home / "20260922-renamed"
    writer.folder.path.rename(elsewhere)
    row = look(feed).details[0].row
    assert (row.state, row.step) == ("gone", before.row.step)
    assert row.reason == "this run is 20260922-renamed now"
    elsewhere.rename(writer.folder.path)
    assert look(feed).details[0].row.state == "finished"
    writer.folder.path.rename(home.parent / "somewhere-else")
    assert "no longer in" in look(feed).details[0].row.reason


def test_a_run_that_cannot_be_read_any_more_is_not_called_crashed(home: Path) -> None:
    writer = finished(home, "mine")
    feed = Feed(home, lambda snapshot: None, lambda: START + 60)
    feed.want([Wish(run=Watch(writer.folder))])
    evaluations = look(feed).details[0].evaluations
    log = writer.folder.events
    log.rename(log.with_suffix(".kept"))
    log.symlink_to(log)  # whoever opens it gets ELOOP, root included
    detail = look(feed).details[0]
    assert detail.row.state == "gone"
    assert "cannot be read any more" in detail.row.reason
    assert detail.evaluations == evaluations


def without_flock(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """As on Lustre without ``-o flock`` (ENOSYS) or NFS without a lock daemon (ENOLCK)."""

    def refuse(fd: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_runs_of_a_file_system_without_locks_are_listed_and_one_line_says_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    writers = [finished(home, "done"), RunWriter(home, "going").started().steps(1, 20)]
    for writer in writers:
        writer.folder.lock.touch()
    without_flock(monkeypatch, number)
    assert probe(writers[0].folder).alive is None
    feed = Feed(home, lambda snapshot: None, lambda: START + 40)
    snapshot = look(feed)
    assert {row.name: row.alive for row in snapshot.rows} == {"done": None, "going": None}
    (problem,) = snapshot.problems
    assert problem.where == str(home)
    assert "-o flock" in problem.text
    later = [feed.step() for _ in range(25)]
    assert all(each.problems == (problem,) for each in later if each is not None), "it is not said anew now and then"


def test_other_errors_of_a_lock_are_not_taken_for_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_flock(monkeypatch, errno.EIO)
    fd = flock.open_lock_file(tmp_path / "lock", 0o600)
    with pytest.raises(OSError, match="Input/output") as raised:
        flock.try_exclusive(fd)
    os.close(fd)
    assert not isinstance(raised.value, flock.NoLocks)


async def test_a_folder_that_cannot_be_read_is_told_once_and_leaves_the_message_line_alone(
    home: Path, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui.follow import feed

    writer, odd = running(home, "live"), finished(home, "odd").folder
    real = feed.make_row

    def fail_on_odd(folder: object, *rest: object, **more: object) -> object:
        if folder == odd:
            raise ValueError("not as expected")
        return real(folder, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(feed, "make_row", fail_on_odd)
    app = dashboard()
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: "not as expected" in text_of(app), "the problem, told")
        screen = app._views_in_sight()[0]
        for turn in range(3):
            screen.say(f"answer {turn}", "accent")
            first = 311 + 5 * turn
            writer.steps(first, first + 4)
            app.feed.hurry()
            await until(
                pilot, lambda last=first + 4: app.snapshot is not None and app.snapshot.rows[0].step == last, "news"
            )
            await pilot.pause()
            assert f"answer {turn}" in text_of(app)
        assert "! 1 problem" in text_of(app).split("\n")[0]
        await pilot.press("exclamation_mark")
        await pilot.pause()
        assert f"{odd.id}: ValueError: not as expected" in text_of(app)
    writer.die()


async def test_a_disk_that_hangs_is_said_and_ages_do_not_go_on(
    home: Path, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui import app as application
    from tui.follow import feed

    finished(home, "done")
    answers = threading.Event()
    answers.set()
    real = feed.list_runs

    def hang(folder: Path) -> object:
        answers.wait(60)
        return real(folder)

    monkeypatch.setattr(feed, "list_runs", hang)
    monkeypatch.setattr(application, "SILENCE_TOLD_FROM", 0.2)
    clock = [START + 400.0]
    app = dashboard(now=clock[0])
    app.now = lambda: clock[0]
    async with app.run_test(size=(120, 36)) as pilot:
        await open_run(pilot, app, until, "done")
        header = text_of(app).splitlines()[0]
        answers.clear()
        (home / "another").mkdir()  # the home has changed: it is listed anew, and that hangs
        app.feed.hurry()
        await until(pilot, lambda: app.silence() > 0, "silence")
        clock[0] += 3600
        app._ages_are_new = False
        app.tick()
        await pilot.pause()
        assert "the disk has not answered for" in text_of(app)
        assert text_of(app).splitlines()[0] == header
        answers.set()
        await until(pilot, lambda: app.silence() == 0, "an answer")
        app._ages_are_new = False
        app.tick()
        await pilot.pause()
        assert "the disk has not answered" not in text_of(app)


def test_a_long_log_that_arrives_is_no_silence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.runs import reader
    from tui.follow import feed as module

    writer = RunWriter(home, "long").started().steps(1, 400)
    monkeypatch.setattr(reader, "_CHUNK", 512)
    clock, gaps = [0.0], []
    real = reader.RunReader._advance

    def slow(self: reader.RunReader) -> bool:
        clock[0] += 1.0  # each chunk takes a second
        gaps.append(feed.silence())
        return real(self)

    monkeypatch.setattr(reader.RunReader, "_advance", slow)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    feed = Feed(home, lambda snapshot: None, lambda: START + 60)
    assert look(feed).rows[0].folder == writer.folder
    assert len(gaps) > 20
    assert max(gaps) <= 2.0


def test_the_thread_goes_on_after_an_error_that_concerns_no_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui.follow import feed as module

    finished(home, "done")
    posted: list[Snapshot] = []
    real, failures = module.list_runs, iter([True])

    def fail_once(folder: Path) -> object:
        if next(failures, False):
            raise OSError(errno.EIO, "Input/output error")
        return real(folder)

    monkeypatch.setattr(module, "list_runs", fail_once)
    arrived = threading.Event()

    def post(snapshot: Snapshot) -> None:
        posted.append(snapshot)
        if snapshot.rows:
            arrived.set()

    feed = Feed(home, post, lambda: START + 60)
    feed.start()
    try:
        assert arrived.wait(60)
    finally:
        feed.stop()
    assert "Input/output error" in posted[0].problems[0].text
    assert posted[-1].problems == ()


def test_a_clock_that_was_not_set_yet_never_makes_an_age(home: Path) -> None:
    RunWriter(home, "early", created=30.0).started().steps(1, 20)
    (row,) = look(Feed(home, lambda snapshot: None, lambda: START + 40)).rows
    assert row.state == "crashed"
    assert row.updated == 0  # nobody knows
