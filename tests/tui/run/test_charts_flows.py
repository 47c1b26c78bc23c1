"""What a person reads out of the charts and the bias tab with the keyboard."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from helpers.opening import Make, Until, open_first
from helpers.screens import text_of
from helpers.sizes import NARROW, WIDE
from runs_factory import RunWriter, finished, run_config

from engine import events
from engine.config import BatchConfig
from engine.runs.reader import RunReader
from engine.runs.status import status_of
from tui.commands.plain import result_table
from tui.draw.glyphs import BRAILLE
from tui.numbers import exact
from tui.run import chart_panel as chart_widgets
from tui.run.overview_tab import OverviewTab
from tui.run.screen import RunScreen

LEAST = (40, 12)


def overview(screen: RunScreen) -> OverviewTab:
    assert isinstance(screen.tab, OverviewTab)
    return screen.tab


def braille(text: str) -> bool:
    return any(0x2800 < ord(character) < 0x2900 for character in text)


async def ready(screen: RunScreen, until: Until, pilot: object, name: str) -> None:
    """Waits until the reader has made the curves of a chart."""

    def made() -> bool:
        assert screen.detail is not None
        return next(chart for chart in screen.detail.charts if chart.name == name).ready

    await until(pilot, made, f"the chart of {name}")


async def test_a_schedule_is_planned_beneath_the_ribbon_named_in_the_list_and_read_out(
    home: Path, dashboard: Make, until: Until
) -> None:
    batch = BatchConfig(size=32, mono_share=1.0, mono_share_schedule="linear", mono_share_end=0.0)
    writer = RunWriter(home, "moving", msgspec.structs.replace(run_config("moving"), batch=batch))
    writer.started().steps(1, 400).add(events.RunFinished(step=400, seconds=34.2))
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "hybrid 1->0 linear" in text_of(app), "the schedule in the list")
        await pilot.press("enter")
        await until(pilot, lambda: "plan" in text_of(app), "the plan")
        (line,) = [line for line in text_of(app).splitlines() if "plan " in line]
        cells = line[line.index("plan") :]
        assert "mono 50." in cells
        heights = [BRAILLE.bars.index(cell) for cell in cells if cell in BRAILLE.bars[1:]]
        assert heights == sorted(heights, reverse=True)
        assert (heights[0], heights[-1]) == (8, 1)
        await pilot.press("end")
        await until(pilot, lambda: "mono 0.0 %" in text_of(app), "the share of the last update")
    reader = RunReader(writer.folder)
    reader.poll()
    assert "1->0 linear" in result_table([(status_of(reader), reader.state)])[1]


async def test_the_crosshair_reads_out_every_chart_at_its_step_exactly(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        await ready(screen, until, pilot, "grad norm")
        await pilot.press("left", "left", "left")
        step = overview(screen).board.viewport.crosshair
        assert step is not None
        assert screen.detail is not None
        await pilot.pause()
        text = text_of(app)
        assert f"step {step:,}, a " in text
        for mode, view in screen.detail.curves:
            if (found := view.nearest(step)) is not None and found.step == step:
                assert f"loss {mode}" in text
                assert exact(found.value) in text
        assert "grad norm" in text
        await pilot.press("0")
        await pilot.pause()
        assert "pairs/s" in text_of(app)  # the figures of now again


async def test_a_spike_of_one_step_is_seen_whole_and_stays_at_every_zoom(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    """The loss of step 120 is 9.5, among losses below 6: alone it reaches the top line, as long as it is in sight."""
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        tab = overview(screen)
        tab.board.viewport.crosshair = 120
        for _ in range(7):
            tab.redraw()
            await pilot.pause()
            first, last = tab.board.viewport.window(310)
            assert first <= 120 <= last
            panel = tab.charts.panels[0]
            top = panel.rows(panel.size.width, panel.size.height)[0]
            dots = [text for text, style in top if style.startswith(("series.mono", "series.cross")) and braille(text)]
            assert len(dots) == 1
            assert len(dots[0]) == 1
            assert "series.cross" not in {style for text, style in top if text in dots}
            await pilot.press("z")
        assert tab.board.viewport.window(310)[1] - tab.board.viewport.window(310)[0] == 10


async def test_the_crosshair_jumps_from_evaluation_to_evaluation_and_the_table_marks_it(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        assert screen.detail is not None
        for key, step in (
            ("left_square_bracket", 200), ("left_square_bracket", 0), ("left_square_bracket", 0),
            ("right_square_bracket", 200), ("right_square_bracket", 200),
        ):  # fmt: skip
            await pilot.press(key)
            assert overview(screen).board.viewport.crosshair == step
        table = overview(screen).evaluations
        (marked,) = [row for row in table.rows(36, 10) if "selected" in row[0][1]]
        assert marked[0][0].split()[0] == "200"
        mono = screen.detail.evaluations[-1].result.metrics["map_monolingual"]
        assert mono is not None
        assert exact(mono) in text_of(app)


async def test_charts_are_chosen_by_their_letters_and_the_large_one_by_arrows(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        await pilot.press("f", *"tok", "tab", "escape")
        await ready(screen, until, pilot, "tokens/s")
        text = text_of(app)
        assert "tokens/s" in text
        assert "grad norm  " not in text.split("now")[0]
        assert [panel.display for panel in overview(screen).charts.panels].count(True) == 1
        await pilot.press("f", "tab", "escape", "down")
        await pilot.pause()
        assert overview(screen).board.leading != "tokens/s"


async def test_the_axis_of_the_large_chart_turns_and_the_others_stay(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        assert "y: log" in text_of(app)
        await pilot.press("y")
        await pilot.pause()
        assert "y: linear" in text_of(app)


async def test_charts_are_drawn_again_only_when_something_changed(
    running: RunWriter, dashboard: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same news twice, or a second that passes, draws no chart; new steps do."""
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        await ready(screen, until, pilot, "grad norm")
        await pilot.pause()
        drawn: list[int] = []
        real = chart_widgets.line_chart

        def counted(*arguments: object) -> object:
            drawn.append(1)
            return real(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(chart_widgets, "line_chart", counted)
        assert app.snapshot is not None
        screen.apply(app.snapshot)
        screen.tick(app.now())
        assert not drawn
        running.steps(311, 320)
        app.feed.hurry()
        await until(pilot, lambda: screen.detail is not None and screen.detail.row.step == 320, "the new steps")
        assert drawn


async def test_telemetry_is_shown_where_there_is_some_and_nothing_is_invented(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        for absent in ("of peak", "temperature", "GiB", " W "):
            assert absent not in text_of(app)
        running.add(
            events.Device(
                name="NVIDIA H100", utilization=97.0, memory_used=61 << 30, memory_total=80 << 30, power=612.0,
                process_cpu=130.0, process_memory=3 << 30, peak_flops=1e12, peak_source="specification",
            ),
            events.Step(
                first_step=311, loss=[1.0], mode=["mono"], lr=[1e-4], masked=[0.0], grad_norm=[1.0], seconds=[0.1],
                data_wait=[0.0], tokens=[100], flops=[4e10], temperature=[0.0481],
            ),
        )  # fmt: skip
        app.feed.hurry()
        await until(pilot, lambda: screen.detail is not None and screen.detail.row.step == 311, "the step")
        await until(pilot, lambda: "97 %  612 W" in text_of(app), "telemetry")
        text = text_of(app)
        for told in ("61 GiB of 80 GiB", "130 % CPU  3 GiB", "0.0481", "MFU"):
            assert told in text


@pytest.mark.parametrize("size", [NARROW, LEAST], ids=["60x20", "40x12"])
async def test_every_language_of_the_bias_tab_can_be_reached_on_a_small_screen(
    size: tuple[int, int], running: RunWriter, dashboard: Make, until: Until
) -> None:
    """Each panel alone; what does not fit scrolls, below a head that stays."""
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        screen = await open_first(pilot, app, until)
        assert screen.detail is not None
        languages = screen.detail.evaluations[-1].result.languages
        await pilot.press("3")
        await pilot.pause()
        assert ("▼ 7" in text_of(app)) == (size == LEAST)  # four of eleven languages are in sight
        for _ in range(3):  # distances, advantages, shares of the top
            seen = ""
            for _ in range(4):
                seen += text_of(app)
                await pilot.press("pagedown")
                await pilot.pause()
            assert all(f" {language} " in seen for language in languages)
            await pilot.press("o")
            await pilot.pause()


async def test_rank_distances_turn_cumulative_and_a_measure_without_meaning_says_why(
    running: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        await pilot.press("3")
        await pilot.pause()
        assert "cumulative, log axis" not in text_of(app)
        await pilot.press("v", "o", "o", "o", "end")
        await pilot.pause()
        text = text_of(app)
        assert "cumulative, log axis" in text
        assert "PEER: not applicable" in text
        assert "0.4405" in text


async def test_a_run_of_an_older_release_says_that_bias_was_not_measured(
    home: object, dashboard: Make, until: Until
) -> None:
    writer = finished(home, "old")  # type: ignore[arg-type]
    lines = [
        events.encode(_without_bias(events.decode(line))) for line in writer.folder.events.read_bytes().splitlines()
    ]
    writer.folder.events.write_bytes(b"".join(lines))
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        await pilot.press("3")
        await pilot.pause()
        assert text_of(app).count("not measured by this evaluation") == 2


def _without_bias(event: events.AnyEvent) -> events.AnyEvent:
    if not isinstance(event, events.EvalFinished):
        return event
    return msgspec.structs.replace(event, result=msgspec.structs.replace(event.result, bias=None))
