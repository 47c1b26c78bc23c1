"""An evaluation in the dashboard: what is measured, what is under way and what still waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from runs_factory import RunWriter
from textual.pilot import Pilot

from engine import events
from engine.config import EvaluationConfig, ModelConfig, RunConfig
from tui.app import Dashboard

Make = Callable[..., Dashboard]
Until = Callable[..., Awaitable[None]]

CONFIG = RunConfig(
    name="eval-labse",
    kind="evaluation",
    model=ModelConfig(name="labse"),
    evaluation=EvaluationConfig(benchmarks=("cldr", "beir/scifact", "own=gone")),
)


def text_of(app: Dashboard) -> str:
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


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


async def opened(pilot: Pilot[None], app: Dashboard, until: Until) -> None:
    await until(pilot, lambda: app.snapshot is not None and app.snapshot.rows, "the first snapshot")
    await pilot.press("enter")
    await until(pilot, lambda: "beir/scifact" in text_of(app), "the evaluation")


async def test_the_list_counts_benchmarks_and_not_steps(evaluation: RunWriter, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=(120, 24)) as pilot:
        await until(pilot, lambda: "eval-labse" in text_of(app), "the run")
        (line,) = [line for line in text_of(app).splitlines() if "eval-labse" in line]
        assert " eval " in line
        assert "1 of 3" in line
        assert "hybrid" not in line
    evaluation.die()


@pytest.mark.parametrize("size", [(120, 36), (60, 20)])
async def test_its_overview_tells_what_is_done_under_way_and_waiting(
    size: tuple[int, int], evaluation: RunWriter, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=size) as pilot:
        await opened(pilot, app, until)
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
        await opened(pilot, app, until)
        await pilot.press("6")
        await until(pilot, lambda: "[evaluation]" in text_of(app), "the config")
        text = text_of(app)
        assert "[model]" in text
        assert "labse" in text
        assert not any(section in text for section in ("[batch]", "[optimizer]", "[loss]", "[system]"))
    evaluation.die()
