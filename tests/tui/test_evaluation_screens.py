"""An evaluation in the dashboard: what is measured, what is under way and what still waits."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.opening import Make, Until, open_first
from helpers.screens import text_of
from helpers.sizes import NARROW, WIDE
from runs_factory import RunWriter

from engine import events
from engine.config import EvaluationConfig, ModelConfig, RunConfig
from engine.runs.reader import RunReader
from engine.runs.status import status_of
from tui.commands.plain import result_table

CONFIG = RunConfig(
    name="eval-labse",
    kind="evaluation",
    model=ModelConfig(name="labse"),
    evaluation=EvaluationConfig(benchmarks=("cldr", "beir/scifact", "own=gone")),
)


@pytest.fixture
def evaluation(home: Path) -> RunWriter:
    writer = RunWriter(home, "eval-labse", CONFIG).live()
    writer.add(
        events.RunStarted(
            name="eval-labse", mode="", mono_share=None, max_steps=0, batch_size=0, seed=0, host="gpu-box", pid=4242,
            kind="evaluation", system="labse",
        ),
        events.Device(name="cpu (2 threads)"),
    )  # fmt: skip
    writer.evaluated(0)
    return writer.add(
        events.EvalStarted(benchmark="beir/scifact", step=0),
        events.EvalProgress(benchmark="beir/scifact", step=0, what="candidates", done=500, total=1000),
    )


async def test_the_list_counts_benchmarks_and_not_steps(evaluation: RunWriter, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=(120, 24)) as pilot:
        await until(pilot, lambda: "eval-labse" in text_of(app), "the run")
        (line,) = [line for line in text_of(app).splitlines() if "eval-labse" in line]
        assert " eval " in line
        assert "1 of 3" in line
        assert "hybrid" not in line
    evaluation.die()


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_its_overview_tells_what_is_done_under_way_and_waiting(
    size: tuple[int, int], evaluation: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        await open_first(pilot, app, until)
        text = text_of(app)
        lines = {key: line for line in text.splitlines() for key in ("cldr ", "beir/scifact", "own ") if key in line}
        assert "1 of 3 benchmarks" in text
        assert "." in lines["cldr "]
        assert "50 %" in lines["beir/scifact"]
        assert "waiting" in lines["own "]
        assert "no steps yet" not in text
        await pilot.press("2")
        await until(pilot, lambda: "mAP x 100" in text_of(app), "the heatmap")
    evaluation.die()


async def test_its_config_shows_what_it_reads_and_nothing_of_training(
    evaluation: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=(120, 60)) as pilot:
        await open_first(pilot, app, until)
        await pilot.press("6")
        await until(pilot, lambda: "[evaluation]" in text_of(app), "the config")
        text = text_of(app)
        assert "[model]" in text
        assert "labse" in text
        assert not any(section in text for section in ("[batch]", "[optimizer]", "[loss]", "[system]"))
    evaluation.die()


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_nothing_speaks_of_steps_and_no_key_is_offered_that_needs_them(
    size: tuple[int, int], evaluation: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        await open_first(pilot, app, until)
        footer = text_of(app).splitlines()[-1]
        assert "pause" in footer
        assert not any(label in footer for label in ("zoom", "charts", "log axis", "smooth", "evaluation"))
        for key, sign in (("2", "mAP x 100"), ("3", "rank distance by")):
            await pilot.press(key)
            await until(pilot, lambda sign=sign: sign in text_of(app), sign)
            for _ in range(5):  # on a narrow screen each panel by itself
                text = text_of(app)
                assert not any(words in text for words in ("step", "over training", "play"))
                await pilot.press("o")
    evaluation.die()


async def test_the_list_marks_metrics_of_a_sample(home: Path, dashboard: Make, until: Until) -> None:
    writer = RunWriter(home, "quick-look", CONFIG).live()
    writer.add(
        events.RunStarted(
            name="quick-look", mode="", mono_share=None, max_steps=0, batch_size=0, seed=0, host="gpu-box", pid=4242,
            kind="evaluation", system="labse",
        )
    )  # fmt: skip
    writer.evaluated(0, sampled_of=4321)
    app = dashboard()
    async with app.run_test(size=(120, 24)) as pilot:
        await until(pilot, lambda: "quick-look" in text_of(app), "the run")
        await until(pilot, lambda: "~." in text_of(app), "the mark")
        await pilot.press("enter", "3")
        await until(pilot, lambda: "on a sample of 4,321 queries" in text_of(app), "the bias tab")
    reader = RunReader(writer.folder)
    reader.poll()
    assert status_of(reader).sampled_of == {"cldr": 4321}
    assert "cldr (sample of 4,321)" in result_table([(status_of(reader), reader.state)])[1]
    writer.die()
