"""From the list of runs to a study: what comes in, what is left, and from each cell to what it rests on."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from helpers.opening import Make, Until, open_study
from helpers.screens import lines_of, text_of
from helpers.sizes import NARROW, WIDE
from runs_factory import START, RunWriter, finished
from study_homes import STUDY, finished_run, launched, measured, record, result
from textual.events import Key

from engine import events
from engine.runs.commands import pending_commands
from engine.runs.study_record import StudyRecord
from tui import keymap
from tui.compare.screen import CompareScreen
from tui.dialogs.confirm import ConfirmScreen
from tui.dialogs.help import HelpScreen
from tui.run.screen import RunScreen
from tui.runs.screen import RunsScreen
from tui.study.screen import StudyScreen


async def test_the_key_of_a_run_opens_its_study_and_q_goes_back(
    study: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_study(pilot, app, until)
        text = text_of(app)
        for shown in (STUDY, "6 of 10 runs done", "standard", "hybrid", "mono", "base", "not trained", "beir/scifact"):
            assert shown in text
        assert "1 running, 1 queued, 1 paused, 1 crashed" in text
        assert "~1 m 01 s left, 2 wait for you" in text
        await pilot.press("q")
        assert isinstance(app.screen, RunsScreen)


async def test_a_run_of_no_study_says_so(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "alone")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None and app.snapshot.rows, "the runs")
        await pilot.press("t")
        await pilot.pause()
        assert isinstance(app.screen, RunsScreen)
        assert "alone belongs to no study" in text_of(app)


async def test_the_palette_opens_a_study_by_its_name(study: list[RunWriter], dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None and app.snapshot.rows, "the runs")
        await pilot.press("colon", *"study: beir", "enter")
        await until(pilot, lambda: isinstance(app.screen, StudyScreen), "the study")


async def test_what_a_run_says_comes_in_while_one_looks(home: Path, dashboard: Make, until: Until) -> None:
    finished_run(home, "standard", 0)
    running = measured(launched(home, "hybrid", 0, 1).live().started().steps(1, 200), 200)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_study(pilot, app, until)
        assert "at step 200" in text_of(app)
        assert "1 of 2 runs done" in text_of(app)
        measured(running.steps(201, 400), 400).add(events.RunFinished(step=400, seconds=30.0)).die()
        app.feed.hurry()
        await until(pilot, lambda: "2 of 2 runs done" in text_of(app), "the end of the run")
        assert "all runs are done" in text_of(app)
        assert "at step" not in text_of(app)


async def test_arrows_move_over_the_cells_and_the_sentence_follows(
    study: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_study(pilot, app, until)
        assert "mAP monolingual of standard on xquad-r" in text_of(app)
        await pilot.press("down", "right")
        assert "nDCG@10 of hybrid on the mean of 2 data sets of beir/*" in text_of(app)
        await pilot.press("up", "right")
        assert "nDCG@10 of standard on beir/nfcorpus" in text_of(app)
        await pilot.press("end")
        assert "of base on beir/scifact" in text_of(app)
        await pilot.press("home")
        assert "of standard on xquad-r" in text_of(app)


async def test_the_measure_turns_and_one_language_has_no_bias(
    study: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_study(pilot, app, until)
        while screen.grid.measure != "rank_distance":
            await pilot.press("m")
        await pilot.press("right")
        text = " ".join(text_of(app).split())
        assert "rank distance of standard" in text
        assert "not applicable. One language: there is no other for a ranking to prefer." in text
        (line,) = [line for line in lines_of(app) if line.startswith("  hybrid ")]
        assert line.count("n/a") == 3


async def test_enter_compares_the_condition_with_the_baseline_on_that_benchmark(
    study: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_study(pilot, app, until)
        await pilot.press("down", "right", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen), "the comparison")
        assert isinstance(app.screen, CompareScreen)
        assert app.screen.benchmark == "beir/nfcorpus"
        assert app.screen.baseline.name == f"{STUDY}-standard"
        assert {row.name for row in app.screen.rows} == {f"{STUDY}-standard", f"{STUDY}-hybrid"}
        assert all(row.state == "finished" for row in app.screen.rows)
        await pilot.press("q")
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen), "the comparison of all")
        assert isinstance(app.screen, CompareScreen)
        assert len({row.name for row in app.screen.rows}) == 4


@pytest.mark.parametrize(("key", "tab"), [("h", "heatmap"), ("b", "bias"), ("w", "queries")])
async def test_a_key_opens_that_tab_of_the_first_run_on_that_benchmark(
    study: list[RunWriter], dashboard: Make, until: Until, key: str, tab: str
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_study(pilot, app, until)
        await pilot.press("down", key)
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.detail is not None, "the run")
        run = app.screen
        assert isinstance(run, RunScreen)
        assert run.detail is not None
        assert run.active == tab
        assert (run.detail.row.name, run.detail.row.seed) == (f"{STUDY}-hybrid", 0)
        point = run.selection.point(run.detail)
        assert point is not None
        assert point.benchmark == "xquad-r"


@pytest.mark.parametrize("key", ["h", "b"])
async def test_one_language_has_neither_heatmap_nor_bias_and_says_why(
    study: list[RunWriter], dashboard: Make, until: Until, key: str
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_study(pilot, app, until)
        await pilot.press("right", "right", key)
        assert app.screen is screen
        assert "one language: there is no other" in text_of(app)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "its queries are there all the same")


async def test_a_suite_says_that_it_is_a_mean(study: list[RunWriter], dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_study(pilot, app, until)
        await pilot.press("right", "enter")
        assert app.screen is screen
        assert "beir/* is a mean: choose one of its data sets" in text_of(app)


async def test_tab_goes_to_the_runs_that_are_left_where_they_are_steered_and_opened(
    study: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_study(pilot, app, until)
        await pilot.press("p")
        assert "tab goes to the runs that are left" in text_of(app)
        await pilot.press("tab", "tab")
        running = next(writer for writer in study if writer.folder.id.endswith("standard-s2"))
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question: others wait for its device")
        await pilot.press("y")
        await until(pilot, lambda: pending_commands(running.folder), "the pause")
        await pilot.press("down", "down", "k")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await pilot.press("n", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run")
        await pilot.press("q")
        await until(pilot, lambda: app.screen is screen, "the study again")
        assert screen.runs_left.has_focus, "one comes back to where one was"
        await pilot.press("shift+tab", "shift+tab")
        assert screen.grid.has_focus


async def test_a_study_whose_runs_are_gone_says_so_and_keeps_what_it_showed(
    home: Path, dashboard: Make, until: Until
) -> None:
    writer = finished_run(home, "standard", 0)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_study(pilot, app, until)
        writer.folder.path.rename(home / ".gone")
        app.feed.hurry()
        await until(pilot, lambda: "no run of" in text_of(app), "the word about it")
        assert "standard" in text_of(app)


async def test_under_another_study_and_back_each_is_followed(home: Path, dashboard: Make, until: Until) -> None:
    """The one that is closed must not end what is followed for the one below."""
    other = msgspec.structs.replace(launched(home, "standard", 0).config, study="second", name="second-standard")
    RunWriter(home, "second", other, study=msgspec.structs.replace(record("standard"), name="second")).started()
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None and len(app.snapshot.rows) == 2, "the runs")
        app.open_study(STUDY)
        await until(pilot, lambda: isinstance(app.screen, StudyScreen) and app.screen.state is not None, "the first")
        below = app.screen
        app.open_study("second")
        await until(
            pilot,
            lambda: app.screen is not below and isinstance(app.screen, StudyScreen) and app.screen.state is not None,
            "the second",
        )
        await pilot.press("q")
        assert app.screen is below
        finished_run(home, "hybrid", 0, 2)
        app.feed.hurry()
        await until(pilot, lambda: "1 of 2 runs done" in text_of(app), "what came in afterwards")


@pytest.mark.parametrize("size", [(60, 20), (84, 30), (120, 36)])
async def test_many_conditions_and_benchmarks_scroll_both_ways_under_their_titles(
    home: Path, dashboard: Make, until: Until, size: tuple[int, int]
) -> None:
    benchmarks = tuple(f"beir/data-{number:02}" for number in range(15))
    for number in range(20):
        config = launched(home, f"condition-{number:02}", 0, number, benchmarks=benchmarks).config
        plan = msgspec.structs.replace(
            record(f"condition-{number:02}"), baseline="condition-00", benchmarks=benchmarks, claims=()
        )
        measured(RunWriter(home, f"run-{number:02}", config, START + number / 10, plan).started(), 400).add(
            events.RunFinished(step=400, seconds=1.0)
        )
    for folder in home.glob("*beir-question*"):
        folder.rename(home / f".{folder.name}")
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        await open_study(pilot, app, until)
        assert "conditions 1-" in text_of(app)
        assert "of 20   benchmarks 1-" in text_of(app)
        await pilot.press("end")
        lines = lines_of(app)
        assert lines[1].lstrip().startswith("condition"), "the titles stay"
        assert "beir/data-14" in lines[1]
        assert any("condition-19" in line for line in lines[2:])
        assert any("-20 of 20" in line and "-15 of 15" in line for line in lines)
        await pilot.press("home")
        lines = lines_of(app)
        assert "beir/data-00" in lines[1]
        assert any("condition-00" in line for line in lines[2:])


@pytest.mark.parametrize("size", [(60, 20), (72, 40), (84, 22)])
async def test_where_there_is_little_room_tab_turns_the_parts(
    study: list[RunWriter], dashboard: Make, until: Until, size: tuple[int, int]
) -> None:
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        await open_study(pilot, app, until)
        assert "beir" in text_of(app)
        assert "runs left" not in text_of(app)
        await pilot.press("tab")
        assert "answer so far" in text_of(app)
        await pilot.press("o")
        assert "runs left" in text_of(app)
        assert "standard s2" in text_of(app)
        await pilot.resize_terminal(*WIDE)
        await pilot.pause()
        assert "answer so far" in text_of(app)
        assert "xquad-r" in text_of(app)


async def test_names_of_others_cannot_drive_the_terminal(home: Path, dashboard: Make, until: Until) -> None:
    evil = "\x1b]0;OWNED\x07"
    plan: StudyRecord = msgspec.structs.replace(
        record(evil), baseline=evil, left_out=(evil,), benchmarks=(evil, "xquad-r")
    )
    config = launched(home, "standard", 0).config
    writer = measured(RunWriter(home, "evil", config, START + 1, plan).started(), 400)
    writer.add(
        events.EvalFinished(benchmark=evil, step=400, seconds=1.0, result=result("standard", 0, "beir/scifact", 1.0)),
        events.RunFinished(step=400, seconds=1.0),
    )
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_study(pilot, app, until)
        for key in ("left", "right", "down", "tab", "tab", "h"):
            await pilot.press(key)
            await pilot.pause()
            assert "\x1b" not in text_of(app)
            assert "\x07" not in text_of(app)


async def test_every_key_that_help_names_does_something_or_says_why_not(
    study: list[RunWriter], dashboard: Make, until: Until
) -> None:
    """Each with the part in front that has it: something changes on the screen, or another comes."""
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_study(pilot, app, until)
        parts = {"grid": screen.grid, "answer": screen.answer_panel, "left": screen.runs_left}
        for action in keymap.actions_of("study"):
            if action.name in ("repaint", "close"):
                continue
            for area in [scope for scope in action.scopes if scope in ("grid", "left")] or ["grid"]:
                parts[area].focus()
                screen.grid.move_to(1, 1)
                screen.runs_left.move_to(1)
                screen.say("", "")
                await pilot.pause()
                before = text_of(app)
                await pilot.press(action.keys[0])
                for _ in range(20):
                    await pilot.pause(0.02)
                    if text_of(app) != before or app.screen is not screen:
                        break
                else:
                    pytest.fail(f"{action.keys[0]} ({action.name}) did nothing in {area}")
                while app.screen is not screen:
                    app.pop_screen()
                    await pilot.pause()


async def test_help_tells_of_the_keys_of_all_parts(study: list[RunWriter], dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_study(pilot, app, until)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen), "help")
        for told in ("move over the cells", "heatmap", "next part", "pause a live run"):
            assert told in text_of(app)


async def test_one_part_alone_is_marked_as_the_one_with_the_focus(
    study: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard(charset="ascii")
    async with app.run_test(size=WIDE) as pilot:
        await open_study(pilot, app, until)
        for titles in (("> answer so far",), ("> runs left",), ()):
            await pilot.press("tab")
            await pilot.pause()
            shown = [title for title in ("> answer so far", "> runs left") if title in text_of(app)]
            assert tuple(shown) == titles


async def test_keys_that_are_typed_at_once_reach_the_part_that_has_the_focus_by_then(
    study: list[RunWriter], dashboard: Make, until: Until
) -> None:
    """As they come from a fast hand, or from a slow line that delivers them together."""
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_study(pilot, app, until)
        for key in ("tab", "tab", "down", "down"):
            app.post_message(Key(key, None))
        await until(pilot, lambda: screen.runs_left.current() is screen.state.left.runs[2], "the third run")  # type: ignore[union-attr]
        assert screen.grid.at == (0, 0)


async def test_from_a_run_of_it_the_key_leads_back_to_the_study(
    study: list[RunWriter], dashboard: Make, until: Until
) -> None:
    """And not to a second one on top of the first."""
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_study(pilot, app, until)
        await pilot.press("h")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.detail is not None, "the run")
        await pilot.press("t")
        await until(pilot, lambda: app.screen is screen, "the study")
        await pilot.press("q")
        assert isinstance(app.screen, RunsScreen)


async def test_a_long_reason_is_told_to_its_end(home: Path, dashboard: Make, until: Until) -> None:
    reason = "the ranking was cut off " * 12 + "at its hundredth passage"
    found = result("standard", 0, "xquad-r", 1.0)
    assert found.bias is not None
    bias = msgspec.structs.replace(found.bias, not_applicable={"rank_distance": reason})
    cut = msgspec.structs.replace(found, metrics={**found.metrics, "rank_distance": None}, bias=bias)
    writer = launched(home, "standard", 0).started().steps(1, 400)
    writer.add(events.EvalFinished(benchmark="xquad-r", step=400, seconds=1.0, result=cut))
    writer.add(events.RunFinished(step=400, seconds=3.0))
    app = dashboard()
    async with app.run_test(size=NARROW) as pilot:
        await open_study(pilot, app, until)
        await pilot.press("m", "m", "m")
        await until(pilot, lambda: "at its hundredth passage." in " ".join(text_of(app).split()), "the end of it")


async def test_at_no_width_a_number_in_a_cell_is_cut(study: list[RunWriter], dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_study(pilot, app, until)
        for measure in range(5):
            for cells in range(40, 201):
                _, _, *rows = screen.grid.rows(cells, 20)
                for row in rows:
                    assert not any("…" in text and any(map(str.isdigit, text)) for text, _ in row), (measure, cells)
            screen.grid.next_measure()
