"""What a person does with the keyboard, from the first look at the runs to an exported table."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from helpers.opening import Make, Until, open_first, runs_screen
from helpers.screens import text_of
from helpers.sizes import NARROW, WIDE
from runs_factory import RunWriter, finished

from engine import events
from engine.runs.commands import pending_commands
from engine.runs.folder import RunFolder, read_spec
from engine.runs.registry import list_runs
from tui import steer
from tui.dialogs.choose import ChooseScreen
from tui.dialogs.confirm import ConfirmScreen
from tui.dialogs.export import ExportScreen
from tui.dialogs.exporting import KINDS
from tui.dialogs.help import HelpScreen, TomlScreen
from tui.dialogs.palette import PaletteScreen
from tui.launch.screen import LaunchScreen
from tui.run.screen import RunScreen
from tui.runs.listing import Shown
from tui.runs.screen import RunsScreen

pytestmark = pytest.mark.long


async def test_runs_screen_lists_every_run_with_state_and_reason(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    """A corpse is crashed, a waiting run says what it waits for, a failed one why."""
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        text = text_of(app)
        for writer in gallery:
            assert writer.config.name in text
        for found in ("● running", "‖ paused", "✗ crashed", "✗ failed", "… queued", "✓ finished"):
            assert found in text
        assert "killed, resumable from step 200" in text
        assert "waiting for cpu slot 0 (cldr-hybrid-s0)" in text
        assert "out of memory: 15.9 GiB asked" in text


async def test_the_header_tells_how_busy_the_device_of_a_live_run_is(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    running.add(
        events.Device(
            name="NVIDIA H100", utilization=97.0, memory_used=61 * 2**30, memory_total=80 * 2**30, power=612.0
        )
    )
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        assert "NVIDIA H100  97 %  61/80 GiB  612 W" in text_of(app)


async def test_a_cpu_that_was_taken_for_want_of_a_usable_gpu_is_recognised(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    """In the headers of both screens, in the table and among the run's figures."""
    running.add(events.Device(name="cpu (2 threads), no usable GPU: torch 2.13.0+cpu is built without CUDA"))
    app = dashboard()
    async with app.run_test(size=(160, 36)) as pilot:
        await until(pilot, lambda: app.snapshot is not None and app.snapshot.rows)
        lines = text_of(app).splitlines()
        assert "cpu (2 threads), no usable GPU  " in lines[0]
        assert any("cpu x2, no GPU" in line for line in lines[1:])
        await open_first(pilot, app, until)
        assert "cpu, no usable GPU" in text_of(app).splitlines()[0]
        assert "no usable GPU, see log" in text_of(app)


