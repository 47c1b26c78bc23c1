"""The table of runs, key by key and click by click: filter, columns, order, views, notes, tags, names and pins."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helpers.opening import Make, Until, first_rows, runs_screen
from helpers.rows import make_run_row
from helpers.screens import text_of
from helpers.sizes import WIDE
from helpers.terminal import Terminal
from runs_factory import RunWriter, finished
from textual.pilot import Pilot

from engine.runs.annotations import read_annotations
from engine.runs.folder import RunFolder
from tui.app import Dashboard
from tui.dialogs.confirm import ConfirmScreen
from tui.dialogs.enter import EnterScreen
from tui.run.screen import RunScreen
from tui.runs.choose_fields import FieldsScreen
from tui.runs.choose_view import ViewsScreen
from tui.runs.filter_line import FilterInput, complete
from tui.runs.listing import Group, Shown
from tui.widgets.lists import Items


def shown(app: Dashboard) -> list[str]:
    return [entry.label for entry in runs_screen(app).entries if isinstance(entry, Shown)]


async def typed(pilot: Pilot[None], text: str) -> None:
    """Into the line that has the focus."""
    for character in text:
        await pilot.press("space" if character == " " else character)


async def test_a_comparison_filters_while_it_is_typed_and_what_is_unfinished_empties_nothing(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await first_rows(pilot, app, until)
        await pilot.press("slash")
        assert isinstance(app.focused, FilterInput)
        for text, error in (("lr", ""), (">", "lr> needs a value"), ("1e-", "needs a number")):
            await typed(pilot, text)
            await pilot.pause()
            assert len(shown(app)) == 7
            assert error in text_of(app)
        await pilot.press("backspace", "backspace", "backspace", "backspace", "backspace", "backspace")
        await typed(pilot, "mono>.5 -state:live")
        await until(pilot, lambda: "2 of 7 runs" in text_of(app), "the runs that fit")
        await pilot.press("enter")
        await until(pilot, lambda: "/mono>.5 -state:live shows 2 of 7" in text_of(app), "the filter that stays")
        assert isinstance(app.focused, Items)
        await pilot.press("slash", *" zzz")
        await until(pilot, lambda: "no run fits the last term" in text_of(app), "nothing")
        assert len(shown(app)) == 2
        await pilot.press("space")
        await until(pilot, lambda: "0 of 7 runs" in text_of(app), "nothing")
        await pilot.press("escape")
        await until(pilot, lambda: len(shown(app)) == 2, "the filter from before")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: len(shown(app)) == 7, "all runs")


async def test_the_line_is_one_that_edits_pastes_and_completes(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await first_rows(pilot, app, until)
        await pilot.press("slash", *"optimizer.le")
        line = app.focused
        assert isinstance(line, FilterInput)
        await until(pilot, lambda: line._suggestion, "a suggestion")
        await pilot.press("tab")
        assert line.value == "optimizer.learning_rate"
        await pilot.press("ctrl+u", *"state:pau")
        await until(pilot, lambda: line._suggestion, "a suggestion")
        await pilot.press("tab")
        await until(pilot, lambda: shown(app) == ["cldr-hybrid-s1"], "the paused run")
        assert line.value.endswith("state:paused")


@pytest.mark.parametrize(
    ("text", "ended"),
    [("stu", "study"), ("paper -learning_r", "paper -learning_rate"), ("state:fin", "state:finished"), ("lr>1", None),
     ("tag:pa", "tag:paper"), ("zzz", None), ("", None), ("nope:x", None), ("optimizer.m", "optimizer.max_steps"),
     ("xquad-r.map_m", "xquad-r.map_monolingual"), ("host~bo", "host~box")],
)  # fmt: skip
def test_the_last_word_is_ended_by_what_there_is(text: str, ended: str | None) -> None:
    row = make_run_row(1, tags=("paper",), host="box", results={"xquad-r": {"map_monolingual": 0.5}})
    assert complete(text, [row]) == ended


async def test_enter_right_behind_an_expression_keeps_it(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await first_rows(pilot, app, until)
        await pilot.press("slash", *"name~/s1$/", "enter")
        await until(pilot, lambda: "shows 2 of 7" in text_of(app), "the filter that stays")
        assert runs_screen(app).filter_line is None


def test_an_expression_that_backtracks_stops_neither_keys_nor_the_way_out(home: Path) -> None:
    finished(home, "a" * 50 + "-b")
    terminal = Terminal([sys.executable, "-m", "tui.cli", "--runs", str(home)], columns=100, lines=20)
    terminal.until("finished")
    terminal.press("/")
    terminal.send("/(a|aa)+$/")
    terminal.until("takes too long")
    terminal.send("\x07")
    terminal.until("leave")
    terminal.send("q")
    assert terminal.wait(20) == 0


async def test_columns_are_taken_left_out_and_put_in_order_and_kept_for_the_next_start(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await first_rows(pilot, app, until)
        await pilot.press("C")
        await pilot.pause()
        assert isinstance(app.screen, FieldsScreen)
        await pilot.press(*"learning_rate", "enter", *["ctrl+up"] * 20, "escape")
        await until(pilot, lambda: "  lr  " in text_of(app), "the column")
        assert runs_screen(app).columns is not None
        assert runs_screen(app).columns[0] == "optimizer.learning_rate"
        await pilot.press("s", *"mono", "enter", "r", "g")
        await until(pilot, lambda: runs_screen(app).order.sort == "mono", "the order")
        await until(pilot, lambda: not app.background.count, "the file")
    again = dashboard()
    async with again.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "  lr  " in text_of(again), "the column of the last time")
        order = runs_screen(again).order
        assert (order.sort, order.backwards, order.group) == ("mono", True, ())


async def test_a_view_is_saved_shown_and_deleted(gallery: list[RunWriter], dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await first_rows(pilot, app, until)
        await pilot.press("slash", *"state:paused", "enter", "V")
        await pilot.pause()
        assert isinstance(app.screen, ViewsScreen)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, EnterScreen)
        await pilot.press(*"waiting", "enter")
        await until(pilot, lambda: "view waiting is saved" in text_of(app), "the answer")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: len(shown(app)) == 7, "all runs")
        await pilot.press("V", "enter")
        await until(pilot, lambda: len(shown(app)) == 1, "the view")
        await pilot.press("V", "delete", "escape")
        await until(pilot, lambda: not runs_screen(app)._named, "the view to go")


async def test_a_wrong_file_is_one_line_and_the_table_as_usual(
    gallery: list[RunWriter], dashboard: Make, until: Until, tmp_path: Path
) -> None:
    path = tmp_path / "state" / "hybrid-tui" / "runs-table.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "runs-table.json" in text_of(app), "the line")
        await until(pilot, lambda: len(shown(app)) == 7, "the runs")


async def test_runs_are_grouped_by_keys_of_their_configs(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await first_rows(pilot, app, until)
        await pilot.press("G")
        await pilot.pause()
        assert isinstance(app.screen, FieldsScreen)
        await pilot.press("enter", *"batch.mode", "enter", "escape")  # study out, batch.mode in
        await until(pilot, lambda: runs_screen(app).order.group == ("batch.mode",), "the groups")
        groups = [entry.label for entry in runs_screen(app).entries if isinstance(entry, Group)]
        assert "mode hybrid" in groups
        await pilot.press("t")
        await until(pilot, lambda: "belongs to no study" in text_of(app), "why no study opens")


async def test_what_is_said_of_a_run_is_written_into_its_folder_and_shown(
    home: Path, dashboard: Make, until: Until
) -> None:
    first, second = finished(home, "first").folder, finished(home, "second").folder
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: len(shown(app)) == 2, "the runs")
        run = RunFolder(runs_screen(app).chosen()[0].folder.path)
        await pilot.press("N", *"too", "space", *"high", "enter")
        await until(pilot, lambda: read_annotations(run).note == "too high" and "too high" in text_of(app), "the note")
        await pilot.press("T", *"paper", "space", *"b", "enter")
        await until(pilot, lambda: read_annotations(run).tags == ("b", "paper"), "the tags")
        await until(pilot, lambda: "b paper" in text_of(app), "the tags on the table")
        await pilot.press("T", "ctrl+u", *"b", "enter")
        await until(pilot, lambda: read_annotations(run).tags == ("b",), "the tag that was taken out to go")
        await pilot.press("R", "ctrl+u", *"a", "space", *"b", "enter")
        await until(pilot, lambda: "is no name for a run" in text_of(app), "what is wrong")
        await pilot.press("ctrl+u", *"best", "enter")
        await until(pilot, lambda: "best" in shown(app), "the new name")
        other = next(folder for folder in (first, second) if folder != run)
        await pilot.press("end", "P")
        await until(pilot, lambda: read_annotations(other).pinned, "the pin")
        await until(pilot, lambda: runs_screen(app).entries[0].row.folder == other, "the pinned run to be first")  # type: ignore[union-attr]
        await pilot.press("P")
        await until(pilot, lambda: not read_annotations(other).pinned, "the pin to go")


async def test_tags_of_several_runs_are_added_and_taken_away(home: Path, dashboard: Make, until: Until) -> None:
    folders = [finished(home, name).folder for name in ("first", "second")]
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: len(shown(app)) == 2, "the runs")
        await pilot.press("space", "space", "T", *"old", "space", *"paper", "enter")
        await until(pilot, lambda: all(read_annotations(folder).tags == ("old", "paper") for folder in folders))
        await pilot.press("T", *"-old", "space", *"new", "enter")
        await until(pilot, lambda: all(read_annotations(folder).tags == ("new", "paper") for folder in folders))


async def test_a_click_on_a_title_sorts_and_two_clicks_open_a_run(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await first_rows(pilot, app, until)
        await pilot.pause()
        screen = runs_screen(app)
        titles = text_of(app).split("\n")[1]
        for backwards in (False, True):
            await pilot.click(screen.table_head, offset=(titles.index("loss"), 0))
            await pilot.pause()
            assert (screen.order.sort, screen.order.backwards) == ("loss", backwards)
        await pilot.click(screen.table, offset=(10, 2))
        await pilot.pause()
        assert screen.table.cursor.index > 0
        row = screen.current()
        await pilot.click(screen.table, offset=(10, 2), times=2)
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run")
        assert isinstance(app.screen, RunScreen)
        assert row is not None
        assert app.screen.folder == row.folder


async def test_a_question_names_every_run_and_those_that_the_filter_hides(
    home: Path, dashboard: Make, until: Until
) -> None:
    names = [f"run-{letter}" for letter in "abcde"]
    for name in names:
        finished(home, name)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: len(shown(app)) == 5, "the runs")
        await pilot.press(*["space"] * 5, "slash", *"run-c", "enter")
        await until(pilot, lambda: "4 out of sight" in text_of(app), "the marks")
        for key in ("d", "a"):
            await pilot.press(key)
            await pilot.pause()
            assert isinstance(app.screen, ConfirmScreen)
            text = " ".join(text_of(app).split())
            assert all(name in text for name in names)
            assert "The filter hides" in text
            await pilot.press("n")
            await pilot.pause()


async def test_an_empty_folder_says_why_and_where(tmp_path: Path, home: Path, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=(160, 20)) as pilot:
        await until(pilot, lambda: "the folder is empty" in text_of(app), "why")
        assert str(home) in text_of(app)
        (home / "no-run").mkdir()
        await until(pilot, lambda: "1 thing lies there, none with a spec.json" in text_of(app), "why it is not a run")


async def test_a_folder_that_is_not_there_says_so(home: Path, dashboard: Make, until: Until) -> None:
    home.rmdir()
    app = dashboard()
    async with app.run_test(size=(160, 20)) as pilot:
        await until(pilot, lambda: "the folder is not there: the first run makes it" in text_of(app), "why")


async def test_the_header_says_when_what_waits_will_be_done(
    gallery: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "done ~" in text_of(app), "the time")
        assert "1 queued" in text_of(app)
