"""From marked runs to a verdict: against a chosen baseline, language by language, over time, and as an export."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from compare_cases import comparable, with_two_benchmarks
from helpers.opening import Make, Until, first_rows
from helpers.screens import text_of
from helpers.sizes import WIDE
from runs_factory import RunWriter, finished, run_config
from textual.pilot import Pilot

from engine.export import compare_job
from engine.export.background import JobProgress
from engine.export.compare_job import CompareOutcome, CompareRequest
from engine.export.measured_runs import headline_measures
from tui.app import Dashboard
from tui.compare import comparator
from tui.compare import job as comparing
from tui.compare.overlay import Overlay, OverlayReader
from tui.compare.screen import CompareScreen
from tui.dialogs.choose import ChooseScreen
from tui.dialogs.export import ExportScreen
from tui.numbers import metric_change
from tui.run.screen import RunScreen
from tui.runs.screen import RunsScreen


async def open_compare(pilot: Pilot[None], app: Dashboard, until: Until) -> CompareScreen:
    """Marks all runs and compares them."""
    await first_rows(pilot, app, until)
    assert app.snapshot is not None
    for _ in app.snapshot.rows:
        await pilot.press("space")
    await pilot.press("c")
    assert isinstance(app.screen, CompareScreen)
    return app.screen


async def wait_for(pilot: Pilot[None], screen: CompareScreen, until: Until) -> None:
    for _ in range(20):  # a process has to import polars, on whatever machine this is
        try:
            await until(pilot, lambda: screen.comparison is not None, "the comparison")
        except pytest.fail.Exception:
            continue
        return
    pytest.fail("the comparison was not computed")


@pytest.fixture
def five(home: Path) -> list[RunWriter]:
    return comparable(home)


@pytest.fixture
def quick(five: list[RunWriter], monkeypatch: pytest.MonkeyPatch) -> list[CompareRequest]:
    """Comparisons computed in this process; what was asked for."""
    asked: list[CompareRequest] = []
    told: list[object] = []
    monkeypatch.setattr("engine.export.compare_job.send", told.append)

    def compute(
        request: CompareRequest, progress: Callable[[JobProgress], None], cancelled: threading.Event
    ) -> CompareOutcome | None:
        from engine.export import compare_job

        asked.append(request)
        progress(JobProgress(what="map_monolingual", done=1, total=6))
        return compare_job.compare(request)

    monkeypatch.setattr(comparator, "compute", compute)
    return asked


async def test_a_process_of_its_own_computes_what_the_table_shows(
    five: list[RunWriter], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        text = text_of(app)
        assert "baseline cldr-mono (2 seeds)" in text
        for measure in headline_measures("map_monolingual"):
            assert comparing.LABELS[measure] in text
        assert "better" in text
        assert "24 clusters" in text
        assert "margin .010, stated in the configs" in text


async def test_seeds_are_one_condition_and_the_monolingual_one_is_the_first_baseline(
    quick: list[CompareRequest], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        assert screen.comparison is not None
        sizes = [len(runs) for runs in screen.comparison.done.comparison.conditions.values()]
        assert sizes == [2, 2, 1]
        assert screen.baseline.mode == "mono"
        assert "(2 seeds)" in text_of(app)


async def test_another_baseline_is_computed_once_and_then_remembered(
    quick: list[CompareRequest], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        first = screen.comparison
        for key, expected in (("down", "cldr-hybrid"), ("up", "cldr-mono"), ("down", "cldr-hybrid")):
            await pilot.press("v")
            assert isinstance(app.screen, ChooseScreen)
            await pilot.press(key, "enter")
            await until(
                pilot,
                lambda expected=expected: (
                    screen.comparison is not None and screen.comparison.done.comparison.baseline == expected
                ),
                f"the baseline {expected}",
            )
        assert len(quick) == 2
        assert first is not None
        assert screen.comparison is not None
        assert screen.comparison.names == first.names, "colours do not depend on the baseline"


async def test_views_open_by_their_keys_and_q_goes_back_step_by_step(
    quick: list[CompareRequest], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        for key, expected in (("h", "Holm p below .05"), ("l", "mAP monolingual"), ("p", "rank distance (left")):
            await pilot.press(key)
            await until(pilot, lambda expected=expected: expected in text_of(app), f"the view of {key}")
        await pilot.press("q")
        await until(pilot, lambda: "verdict" in text_of(app), "the table")
        await pilot.press("q")
        assert isinstance(app.screen, RunsScreen)


async def test_the_cursor_tells_a_pair_in_sentences(quick: list[CompareRequest], dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        await pilot.press("h", "right")
        await until(pilot, lambda: "mAP cross-lingual for de → en of" in text_of(app), "the pair")
        cell = screen.pairs.current()
        assert cell is not None
        assert metric_change(cell.metric, cell.difference) in text_of(app)


async def test_curves_go_through_losses_and_metrics(quick: list[CompareRequest], dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        await pilot.press("l")
        await until(pilot, lambda: "mAP monolingual" in text_of(app).split("\n")[1], "quality first")
        seen = []
        for _ in range(7):
            seen.append(screen.curves.what)
            await pilot.press("m")
        assert seen == [
            "map_monolingual", "map_crosslingual", "map_multilingual", "rank_distance", "all batches", "mono batches",
            "cross batches",
        ]  # fmt: skip
        assert screen.curves.what == "map_monolingual"


async def test_a_newer_evaluation_is_compared_without_being_asked(
    five: list[RunWriter], quick: list[CompareRequest], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        before = len(quick)
        five[0].evaluated(400)
        await until(pilot, lambda: len(quick) > before, "another comparison")


async def test_runs_without_a_common_evaluation_are_told_apart(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "first")
    other = RunWriter(home, "second", run_config("second")).started().steps(1, 20)
    other.evaluated(20, benchmark="xquad-r")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_compare(pilot, app, until)
        await until(pilot, lambda: "no evaluation in common" in text_of(app), "the reason")
        assert "20260922-first: cldr at step 400" in text_of(app)
        assert "20260922-second: xquad-r at step 20" in text_of(app)


async def test_what_cannot_be_compared_says_why(home: Path, dashboard: Make, until: Until) -> None:
    """There are no result files in these run folders."""
    finished(home, "first")
    finished(home, "second")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        for _ in range(20):
            if screen.comparator.error:
                break
            await pilot.pause(0.2)
        await until(pilot, lambda: "has no results on cldr" in text_of(app), "the reason")


async def test_one_run_alone_is_not_compared(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "alone")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.press("c")
        assert isinstance(app.screen, RunsScreen)
        assert "mark two or more runs" in text_of(app)


async def test_leaving_ends_the_process_that_still_computes(
    five: list[RunWriter], dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[threading.Event] = []

    def compute(request: CompareRequest, progress: object, cancelled: threading.Event) -> CompareOutcome | None:
        events.append(cancelled)
        cancelled.wait(10)
        return None

    monkeypatch.setattr(comparator, "compute", compute)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_compare(pilot, app, until)
        await until(pilot, lambda: events, "the computation")
        assert not events[0].is_set()
        await pilot.press("q")
        await until(pilot, lambda: events[0].is_set(), "the end of it")


async def test_export_offers_what_is_in_sight_with_the_baseline_first(
    quick: list[CompareRequest], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        for view, expected in (("t", "compare"), ("p", "pareto"), ("l", "figure: loss")):
            await pilot.press(view, "x")
            assert isinstance(app.screen, ExportScreen)
            assert app.screen.form.values["table"] == expected
            assert app.screen.runs[0] == screen.baseline.folder
            await pilot.press("escape")


async def test_every_line_stays_whole_at_any_size(quick: list[CompareRequest], dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        for size in ((60, 20), (40, 12), (200, 60), (93, 25), (120, 36)):
            await pilot.resize_terminal(*size)
            for key in ("h", "l", "p", "t"):
                await pilot.press(key)
                await pilot.pause()
                lines = text_of(app).split("\n")
                assert len(lines) == size[1]
                assert "compare" in lines[0]


async def test_a_click_on_a_line_tells_that_difference(
    quick: list[CompareRequest], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        line = next(y for y, text in enumerate(text_of(app).split("\n")) if "rank distance" in text)
        await pilot.click(offset=(20, line))
        await until(pilot, lambda: "if languages did not matter" in text_of(app), "its sentences")


@pytest.mark.parametrize("size", [(60, 20), (40, 12)])
async def test_difference_and_verdict_stand_whole_on_a_small_terminal(
    size: tuple[int, int], quick: list[CompareRequest], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        assert screen.comparison is not None
        await until(pilot, lambda: "mAP monolingual" in text_of(app), "the table")
        first, text = screen.comparison.rows[0], text_of(app)
        assert metric_change(first.metric, first.difference) in text.split("\n")[1]
        assert comparing.words(first) in text.split("\n")[2]
        lines = size[1] - 4  # without header, the count itself, message and footer
        assert f"▼ {len(screen.comparison.rows) - lines // 2}" in text, "what is hidden is counted"


async def test_a_view_asked_for_while_the_runs_are_compared_comes_with_the_answer(
    five: list[RunWriter], quick: list[CompareRequest], dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, now = threading.Event(), comparator.compute

    def later(*arguments: object) -> object:
        go.wait(20)
        return now(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(comparator, "compute", later)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await pilot.press("p")
        assert screen.view == "table"
        assert "as soon as" in text_of(app)
        go.set()
        await wait_for(pilot, screen, until)
        await until(pilot, lambda: "rank distance (left" in text_of(app), "the view that was asked for")


async def test_curves_of_another_benchmark_are_read_though_no_run_is_live(
    home: Path, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_two_benchmarks(home)
    monkeypatch.setattr("engine.export.compare_job.send", lambda message: None)
    monkeypatch.setattr(comparator, "compute", lambda request, progress, cancelled: compare_job.compare(request))
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        await pilot.press("l")
        await until(pilot, lambda: "reading the logs" not in text_of(app), "the curves")
        before = screen.benchmark
        await pilot.press("b")
        await until(pilot, lambda: screen.benchmark != before and screen.comparison is not None, "the other benchmark")
        await until(pilot, lambda: "reading the logs" not in text_of(app), "its curves")
        assert "mAP monolingual" in text_of(app)


async def test_logs_that_cannot_be_read_say_so_and_are_read_once_they_can_be(
    quick: list[CompareRequest], dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        with monkeypatch.context() as broken:

            def fail(reader: OverlayReader, beta: float) -> Overlay:
                raise OSError("the disk is gone")

            broken.setattr(OverlayReader, "read", fail)
            await pilot.press("l")
            await until(pilot, lambda: "cannot be read: the disk is gone" in text_of(app), "the reason")
        await pilot.press("t", "l")
        await until(pilot, lambda: "mAP monolingual" in text_of(app).split("\n")[1], "the curves")


async def test_what_is_computed_comes_to_an_end_though_its_runs_are_evaluated_again(
    five: list[RunWriter], dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs that evaluate more often than a comparison takes would else never get one."""
    monkeypatch.setattr("engine.export.compare_job.send", lambda message: None)
    started: list[threading.Event] = []
    go = threading.Event()

    def compute(request: CompareRequest, progress: object, cancelled: threading.Event) -> CompareOutcome | None:
        started.append(cancelled)
        go.wait(20)
        return None if cancelled.is_set() else compare_job.compare(request)

    monkeypatch.setattr(comparator, "compute", compute)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await until(pilot, lambda: started, "the computation")
        for seconds in (1, 2):
            five[0].evaluated(400)
            newest = screen.rows[0].evaluated
            app.feed.hurry()
            await until(pilot, lambda newest=newest: screen.rows[0].evaluated != newest, f"evaluation {seconds}")
        assert not started[0].is_set(), "it goes on"
        assert len(started) == 1, "the newest waits"
        go.set()
        await wait_for(pilot, screen, until)
        await until(pilot, lambda: len(started) == 2 and screen.comparator.progress is None, "that of the newest")