async def test_the_cursor_stays_on_its_run_when_a_newer_run_appears(
    home: Path, gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("down", "down")
        before = runs_screen(app).current()
        assert before is not None
        RunWriter(home, "newest", created=gallery[0].t + 10_000).started()
        await until(pilot, lambda: len(runs_screen(app).rows) == len(gallery) + 1, "the new run")
        after = runs_screen(app).current()
        assert after is not None
        assert after.folder == before.folder


async def test_tabs_open_by_digit_and_by_tab_key_and_q_goes_back(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("down")
        screen = await open_first(pilot, app, until)
        tabs = (("2", "mAP x 100"), ("3", "rank distance"), ("4", "queries"), ("5", "started on"), ("6", "[model]"))
        for key, expected in tabs:
            await pilot.press(key)
            await pilot.pause()
            assert expected in text_of(app), key
        await pilot.press("tab")
        assert screen.active == "overview"
        await pilot.press("q")
        assert isinstance(app.screen, RunsScreen)


async def test_pause_is_requested_acknowledged_and_done_as_the_log_says_so(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    """Never optimistic: the run is called paused only after the worker wrote so and let go of its lock."""
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        await pilot.press("p")
        await until(pilot, lambda: pending_commands(running.folder), "the command file")
        await until(pilot, lambda: "pause: requested" in text_of(app), "requested")
        (command,) = pending_commands(running.folder)
        assert command.command == "pause"
        assert screen.detail is not None
        assert screen.detail.row.state == "running"

        running.received(command.uuid, "pause")
        await until(pilot, lambda: "pause: acknowledged" in text_of(app), "acknowledged")
        assert screen.detail.row.state == "pausing"

        running.saved(310).done(command.uuid, "pause").add(events.RunPaused(step=310))
        command.path.unlink()
        await until(pilot, lambda: "pause: done" in text_of(app), "done")
        assert screen.detail.row.state == "pausing"  # its process is still there
        running.die()
        await until(pilot, lambda: "‖ paused" in text_of(app), "paused")
        assert "p resume" in text_of(app)


async def test_a_command_of_an_earlier_attempt_is_shown_as_stale(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        running.received("u1", "checkpoint").done("u1", "checkpoint", "stale")
        await until(pilot, lambda: "checkpoint: stale" in text_of(app), "stale")


async def test_a_killed_worker_is_shown_as_crashed_without_a_word_from_it(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        running.die()
        await until(pilot, lambda: "✗ crashed" in text_of(app), "crashed")
        assert "killed, resumable from step 200" in text_of(app)


async def test_stop_asks_first_and_no_leaves_everything(running: RunWriter, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        await pilot.press("k")
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("n")
        await pilot.pause()
        assert not pending_commands(running.folder)
        await pilot.press("k", "y")
        await until(pilot, lambda: pending_commands(running.folder), "the stop command")
        assert [command.command for command in pending_commands(running.folder)] == ["stop"]


async def test_stop_of_a_crashed_run_is_recorded_without_a_worker(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    running.die()
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        await pilot.press("k", "y")
        await until(pilot, lambda: "■ stopped" in text_of(app), "stopped")


async def test_an_impossible_wish_is_one_clear_line(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "done")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        await pilot.press("w")
        await until(pilot, lambda: "has no live worker" in text_of(app), "the error")


async def test_resume_of_a_paused_run_is_asked_of_the_engine(
    gallery: list[RunWriter], dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def resume(folder: RunFolder) -> steer.Answer:
        asked.append(folder)
        return steer.Answer("resume: a worker is starting")

    monkeypatch.setattr(steer, "resume_run", resume)
    app = dashboard()
    paused = next(writer for writer in gallery if writer.config.name == "cldr-hybrid-s1")
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        while (row := runs_screen(app).current()) is not None and row.folder != paused.folder:
            await pilot.press("down")
        await pilot.press("p")
        await until(pilot, lambda: asked, "the resume")
        assert asked == [paused.folder]
        assert "resume: a worker is starting" in text_of(app)


async def test_the_step_selector_shows_former_evaluations_and_follows_at_the_newest(
    home: Path, dashboard: Make, until: Until
) -> None:
    finished(home, "done")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        await pilot.press("2", "left_square_bracket")
        await pilot.pause()
        assert "[200]" in text_of(app)
        assert screen.selection.step == 200
        await pilot.press("right_square_bracket")
        await pilot.pause()
        assert "[400]" in text_of(app)
        assert screen.selection.step is None


async def test_the_benchmark_key_changes_between_benchmarks(home: Path, dashboard: Make, until: Until) -> None:
    writer = finished(home, "two")
    writer.evaluated(400, benchmark="xquad-r", languages=("en", "de", "th"))
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        await pilot.press("2", "b")
        await pilot.pause()
        assert screen.selection.benchmark == "xquad-r"
        assert "xquad-r   mAP x 100" in text_of(app)


async def test_arrows_name_the_pair_under_the_cursor(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "done")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        await pilot.press("2", "down", "down", "right")
        await pilot.pause()
        assert "de asks, de answers: mAP" in text_of(app)


async def test_smoothing_and_axis_change_what_is_drawn(running: RunWriter, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        assert "smoothed .8 over raw   y: log" in text_of(app)
        before = text_of(app)
        await pilot.press("plus")
        await until(pilot, lambda: "smoothed .9 over raw" in text_of(app), "more smoothing")
        assert text_of(app) != before
        await pilot.press("y")
        await pilot.pause()
        assert "y: linear" in text_of(app)


async def test_live_steps_arrive_on_the_chart_and_in_the_header(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        assert "step 310 / 400" in text_of(app)
        running.steps(311, 330)
        await until(pilot, lambda: "step 330 / 400" in text_of(app), "the new steps")


async def test_the_age_of_the_last_event_is_never_below_zero(running: RunWriter, dashboard: Make, until: Until) -> None:
    """The worker's clock may be ahead of the viewer's."""
    app = dashboard(now=running.t - 500)
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        assert "last event 0 s ago" in text_of(app)


async def test_narrow_screens_show_one_panel_and_the_others_one_key_away(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=NARROW) as pilot:
        await open_first(pilot, app, until)
        assert "smoothed" in text_of(app)
        assert "pairs/s" not in text_of(app)
        await pilot.press("o")
        await pilot.pause()
        assert "pairs/s" in text_of(app)
        assert "smoothed" not in text_of(app)


async def test_a_narrow_screen_also_says_how_far_a_command_is(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=NARROW) as pilot:
        await open_first(pilot, app, until)
        running.received("u1", "checkpoint")
        await until(pilot, lambda: "checkpoint: acknowledged" in text_of(app), "the command")


@pytest.mark.exhaustive
async def test_resizing_at_any_moment_keeps_every_line_whole(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("down")
        await open_first(pilot, app, until)
        for size in ((60, 20), (40, 12), (200, 60), (81, 25), (79, 24), (120, 36)):
            for key in ("1", "2", "3", "4", "5", "6"):
                await pilot.resize_terminal(*size)
                await pilot.press(key)
                await pilot.pause()
                lines = text_of(app).split("\n")
                assert len(lines) == size[1]
                assert "cldr" in lines[0]


async def test_export_dialog_writes_the_file_it_names(
    home: Path, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def fake(runs: object, table: str, format: str, file: str, benchmark: str | None, step: int | None) -> Path:
        written.append((table, format, file, benchmark, step))
        out = Path(file).absolute()
        out.write_text("run,map_monolingual\n")
        return out

    monkeypatch.setattr("tui.dialogs.export.export", fake)
    finished(home, "done")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        await pilot.press("2", "left_square_bracket", "x")
        assert isinstance(app.screen, ExportScreen)
        await pilot.press("down", "right", "right", "right", "down", *"2", "f5")
        await until(pilot, lambda: "written:" in text_of(app), "the written path")
        assert written == [("heatmap", "markdown", "done-heatmap.md2", "cldr", 200)]
        assert (home.parent / "done-heatmap.md2").is_file()
        await pilot.press("escape")
        assert isinstance(app.screen, RunScreen)


async def test_marked_runs_are_exported_together(gallery: list[RunWriter], dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("space", "space", "x")
        assert isinstance(app.screen, ExportScreen)
        assert len(app.screen.runs) == 2
        assert "2-runs-summary.csv" in text_of(app)


async def test_an_export_that_fails_says_why_in_the_dialog(home: Path, dashboard: Make, until: Until) -> None:
    """There are no result files in this run folder, so the real export has nothing to export."""
    finished(home, "done")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        await pilot.press("x", "f5")
        await until(pilot, lambda: "no results" in text_of(app).lower(), "the error")
        assert isinstance(app.screen, ExportScreen)
        assert not list(home.parent.glob("done-summary*"))


async def test_launch_validates_as_typed_and_starts_nothing_that_is_wrong(
    home: Path, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("n")
        assert isinstance(app.screen, LaunchScreen)
        launch = app.screen
        await until(pilot, lambda: launch.checked.config is not None, "a valid sample")
        while launch.form.field.key != "batch.mono_share":
            await pilot.press("down")
        await pilot.press("ctrl+u", *"1.2")
        await until(pilot, lambda: "batch.mono_share: 1.2 is outside 0..1" in text_of(app), "the error while typing")
        await pilot.press("f5")
        await until(pilot, lambda: launch.checked.config is None)
        assert isinstance(app.screen, LaunchScreen)
        assert list_runs(home) == []
        await pilot.press("ctrl+u", *"0.7", "enter")
        await until(pilot, lambda: launch.checked.config is not None, "a valid config again")
        assert launch.checked.config is not None
        assert launch.checked.config.batch.mono_share == 0.7


async def test_launch_refuses_a_model_by_its_own_description(
    home: Path, tmp_path: Path, dashboard: Make, until: Until
) -> None:
    (tmp_path / "ranker").mkdir()
    (tmp_path / "ranker" / "config_sentence_transformers.json").write_text('{"model_type": "CrossEncoder"}')
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("n")
        launch = app.screen
        assert isinstance(launch, LaunchScreen)
        await until(pilot, lambda: launch.checked.config is not None, "a valid sample")
        await pilot.press("down", "down", "ctrl+u", *"./ranker", "enter")
        await until(pilot, lambda: "model.name: is a re-ranker (CrossEncoder)" in text_of(app), "the refusal")
        await pilot.press("f5")
        await until(pilot, lambda: launch.checked.config is None)
        assert isinstance(app.screen, LaunchScreen)
        assert list_runs(home) == []


async def test_launch_starts_what_the_form_says_and_opens_it(
    home: Path, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def fake(home: Path, config: object, command_line: object, parent: str | None, tick: object) -> object:
        writer = RunWriter(home, "launched", config)  # type: ignore[arg-type]
        writer.started()
        started.append((writer, parent))
        return writer.folder

    monkeypatch.setattr(steer, "start", fake)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("n")
        launch = app.screen
        assert isinstance(launch, LaunchScreen)
        await until(pilot, lambda: launch.checked.config is not None)
        await pilot.press("down", "ctrl+u", *"q-and-?", "ctrl+u", *"mine", "enter", "f5")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run screen")
        writer, parent = started[0]
        assert read_spec(writer.folder).config.name == "mine"
        assert parent is None


async def test_launch_from_a_former_run_takes_over_its_settings(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "former", mode="cross", seed=7)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("n")
        launch = app.screen
        assert isinstance(launch, LaunchScreen)
        await until(pilot, lambda: launch.draft is not None)
        await pilot.press("enter")
        assert isinstance(app.screen, ChooseScreen)
        await pilot.press("end", "enter")
        await until(pilot, lambda: launch.form.values.get("seed") == "7", "the former run's seed")
        assert launch.form.values["batch.mode"] == "cross"
        await until(pilot, lambda: launch.checked.config is not None)
        await pilot.press("f2")
        assert isinstance(app.screen, TomlScreen)
        assert 'name = "former"' in text_of(app)


async def test_help_names_every_key_of_the_screen_in_front(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        assert "launch a new run from a sample or a former run" in text_of(app)
        await pilot.press("q")
        assert isinstance(app.screen, RunsScreen)


async def test_the_palette_finds_a_command_by_its_letters_and_runs_it(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("down")
        screen = await open_first(pilot, app, until)
        await pilot.press("colon")
        assert isinstance(app.screen, PaletteScreen)
        await pilot.press(*"heat", "enter")
        await until(pilot, lambda: screen.active == "heatmap", "the heatmap tab")


async def test_q_leaves_and_names_the_runs_that_go_on(running: RunWriter, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("q")
    assert app.live_names() == ["cldr-hybrid-s0"]
    assert not pending_commands(running.folder)


async def test_an_empty_home_says_what_to_do(home: Path, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: f"no runs in {home}" in text_of(app), "the hint")
        assert "launches one from a sample config" in text_of(app)


async def test_hostile_names_and_logs_are_made_visible(home: Path, dashboard: Make, until: Until) -> None:
    """Escape sequences from a config, a log or an error reach the screen as marks, never as commands."""
    writer = RunWriter(home, "hostile").started()
    writer.add(
        events.Warning(message="title \x1b]0;owned\x07 and \x1b[2J wiped"),
        events.RunFailed(error="bad \x1b[31mred\x9b2J", last_lines=["\x1b]52;c;aGk=\x07"], hint="\u202ereversed"),
    )
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        for key in ("1", "5"):
            await pilot.press(key)
            await pilot.pause()
            text = text_of(app)
            assert "␛" in text
            assert not any(mark in text for mark in ("\x1b", "\x07", "\x9b", "\u202e"))


async def test_the_filter_works_while_it_is_typed_and_a_bad_one_says_so_in_place(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("slash", *"/mono|q/")
        await until(pilot, lambda: "3 of 7 runs" in text_of(app), "the count")  # the queued run's state fits as well
        await pilot.press("backspace", "left_parenthesis", "slash")
        await until(pilot, lambda: "not a regular expression" in text_of(app), "the error")
        assert len(runs_screen(app).entries) == 3
        await pilot.press("backspace", "backspace", "slash")
        await until(pilot, lambda: "3 of 7 runs" in text_of(app), "the count again")
        await pilot.press("enter")
        await until(pilot, lambda: "//mono|q/ shows 3 of 7" in text_of(app), "the filter that stays")
        await pilot.press("ctrl+g")
        assert len(runs_screen(app).entries) == 7


async def test_sorting_by_a_column_and_turning_it_around(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("s", "down", "enter")
        await pilot.pause()
        names = [row.name for row in runs_screen(app).rows]
        shown = [entry.label for entry in runs_screen(app).entries if isinstance(entry, Shown)]
        assert shown == sorted(names)
        await pilot.press("r")
        assert [entry.label for entry in runs_screen(app).entries if isinstance(entry, Shown)] == sorted(names)[::-1]


async def test_a_study_folds_and_is_marked_as_one(home: Path, dashboard: Make, until: Until) -> None:
    for seed in range(3):
        finished(home, f"swept-{seed}", study="sweep", seed=seed)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        assert "sweep   3 runs   3 finished" in text_of(app)
        await pilot.press("enter")
        await pilot.pause()
        assert "swept-0" not in text_of(app)
        await pilot.press("space")
        await until(pilot, lambda: "3 marked: all of sweep" in text_of(app), "the marks")
        await pilot.press("x")
        assert isinstance(app.screen, ExportScreen)
        assert len(app.screen.runs) == 3


async def test_delete_asks_moves_to_the_trash_and_u_brings_back(home: Path, dashboard: Make, until: Until) -> None:
    writer = finished(home, "done")
    trash = home / ".trash" / writer.folder.id
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("d")
        assert isinstance(app.screen, ConfirmScreen)
        assert "./runs/.trash" in text_of(app)
        await pilot.press("n")
        assert writer.folder.path.is_dir()
        await pilot.press("d", "y")
        await until(pilot, lambda: trash.is_dir() and f"no runs in {home}" in text_of(app), "the run to go")
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen), "the list of what was put away")
        await pilot.press("enter")
        await until(pilot, lambda: writer.folder.path.is_dir() and runs_screen(app).rows, "the run to come back")
        assert not trash.exists()


async def test_a_live_run_is_not_put_away_and_says_why(running: RunWriter, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        for key in ("a", "d"):
            await pilot.press(key)
            assert "is still at work" in text_of(app)
            assert isinstance(app.screen, RunsScreen)
    assert running.folder.path.is_dir()


async def test_export_offers_figures_and_says_which_extra_is_missing(
    home: Path, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(home, "done")
    monkeypatch.setattr("tui.dialogs.exporting.importlib.util.find_spec", lambda name: None)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("x")
        assert isinstance(app.screen, ExportScreen)
        form = app.screen.form
        seen = []
        while form.values["table"] not in seen:
            seen.append(form.values["table"])
            await pilot.press("right")
        assert set(seen) == set(KINDS)
        await pilot.press("left")  # from the first to the last: a figure
        await pilot.pause()
        assert form.values["format"] == "svg"
        assert form.values["file"].endswith(".svg")
        await pilot.press("f5")
        await until(pilot, lambda: "pip install 'hybrid-tui[figures]'" in text_of(app), "the extra")
        assert not list(home.parent.glob("*.svg"))


async def test_a_sweep_is_launched_as_one_and_the_runs_are_shown(
    home: Path, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(steer, "start_all", lambda home, study, line, tick: started.append(study) or "swept: 4 runs")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("n")
        launch = app.screen
        assert isinstance(launch, LaunchScreen)
        await until(pilot, lambda: launch.checked.config is not None)
        for key, text in (("batch.mono_share", "0,1"), ("seed", "0,1")):
            while launch.form.field.key != key:
                await pilot.press("down")
            await pilot.press("ctrl+u", *text, "enter")
        await until(pilot, lambda: len(launch.checked.configs) == 4, "the sweep")
        assert "start 4 runs" in text_of(app)
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen), "the runs")
        assert len(started[0].runs) == 4
        await until(pilot, lambda: "swept: 4 runs" in text_of(app), "what was started")


async def test_launch_names_the_run_its_estimate_is_taken_from(home: Path, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("n")
        launch = app.screen
        assert isinstance(launch, LaunchScreen)
        await until(pilot, lambda: launch.checked.estimate is not None)
        await until(pilot, lambda: "time        not known" in text_of(app), "no made-up time")
        await pilot.press("escape")
        finished(home, "former")
        await until(pilot, lambda: [row.state for row in runs_screen(app).rows] == ["finished"], "the run")
        await pilot.press("n")
        again = app.screen
        assert isinstance(again, LaunchScreen)
        await until(pilot, lambda: again.checked.estimate is not None)
        await pilot.press("enter", "end", "enter")
        await until(pilot, lambda: "taken from  former" in text_of(app), "the run it is taken from")


async def test_on_a_narrow_screen_the_estimate_is_one_key_away(home: Path, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("n")
        launch = app.screen
        assert isinstance(launch, LaunchScreen)
        await until(pilot, lambda: launch.checked.estimate is not None)
        assert "evaluations" not in text_of(app)
        await pilot.press("f6")
        await until(pilot, lambda: "evaluations" in text_of(app), "the figures")
        assert "survives" not in text_of(app)
        await pilot.press(*["down"] * 20)
        await until(pilot, lambda: "survives    closing this terminal" in text_of(app), "the last line")
        await pilot.press("f6")
        await until(pilot, lambda: "mono share" in text_of(app), "the form")
        await until(pilot, lambda: launch.form.lines[0].control.has_focus, "the cursor where it was")


async def test_the_cursor_stays_where_a_click_put_it(gallery: list[RunWriter], dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        live = next(writer for writer in gallery if writer.config.name == "cldr-hybrid-s0")
        line = next(y for y, text in enumerate(text_of(app).split("\n")) if "cldr-hybrid-s0  " in text)
        await pilot.click(offset=(20, line))
        row = runs_screen(app).current()
        assert row is not None
        assert row.folder == live.folder
        live.steps(311, 320)
        await until(pilot, lambda: "320/400" in text_of(app), "the news")
        after = runs_screen(app).current()
        assert after is not None
        assert after.folder == live.folder


async def test_a_step_that_is_evaluated_already_is_evaluated_again_only_when_that_is_confirmed(
    home: Path, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(home, "done")
    asked: list[object] = []
    monkeypatch.setattr(steer, "evaluate", lambda folder: asked.append(folder) or "evaluating")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None and app.snapshot.rows)
        assert "p pause" not in text_of(app), "there is nothing to pause in a finished run"
        await pilot.press("e")
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("n")
        assert asked == []
        await pilot.press("e", "y")
        await until(pilot, lambda: len(asked) == 1, "the evaluation")


async def test_runs_of_one_name_are_told_apart_wherever_they_are_listed(
    home: Path, dashboard: Make, until: Until
) -> None:
    for seed in (0, 1):
        writer = finished(home, f"twin-{seed}", seed=seed)
        config = msgspec.structs.replace(writer.config, name="twin")
        spec = msgspec.structs.replace(read_spec(writer.folder), config=config)
        writer.folder.spec.write_bytes(msgspec.json.encode(spec))
        log = writer.folder.events
        log.write_bytes(log.read_bytes().replace(f'"twin-{seed}"'.encode(), b'"twin"'))
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        name = screen.label
        assert name in ("twin s0", "twin s1")
        assert text_of(app).split("\n")[0].strip().startswith(name)
        other = "twin s1" if name == "twin s0" else "twin s0"
        await pilot.press("2", "d")
        assert other in text_of(app)
        await pilot.press("escape", "colon", *"open")
        assert "open: twin s0" in text_of(app)
        assert "open: twin s1" in text_of(app)
