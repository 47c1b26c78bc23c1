"""From a cell of the heatmap down to one query's ranking, and back, by keyboard."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from helpers.opening import Make, Until, open_first
from helpers.screens import text_of
from helpers.sizes import NARROW, WIDE
from queried_runs import BENCHMARK, queried
from textual.pilot import Pilot

from tui.app import Dashboard
from tui.run import queries_tab
from tui.run import stored_queries as model
from tui.run.queries_tab import QueriesTab


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(tmp_path / "cache"))


async def open_cell(pilot: Pilot[None], app: Dashboard, until: Until) -> QueriesTab:
    """Opens the queries of the cell de -> en, with the ranking of the first."""
    screen = await open_first(pilot, app, until)
    await pilot.press("2", "down", "right", "enter")
    tab = screen.tab
    assert isinstance(tab, QueriesTab)
    await until(pilot, lambda: tab.passages.ranking is not None, "the ranking")
    return tab


def ranked_for(tab: QueriesTab) -> str | None:
    """The query whose ranking is shown."""
    return tab.passages.ranking.query_id if tab.passages.ranking is not None else None


async def test_enter_on_a_cell_lists_its_queries_and_what_was_ranked(home: Path, dashboard: Make, until: Until) -> None:
    queried(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        tab = await open_cell(pilot, app, until)
        text = text_of(app)
        assert "de → en" in text
        assert "Was ist Tatsache" in text
        assert tab.questions.listed is not None
        values = [row.standing.average_precision for row in tab.questions.listed.rows]
        assert values == sorted(values)
        starred = [line for line in text.splitlines() if "★" in line]
        assert {language for line in starred for language in ("de", "en", "th") if f" {language} ★" in line}
        assert f"best {18} of {18}" in text


async def test_another_question_brings_its_own_passages(home: Path, dashboard: Make, until: Until) -> None:
    queried(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        tab = await open_cell(pilot, app, until)
        await pilot.press("down", "down")
        row = tab.questions.current()
        assert row is not None
        await until(
            pilot, lambda: tab.passages.ranking and tab.passages.ranking.query_id == row.query_id, "its ranking"
        )
        await pilot.press("right", "end")
        assert tab.questions.current() is row  # the passages are scrolled now
        await pilot.press("left", "home")
        assert tab.questions.cursor.index == 0


async def test_n_goes_from_one_relevant_passage_to_the_next(home: Path, dashboard: Make, until: Until) -> None:
    queried(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        tab = await open_cell(pilot, app, until)
        relevant = [
            index for index, entry in enumerate(tab.passages.entries) if not isinstance(entry, str) and entry.relevance
        ]
        assert len(relevant) == 3
        seen = []
        for _ in range(4):
            await pilot.press("n")
            seen.append(tab.passages.cursor.index)
        start = 1 if relevant[0] == 0 else 0  # the cursor stands on the first passage already
        assert seen == [relevant[(start + step) % 3] for step in range(4)]
        await pilot.press("N")
        assert tab.passages.cursor.index == seen[-2]


async def test_a_screen_that_is_left_while_it_reads_is_no_trouble(
    home: Path, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    queried(home, "a")
    gate, started = threading.Event(), threading.Event()

    def slow(wish: model.Wish, tick: model.Tick) -> object:
        started.set()
        gate.wait(20)
        return model.load_worst(wish, tick)

    monkeypatch.setattr(queries_tab, "load_worst", slow)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        await pilot.press("4")
        tab = screen.tab
        assert isinstance(tab, QueriesTab)
        await until(pilot, started.is_set, "the reading")
        await pilot.press("q")
        gate.set()
        await until(pilot, lambda: app.background.count == 0, "the end of the reading")
        await open_first(pilot, app, until)


async def test_a_click_chooses_question_and_passage(home: Path, dashboard: Make, until: Until) -> None:
    queried(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        tab = await open_cell(pilot, app, until)
        await pilot.click(tab.questions, offset=(10, 4))
        assert tab.questions.cursor.index == 2
        row = tab.questions.current()
        assert row is not None
        await until(
            pilot, lambda: tab.passages.ranking and tab.passages.ranking.query_id == row.query_id, "its ranking"
        )
        await pilot.click(tab.passages, offset=(10, 5))
        assert (tab.chosen, tab.passages.cursor.index) == (1, 2)


async def test_hostile_passages_are_shown_as_marks(home: Path, dashboard: Make, until: Until) -> None:
    """One candidate is full of escape sequences: it is ranked for every query of so small a benchmark."""
    queried(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_cell(pilot, app, until)
        text = text_of(app)
        assert "␛]0;owned\\x07 ␛[2J wiped" in text
        assert "\x1b" not in text
        assert "\x07" not in text


async def test_two_runs_stand_side_by_side(home: Path, dashboard: Make, until: Until) -> None:
    queried(home, "a", seed=1)
    queried(home, "b", seed=2)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        tab = await open_cell(pilot, app, until)
        await pilot.press("d", "end", "enter")
        await until(pilot, lambda: tab.other_passages.ranking is not None, "the other run's ranking")
        assert tab.passages.ranking is not None
        assert tab.passages.ranking.run != tab.other_passages.ranking.run
        assert "at step 400" in text_of(app)
        await pilot.press("s")
        await until(pilot, lambda: tab.wish and tab.wish.order == "lost" and not tab.busy, "the order")
        assert tab.questions.listed is not None
        gains = [
            row.standing.average_precision - row.against.average_precision
            for row in tab.questions.listed.rows
            if row.against is not None
        ]
        assert gains
        assert gains == sorted(gains)
        await pilot.press("d", "home", "enter")
        await until(
            pilot, lambda: tab.other_passages.ranking is None and not tab.other_passages.display, "one run again"
        )


async def test_only_the_language_of_the_cell_is_shown_with_the_ranks_there(
    home: Path, dashboard: Make, until: Until
) -> None:
    queried(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        tab = await open_cell(pilot, app, until)
        await pilot.press("l")
        await pilot.pause()
        shown = [entry for entry in tab.passages.entries if not isinstance(entry, str)]
        assert {entry.language for entry in shown} == {"en"}
        assert [entry.rank_language for entry in shown] == list(range(1, 7))
        await pilot.press("l")
        assert len(tab.passages.entries) == 18


async def test_on_a_narrow_screen_there_is_one_at_a_time(home: Path, dashboard: Make, until: Until) -> None:
    queried(home, "a")
    app = dashboard()
    async with app.run_test(size=NARROW) as pilot:
        tab = await open_cell(pilot, app, until)
        assert (tab.questions.display, tab.passages.display, tab.other_passages.display) == (True, False, False)
        await pilot.press("enter")
        assert (tab.questions.display, tab.passages.display, tab.other_passages.display) == (False, True, False)
        await pilot.press("left")
        assert (tab.questions.display, tab.passages.display, tab.other_passages.display) == (True, False, False)


async def test_results_that_are_gone_are_told_and_the_screen_goes_on(home: Path, dashboard: Make, until: Until) -> None:
    writer = queried(home, "a")
    shutil.rmtree(writer.folder.results)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        await pilot.press("4")
        await until(pilot, lambda: f"has no results on {BENCHMARK} at step 400" in text_of(app), "the reason")
        await pilot.press("2")
        assert screen.active == "heatmap"


async def test_the_interface_does_not_wait_for_the_disk(
    home: Path, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the results are being read, keys are answered; of several wishes the last is fulfilled."""
    queried(home, "a")
    gate, threads = threading.Event(), []

    def slow(wish: model.Wish, tick: model.Tick) -> object:
        threads.append(threading.current_thread())
        gate.wait(20)
        return model.load_worst(wish, tick)

    monkeypatch.setattr(queries_tab, "load_worst", slow)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        await pilot.press("4")
        await until(pilot, lambda: threads, "the reading")
        assert "reading" in text_of(app)
        await pilot.press("2", "down", "right", "enter")
        assert screen.active == "queries"
        gate.set()
        tab = screen.tab
        assert isinstance(tab, QueriesTab)
        await until(pilot, lambda: tab.passages.ranking is not None, "the ranking")
        assert tab.questions.listed is not None
        assert tab.questions.listed.cell.query_language == "de"
        assert tab.questions.listed.cell.candidate_language == "en"
    assert threading.main_thread() not in threads