async def test_another_baseline_does_not_wait_for_the_comparison_that_nobody_wants_any_more(
    five: list[RunWriter], dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[CompareRequest, threading.Event]] = []

    def compute(request: CompareRequest, progress: object, cancelled: threading.Event) -> CompareOutcome | None:
        asked.append((request, cancelled))
        cancelled.wait(20)
        return None

    monkeypatch.setattr(comparator, "compute", compute)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_compare(pilot, app, until)
        await until(pilot, lambda: asked, "the computation")
        await pilot.press("v", "down", "enter")
        await until(pilot, lambda: len(asked) == 2, "that of the other baseline")
        assert asked[0][1].is_set()
        assert asked[1][0].baseline != asked[0][0].baseline


async def test_enter_goes_from_a_mean_to_its_pairs_and_from_a_pair_to_the_heatmap_of_the_run(
    quick: list[CompareRequest], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        row = screen.current()
        assert row is not None
        await pilot.press("enter")
        assert screen.view == "pairs"
        await pilot.press("right", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.detail is not None, "the run")
        assert isinstance(app.screen, RunScreen)
        assert app.screen.active == "heatmap"
        assert screen.comparison is not None
        assert app.screen.folder.id == screen.comparison.done.comparison.conditions[row.run][0]


async def test_enter_on_a_place_opens_that_run(quick: list[CompareRequest], dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        await pilot.press("p", "down")
        condition = screen.places.current()
        assert condition is not None
        assert screen.comparison is not None
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run")
        assert isinstance(app.screen, RunScreen)
        assert app.screen.folder.id == screen.comparison.done.comparison.conditions[condition][0]


async def test_clicks_on_titles_sort_and_choose_the_baseline_and_on_cells_move(
    quick: list[CompareRequest], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_compare(pilot, app, until)
        await wait_for(pilot, screen, until)
        await until(pilot, lambda: "Holm p" in text_of(app), "the titles")
        titles = text_of(app).split("\n")[1]
        first = screen.table.ordered[0]
        await pilot.click(offset=(titles.index("Holm p") + 1, 1))
        await pilot.pause()
        values = [row.p_holm for row in screen.table.ordered if row.metric == first.metric and row.p_holm is not None]
        assert values == sorted(values)
        await pilot.click(offset=(titles.index("change") + 1, 1))
        await pilot.pause()
        changes = [row.difference for row in screen.table.ordered if row.metric == "rank_distance"]
        assert changes == sorted(changes), "less bias is better"
        await pilot.click(offset=(titles.index("base") + 1, 1))
        assert isinstance(app.screen, ChooseScreen)
        await pilot.press("escape", "h")
        lines = text_of(app).split("\n")
        y = next(index for index, line in enumerate(lines) if line.startswith("│ en"))
        await pilot.click(offset=(lines[y].index("+") + 1, y))
        assert screen.pairs.at == (1, 0)


async def test_one_condition_against_the_baseline_leaves_nothing_to_sort(
    home: Path, quick: list[CompareRequest], dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await first_rows(pilot, app, until)
        await pilot.press("space", "down", "down", "space", "c")
        screen = app.screen
        assert isinstance(screen, CompareScreen)
        await wait_for(pilot, screen, until)
        await pilot.press("s")
        assert "nothing to sort" in text_of(app)
