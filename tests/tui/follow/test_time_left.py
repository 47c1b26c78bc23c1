"""Time left counts evaluations and checkpoints, says that it is an estimate, and reads the same everywhere."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import msgspec
import pytest
from helpers.opening import Make, Until, open_first
from helpers.screens import text_of
from runs_factory import START, RunWriter, run_config

from engine import events
from engine.config import CheckpointConfig, EvaluationConfig, RunConfig
from tui.commands.reading import status
from tui.follow.feed import Feed
from tui.follow.run_time import left_text


def config(**evaluation: object) -> RunConfig:
    return msgspec.structs.replace(
        run_config("slow", max_steps=10_000),
        evaluation=EvaluationConfig(benchmarks=("cldr",), every=1000, **evaluation),  # type: ignore[arg-type]
        checkpoint=CheckpointConfig(every=500),
    )


def writer_at_half(home: Path, settings: RunConfig, created: float = START) -> RunWriter:
    """At step 5,000 of 10,000: a tenth of a second a step, 100 s an evaluation, 10 s a checkpoint."""
    writer = RunWriter(home, "slow", settings, created).live().started()
    result = writer.evaluated(0).config  # the factory's evaluation takes 1.9 s; the ones below are slow
    assert result is settings
    step = events.Step(
        first_step=4901, loss=[1.0] * 100, mode=["mono"] * 100, lr=[0.1] * 100, masked=[0.0] * 100,
        grad_norm=[1.0] * 100, seconds=[0.1] * 100, data_wait=[0.0] * 100, tokens=[10] * 100,
    )  # fmt: skip
    writer.add(step)
    writer.add(events.CheckpointSaved(step=5000, path="checkpoints/step-005000", bytes=1, seconds=10.0))
    return writer


STEPS, EVALUATIONS, CHECKPOINTS = 5000 * 0.1, 5 * 1.9, 10 * 10.0


def test_a_row_counts_all_that_is_still_to_come(home: Path) -> None:
    writer = writer_at_half(home, config())
    snapshot = Feed(home, lambda snapshot: None, lambda: START + 40).step()
    writer.die()
    assert snapshot is not None
    assert snapshot.rows[0].seconds_left == pytest.approx(STEPS + EVALUATIONS + CHECKPOINTS)
    assert not snapshot.rows[0].may_end_early


async def test_the_header_and_status_say_the_same(
    home: Path, dashboard: Make, until: Until, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = writer_at_half(home, config(select="best", validation="cldr", patience=3), time.time() - 40)
    told = left_text(STEPS + EVALUATIONS + CHECKPOINTS, may_end_early=True)
    assert told.startswith("at most ~10 m ")
    told = told[: told.index("m ") + 2]  # the seconds are a matter of rounding
    app = dashboard(now=time.time())
    async with app.run_test(size=(120, 36)) as pilot:
        await open_first(pilot, app, until)
        assert told in text_of(app)
    status(argparse.Namespace(runs=str(home), run="last", json=False))
    writer.die()
    assert told in capsys.readouterr().out
