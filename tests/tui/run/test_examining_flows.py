"""Differences, replay, measures, search and configs on the run screen, by keyboard."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from helpers.opening import Make, Until, open_run
from helpers.screens import drawn_lines, text_of
from helpers.sizes import NARROW, WIDE
from runs_factory import LANGUAGES, RunWriter, evaluation_result, finished, run_config
from textual.pilot import Pilot

from engine import events
from engine.events import LanguageEffect, VectorMeasure, VectorSide
from tui.app import Dashboard
from tui.dialogs.choose import ChooseScreen
from tui.run import replay
from tui.run.contrast import Contrast
from tui.run.heatmap_tab import HeatmapTab
from tui.run.log_tab import LogTab
from tui.run.matrix import change
from tui.run.screen import RunScreen


def underlined(app: Dashboard) -> list[str]:
    """What is underlined on the screen: the places where a search has found its text."""
    return [part.text for line in drawn_lines(app) for part in line if part.style and part.style.underline]


async def heatmap_of(pilot: Pilot[None], app: Dashboard, until: Until, name: str) -> tuple[RunScreen, HeatmapTab]:
    screen = await open_run(pilot, app, until, name)
    await pilot.press("2")
    assert isinstance(screen.tab, HeatmapTab)
    return screen, screen.tab


async def test_the_difference_to_another_run_is_at_the_same_step_and_signed(
    home: Path, dashboard: Make, until: Until
) -> None:
    finished(home, "a")
    other = RunWriter(home, "b", run_config("b")).started().evaluated(0).steps(1, 100)
    other.add(events.EvalFinished(benchmark="cldr", step=200, seconds=1.0, result=evaluation_result(0.9)))
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen, tab = await heatmap_of(pilot, app, until, "a")
        await pilot.press("left_square_bracket", "d", "end", "enter")
        await until(pilot, lambda: "against b at step 200" in text_of(app), "the difference")
        expected = change(evaluation_result(0.9), evaluation_result(0.5))
        assert tab.heat.state.difference == expected
        assert f"{100 * expected.values[0][1]:+.0f}" in text_of(app)
        await pilot.press("right_square_bracket")  # b has no evaluation at step 400: its newest is taken
        assert "against b at step 200" in text_of(app)
        await pilot.press("d", "home", "enter")
        assert screen.selection.contrast is None
        assert "against b at" not in text_of(app)


async def test_another_run_is_read_again_once_it_has_been_evaluated_anew(
    home: Path, dashboard: Make, until: Until
) -> None:
    finished(home, "a")
    other = RunWriter(home, "b", run_config("b")).live().started().evaluated(0)
    try:
        app = dashboard()
        async with app.run_test(size=WIDE) as pilot:
            await heatmap_of(pilot, app, until, "a")
            await pilot.press("d", "end", "enter")
            await until(pilot, lambda: "against b at step 0" in text_of(app), "the difference")
            other.steps(1, 400).evaluated(400)
            await until(pilot, lambda: "against b at step 400" in text_of(app), "the newer evaluation")
    finally:
        other.die()


async def test_on_a_narrow_screen_the_difference_takes_the_place_of_the_values(
    home: Path, dashboard: Make, until: Until
) -> None:
    finished(home, "a")
    app = dashboard()
    async with app.run_test(size=NARROW) as pilot:
        await heatmap_of(pilot, app, until, "a")
        assert "Δ mAP" not in text_of(app)
        await pilot.press("d")
        assert isinstance(app.screen, ChooseScreen)
        offered = [name for name, _ in app.screen.choices]
        assert "step 0" in offered
        assert "step 400" not in offered  # that is the one in sight
        await pilot.press("down", "enter")
        await until(pilot, lambda: "Δ mAP x 100 against step 0" in text_of(app), "the difference")
        expected = change(evaluation_result(0.0), evaluation_result(1.0))
        assert f"{100 * expected.values[0][0]:+.0f}" in text_of(app)


async def test_replay_shows_every_evaluation_once_and_ends_at_the_newest(
    home: Path, dashboard: Make, until: Until, monkeypatch: object
) -> None:
    monkeypatch.setattr(replay, "REPLAY_SECONDS", 0.05)  # type: ignore[attr-defined]
    finished(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen, tab = await heatmap_of(pilot, app, until, "a")
        shown: list[int] = []
        show = tab.show

        def seen(*arguments: object) -> None:
            show(*arguments)  # type: ignore[arg-type]
            assert tab.heat.state.point is not None
            if not shown or shown[-1] != tab.heat.state.point.step:
                shown.append(tab.heat.state.point.step)

        monkeypatch.setattr(tab, "show", seen)  # type: ignore[attr-defined]
        await pilot.press("space")
        await until(pilot, lambda: screen.selection.step is None and len(shown) > 1, "the end of the replay")
        assert shown == [0, 200, 400]
        assert tab.timer is None


async def test_views_show_one_number_a_language_or_colour_pairs_of_two(
    home: Path, dashboard: Make, until: Until
) -> None:
    finished(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        _, tab = await heatmap_of(pilot, app, until, "a")
        result = evaluation_result(1.0)
        await pilot.press("down", "s")
        assert tab.heat.state.view == "cross"
        styles = {style for row in tab.heat.rows(76, 30) for text, style in row if style.endswith(".own")}
        assert styles == set()
        await pilot.press("s")
        for language in LANGUAGES:
            assert f"{language}  {result.matrix[language][language]:.3f}".replace("0.", ".") in text_of(app)
        await pilot.press("s")
        for language in LANGUAGES:
            assert f"{language}  {result.map_multilingual_by_language[language]:.3f}".replace("0.", ".") in text_of(app)
        assert tab.heat.cell() == ("ar", None)


async def test_measures_are_those_that_the_evaluation_has(home: Path, dashboard: Make, until: Until) -> None:
    result = evaluation_result(1.0, ("de", "en"))
    assert result.bias is not None
    cells = {"de": {"de": -1.25, "en": 1.25}, "en": {"de": 0.5, "en": -0.5}}
    effect = LanguageEffect(effect=cells, p=0.01, permutations=99)
    bias = msgspec.structs.replace(result.bias, language_effect=effect, language_share_at_10={})
    result = msgspec.structs.replace(result, bias=bias)
    writer = RunWriter(home, "a", run_config("a")).started()
    writer.add(events.EvalFinished(benchmark="cldr", step=0, seconds=1.0, result=result))
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        _, tab = await heatmap_of(pilot, app, until, "a")
        await pilot.press("m")
        assert "doublings of rank" in text_of(app)
        assert "-1.2" in text_of(app)
        assert "+0.5" in text_of(app)
        await pilot.press("m")
        assert tab.heat.state.measure.name == "mAP"


async def test_the_bias_tab_has_the_measures_of_vectors_beside_their_null(
    home: Path, dashboard: Make, until: Until
) -> None:
    offset = VectorMeasure(mean=0.4321, interval=(0.41, 0.45), null=0.0567)
    side = VectorSide(texts=200, sets=100, clusters=9, measures={"language_offset": offset}, not_applicable={})
    result = msgspec.structs.replace(evaluation_result(1.0, ("de", "en")), vectors={"candidates": side})
    writer = RunWriter(home, "a", run_config("a")).started()
    writer.add(events.EvalFinished(benchmark="cldr", step=0, seconds=1.0, result=result))
    app = dashboard()
    async with app.run_test(size=(160, 60)) as pilot:
        await open_run(pilot, app, until, "a")
        await pilot.press("3")
        await until(pilot, lambda: "vectors of candidates" in text_of(app), "the measures")
        assert re.search(r"language offset +0\.432 +0\.057 ", text_of(app))


async def test_the_log_is_searched_without_leaving_it(home: Path, dashboard: Make, until: Until) -> None:
    """What is typed is text, q and ? included; n and N go round; what is not there is told."""
    finished(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_run(pilot, app, until, "a")
        await pilot.press("5", "slash", *"q?", "ctrl+u", *"DONE", "enter")
        tab = screen.tab
        assert isinstance(tab, LogTab)
        assert "3 of 3 with 'DONE'" in text_of(app)
        await pilot.press("N")
        assert "2 of 3" in text_of(app)
        await pilot.press("n", "n")
        assert "1 of 3" in text_of(app)
        assert underlined(app) == ["done"] * 3
        await pilot.press("slash", *"nothing of the kind", "enter")
        assert "is not in the log" in text_of(app)
        await pilot.press("slash", *"x", "ctrl+g", "q")
        assert not isinstance(app.screen, RunScreen)


async def test_the_log_says_whether_it_follows(home: Path, dashboard: Make, until: Until) -> None:
    writer = finished(home, "a")
    for step in range(60):
        writer.saved(400 + step)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_run(pilot, app, until, "a")
        await pilot.press("5")
        assert "log, following" in text_of(app)
        await pilot.press("up")
        assert "end follows again" in text_of(app)
        await pilot.press("end")
        assert "log, following" in text_of(app)


async def test_configs_of_two_runs_are_told_apart_setting_by_setting(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "a")
    finished(home, "b", mode="cross", seed=3)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_run(pilot, app, until, "a")
        await pilot.press("6", "d", "end", "enter")
        await until(pilot, lambda: "3 settings differ from b" in text_of(app), "the difference")
        lines = [" ".join(line.strip("│ ").split()) for line in text_of(app).splitlines()]
        assert {"name a b", "seed 0 3", "batch.mode hybrid cross"} <= set(lines)
        assert isinstance(screen.selection.contrast, Contrast)
