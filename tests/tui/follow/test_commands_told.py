"""What became of a command is told where it was given; keys act on what is marked; a second command is refused."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from helpers.opening import Make, Until, first_rows, open_first, runs_screen
from helpers.screens import text_of
from runs_factory import START, RunWriter, finished, run_config, running

from engine import events
from engine.runs.commands import pending_commands, send_command
from engine.runs.errors import RunError
from tui import steer
from tui.steer import Answer

FAILED = "[Errno 28] 73 MB needed, 21 MB free"


def answered(writer: RunWriter, outcome: events.Outcome, detail: str = "") -> None:
    """As a worker does: it acknowledges what waits, answers and removes it."""
    for command in pending_commands(writer.folder):
        writer.received(command.uuid, command.command)
        writer.add(events.CommandDone(uuid=command.uuid, command=command.command, outcome=outcome, detail=detail))
        command.path.unlink()


async def test_the_table_tells_that_a_pause_failed_until_somebody_has_read_it(
    home: Path, dashboard: Make, until: Until
) -> None:
    writer = running(home, "live")
    app = dashboard(now=writer.t)
    moment = [writer.t]
    async with app.run_test(size=(120, 36)) as pilot:
        app.now = app.feed._now = lambda: moment[0]
        await first_rows(pilot, app, until)
        await pilot.press("p")
        await until(pilot, lambda: "live: pause: requested" in text_of(app), "requested")
        answered(writer, "failed", FAILED)
        app.feed.hurry()
        await until(pilot, lambda: f"live: pause failed: {FAILED}" in text_of(app), "the failure")
        moment[0] += 3600  # long after an answer would have gone
        writer.steps(311, 315)
        app.feed.hurry()
        app.tick()
        await pilot.pause()
        assert f"live: pause failed: {FAILED}" in text_of(app)
        await pilot.press("up")
        app._ages_are_new = False
        app.tick()
        await pilot.pause()
        assert "pause failed" not in text_of(app)
    writer.die()


async def test_keys_act_on_all_marked_runs_and_name_those_where_it_failed(
    home: Path, dashboard: Make, until: Until
) -> None:
    live, other = running(home, "live"), running(home, "other")
    finished(home, "done")
    app = dashboard()
    async with app.run_test(size=(120, 36)) as pilot:
        await first_rows(pilot, app, until)
        table = runs_screen(app)
        table.marked = {live.folder.path, other.folder.path}
        for key in ("p", "k", "e", "w"):
            await pilot.press(key)
            await until(pilot, lambda: app.screen is not table, f"the question of {key}")
            text = text_of(app)
            assert "2 runs" in text, key
            assert "live" in text, key
            assert "other" in text, key
            await pilot.press("n")
            await until(pilot, lambda: app.screen is table, "no")
        assert pending_commands(live.folder) == pending_commands(other.folder) == []
        await pilot.press("w")
        await until(pilot, lambda: app.screen is not table, "the question")
        send_command(other.folder, "checkpoint")  # by somebody else: it is under way by now
        await pilot.press("y")
        await until(pilot, lambda: "1 of 2 were asked" in text_of(app), "what came of it")
        assert "other: " in text_of(app)
        assert [command.command for command in pending_commands(live.folder)] == ["checkpoint"]
        assert len(pending_commands(other.folder)) == 1
    live.die()
    other.die()


async def test_a_second_pause_is_refused_while_the_first_is_under_way_from_another_screen_too(
    home: Path, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = running(home, "live")
    calls: list[str] = []
    goes_on = threading.Event()

    def slow(folder: object, state: str) -> Answer:
        calls.append(state)
        goes_on.wait(60)
        return Answer("pause: requested", is_pending=True)

    monkeypatch.setattr(steer, "pause_or_resume", slow)
    app = dashboard()
    async with app.run_test(size=(120, 36)) as pilot:
        await first_rows(pilot, app, until)
        await pilot.press("p")
        await until(pilot, lambda: calls, "the first")
        await pilot.press("p")
        await until(pilot, lambda: "another command is under way" in text_of(app), "refused on the table")
        await open_first(pilot, app, until)
        await pilot.press("p")
        await until(pilot, lambda: "another command is under way" in text_of(app), "refused on the run's screen")
        assert len(calls) == 1
        goes_on.set()
    writer.die()


def test_a_command_that_waits_on_disk_is_not_sent_again(home: Path) -> None:
    writer = running(home, "live")
    send_command(writer.folder, "pause")  # by anybody
    for command in ("pause", "stop"):
        with pytest.raises(RunError, match=r"pause was requested .* is under way"):
            steer.send(writer.folder, command)  # type: ignore[arg-type]
    assert steer.send(writer.folder, "checkpoint").is_pending
    assert len(pending_commands(writer.folder)) == 2
    answered(writer, "done")
    assert steer.send(writer.folder, "pause").is_pending
    writer.die()


async def test_p_asks_where_somebody_waits_for_the_device(home: Path, dashboard: Make, until: Until) -> None:
    writer = running(home, "live")
    queued = RunWriter(home, "waiting", run_config("waiting")).live().started()
    queued.add(events.Device(name="cpu (2 threads)", waiting_for="cpu (held by live)"))
    app = dashboard()
    async with app.run_test(size=(120, 36)) as pilot:
        await first_rows(pilot, app, until)
        table = runs_screen(app)
        await until(pilot, lambda: len(table.rows) == 2, "both runs")
        table.marked = {writer.folder.path}
        await pilot.press("p")
        await until(pilot, lambda: app.screen is not table, "a question")
        assert "waiting is queued and may take its device" in text_of(app)
        await pilot.press("n")
        queued.add(events.RunPaused(step=0)).die()
        app.feed.hurry()
        await until(pilot, lambda: not any(row.state == "queued" for row in table.rows), "nobody waits")
        await pilot.press("p")
        await until(pilot, lambda: pending_commands(writer.folder), "asked at once")
        app.now = lambda: START + 100  # what was said of the end of the other has gone
        app._ages_are_new = False
        app.tick()
        await until(pilot, lambda: "p resumes it" in text_of(app), "how to undo it")
    writer.die()
