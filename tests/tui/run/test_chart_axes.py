"""Axes of charts, other runs over one another, ranges, smoothing and the mouse."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.opening import Make, Until, open_first, open_run
from helpers.screens import text_of
from helpers.sizes import WIDE
from runs_factory import RunWriter, finished, running
from textual.pilot import Pilot

from tui.app import Dashboard
from tui.draw.curve import Curve
from tui.draw.frame import Y_LABELS
from tui.draw.glyphs import ASCII, BRAILLE
from tui.draw.lines import DASHES, Axes, Range, Series, line_chart, range_in_sight
from tui.draw.ruler import Knots
from tui.draw.time_ticks import elapsed_label, elapsed_ticks, moment_label, moment_ticks
from tui.follow.curves import SMOOTHINGS
from tui.run.chart_board import Viewport
from tui.run.chart_panel import beta_text
from tui.run.overview_tab import OverviewTab
from tui.run.screen import RunScreen


def overview(screen: RunScreen) -> OverviewTab:
    assert isinstance(screen.tab, OverviewTab)
    return screen.tab


def plain(rows: list[tuple[tuple[str, str], ...]]) -> list[str]:
    return ["".join(text for text, _ in row) for row in rows]


def with_spike(values: Range) -> tuple[float, float]:
    """The range of values of a curve with one spike in the middle."""
    curve = Curve()
    curve.extend(_steps(), [900.0 if step == 1000 else 1.0 + (step % 7) / 10 for step in _steps()])
    return range_in_sight(100, [Series("mono", "mono", curve.view())], Axes(1, 2000, range=values), BRAILLE)


def _steps(first: int = 1, end: int = 2001) -> list[int]:
    return list(range(first, end))


def test_a_robust_range_leaves_one_spike_out_and_marks_it() -> None:
    assert with_spike("all")[1] >= 900
    low, high = with_spike("robust")
    assert low <= 1.0
    assert 1.6 <= high < 3
    assert with_spike((0.5, 2.5)) == (0.5, 2.5)
    curve = Curve()
    curve.extend(_steps(), [900.0 if step == 1000 else 1.0 + (step % 7) / 10 for step in _steps()])
    rows = line_chart(100, 12, [Series("mono", "mono", curve.view())], Axes(1, 2000, range="robust"), BRAILLE)
    assert [style for text, style in rows[0] if BRAILLE.scroll[0] in text] == ["warning"]


def test_on_an_axis_of_time_a_pause_is_as_wide_as_it_was_long() -> None:
    knots = Knots()
    knots.extend([0, 50, 51, 100], [0.0, 50.0, 150.0, 200.0])
    ruler = knots.ruler()
    curve = Curve()
    curve.extend(range(1, 101), [1.0] * 50 + [2.0] * 50)
    one = Series("mono", "mono", curve.view(), ruler=ruler)
    rows = plain(line_chart(107, 12, [one], Axes(0, 200, smoothed=False, labelled=False, kind="elapsed"), BRAILLE))
    bottom, top = rows[9][Y_LABELS:], rows[0][Y_LABELS:]
    assert len(bottom.rstrip()) == pytest.approx(28, abs=4), "then the line rises through the pause"
    assert len(top) - len(top.lstrip()) == pytest.approx(72, abs=4)
    assert rows[11].split()[:5] == ["0", "s", "30", "s", "1:00"]


def test_dashed_lines_differ_without_colours() -> None:
    curve = Curve()
    curve.extend(range(1, 201), [1.0] * 200)
    drawn = set()
    for dash in DASHES:
        one = Series("r2", "b", curve.view(), dash=dash, over=True)
        drawn.add("\n".join(plain(line_chart(80, 8, [one], Axes(1, 200, labelled=False), BRAILLE))))
    assert len(drawn) == len(DASHES)
    assert len({Series("r2", "b", curve.view(), dash=dash).sample(BRAILLE) for dash in DASHES}) == len(DASHES)
    assert Series("r2", "b", curve.view(), dash=(8, 3)).sample(ASCII) == "3"


def test_labels_of_time() -> None:
    assert [elapsed_label(seconds) for seconds in (42, 187, 7387, 93787)] == ["42 s", "3:07", "2:03:07", "1 d 2:03:07"]
    assert [label for _, label in elapsed_ticks(0, 7200, 5)] == ["0 m", "30 m", "60 m", "90 m", "120 m"]
    day = 20_000 * 86400.0
    assert [label for _, label in moment_ticks(day - 7200, day + 7200, 3, 0)] == [
        "03 Oct 22:00",
        "04 Oct 00:00",
        "02:00",
    ]
    assert moment_label(day, 60) == "04 Oct 01:00:00"


def test_the_factor_of_smoothing_is_told_with_all_its_digits() -> None:
    told = [beta_text(beta) for beta in SMOOTHINGS]
    assert len(set(told)) == len(SMOOTHINGS)
    assert told[-2:] == [".99", ".995"]


def test_a_part_is_shown_and_never_too_small_a_one() -> None:
    viewport = Viewport()
    viewport.show_part(100, 200, 1000)
    assert viewport.window(1000) == (100, 200)
    viewport.show_part(100, 101, 1000)
    assert viewport.window(1000) == (100, 110)


async def lay_over(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press("c", *keys, "escape")
    await pilot.pause()


async def test_the_x_axis_turns_and_says_so(running: RunWriter, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        for words in ("x: time of day", "x: time since the start", "x: tokens"):
            await pilot.press("a")
            await until(pilot, lambda: words in text_of(app), words)  # noqa: B023
        await pilot.press("left")
        await pilot.pause()
        assert screen.detail is not None
        assert screen.detail.ruler is not None
        total = screen.detail.ruler.at(310)
        assert f"{total:,.0f}" in text_of(app), "the place of the crosshair stands below the axis"
        await pilot.press("0", "a")
        await until(pilot, lambda: "x: " not in text_of(app), "steps again")


async def test_other_runs_lie_over_this_one_with_a_legend_and_the_crosshair_reads_them(
    home: Path, dashboard: Make, until: Until
) -> None:
    for name in ("a", "b", "c"):
        finished(home, name)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_run(pilot, app, until, "a")
        await lay_over(pilot, "enter", "down", "enter")
        await until(pilot, lambda: screen.detail is not None and len(screen.detail.over) == 2, "their curves")
        await pilot.pause()
        tab = overview(screen)
        styles = {one.label: one.key for chart in tab.charts.charts for one in chart.series if one.over}
        first, second = {key for label, key in styles.items() if label[0] == "b"}, {
            key for label, key in styles.items() if label[0] == "c"
        }  # fmt: skip
        assert len(first) == len(second) == 1
        assert first != second
        await pilot.press("left")
        await pilot.pause()
        text = text_of(app)
        assert "loss b mono" in text or "loss b cross" in text
        assert "loss c mono" in text or "loss c cross" in text
        kept = second
        await lay_over(pilot, *(["enter"] if next(iter(tab.others.values())).name == "b" else ["down", "enter"]))
        await until(pilot, lambda: screen.detail is not None and len(screen.detail.over) == 1, "one of them")
        left = {one.key for chart in tab.charts.charts for one in chart.series if one.over}
        assert left == kept, "the colour stays"


async def test_a_live_run_over_another_one_grows(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "a")
    live = running(home, "b", to=100)
    try:
        app = dashboard()
        async with app.run_test(size=WIDE) as pilot:
            screen = await open_run(pilot, app, until, "a")
            await lay_over(pilot, "enter")
            await until(pilot, lambda: screen.detail is not None and screen.detail.over, "its curves")
            live.steps(101, 150)
            app.feed.hurry()

            def last() -> int:
                assert screen.detail is not None
                losses = screen.detail.over[0].charts[0].series
                return max(one.view.curve.steps[one.view.count - 1] for one in losses)

            await until(pilot, lambda: last() == 150, "its new steps")
    finally:
        live.die()


async def test_hidden_charts_axes_and_ranges_stay_for_the_next_run_and_smoothing_does_not(
    home: Path, dashboard: Make, until: Until
) -> None:
    finished(home, "a")
    finished(home, "b")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_run(pilot, app, until, "a")
        await pilot.press("y", "r", "plus", "plus")
        await until(pilot, lambda: "y: linear, without outliers" in text_of(app), "the choices")
        await until(pilot, lambda: "smoothed .95" in text_of(app), "the smoothing")
        await pilot.press("q")
        await open_run(pilot, app, until, "b")
        await until(pilot, lambda: "y: linear, without outliers" in text_of(app), "the choices in another run")
        assert "smoothed .8 " in text_of(app)


async def test_smoothing_by_the_length_of_the_run_can_be_had_back(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_run(pilot, app, until, "a")
        await pilot.press("plus", "plus", "plus")
        await until(pilot, lambda: "smoothed .98 " in text_of(app), "more smoothing")
        await pilot.press("s")
        await until(pilot, lambda: "smoothed .8 over" in text_of(app), "the usual one")


async def test_the_mouse_sets_the_crosshair_drags_a_part_and_zooms(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_run(pilot, app, until, "a")
        tab = overview(screen)
        panel, viewport = tab.charts.panels[0], tab.board.viewport
        left = panel.gutter.left + Y_LABELS
        await pilot.click(panel, offset=(left + panel.columns // 2, 5))
        assert viewport.crosshair == pytest.approx(200, abs=10)
        await pilot.mouse_down(panel, offset=(left + panel.columns // 4, 5))
        await pilot.mouse_up(panel, offset=(left + panel.columns // 2, 5))
        await pilot.pause()
        first, last = viewport.window(400)
        assert first == pytest.approx(100, abs=10)
        assert last == pytest.approx(200, abs=10)
        assert screen.focused is tab.charts


async def test_the_benchmark_of_the_overview_is_the_one_that_was_chosen(
    home: Path, dashboard: Make, until: Until
) -> None:
    finished(home, "a").evaluated(400, "xquad-r")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_run(pilot, app, until, "a")
        assert "evaluation (cldr)" in text_of(app)
        await pilot.press("b")
        await pilot.pause()
        assert "evaluation (xquad-r)" in text_of(app)


async def test_a_run_that_is_in_front_again_is_followed_again(home: Path, dashboard: Make, until: Until) -> None:
    live = running(home, "a", to=100)
    finished(home, "b")
    try:
        app: Dashboard = dashboard()
        async with app.run_test(size=WIDE) as pilot:
            screen = await open_run(pilot, app, until, "a")
            await open_run(pilot, app, until, "b")
            await pilot.press("q")
            live.steps(101, 130)
            app.feed.hurry()
            await until(pilot, lambda: screen.detail is not None and screen.detail.row.step == 130, "the new steps")
    finally:
        live.die()
