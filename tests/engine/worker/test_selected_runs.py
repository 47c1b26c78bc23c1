"""A run that chooses its checkpoint: it stops early, keeps the best, and does the same when it is killed on the way."""

from __future__ import annotations

import os
import signal
from hashlib import sha256
from pathlib import Path

import pytest
from following import ended, losses, recorded, until

from engine import events
from engine.config import (
    BatchConfig,
    CheckpointConfig,
    EvaluationConfig,
    LoraConfig,
    LossConfig,
    ModelConfig,
    OptimizerConfig,
    RunConfig,
    RuntimeConfig,
    SourceConfig,
)
from engine.runs.commands import send_command
from engine.runs.folder import RunFolder
from engine.runs.launch import launch, resume
from engine.runs.lock import probe
from engine.runs.reader import RunReader

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quick_workers"), pytest.mark.timeout(300)]

EVERY, PATIENCE = 5, 2
CONFIG = RunConfig(
    name="chosen",
    seed=3,
    model=ModelConfig(dropout=0.1, max_query_tokens=32, max_passage_tokens=32),
    sources=(SourceConfig(kind="cldr", languages=("de", "en")),),
    batch=BatchConfig(size=16),
    loss=LossConfig(learned_temperature=True, symmetric=True, matryoshka_dimensions=(32,)),
    lora=LoraConfig(rank=2, dropout=0.1),
    # Far too high a rate: it soon gets worse, which ends the run.
    optimizer=OptimizerConfig(learning_rate=0.5, warmup_steps=20, max_steps=400, ema_decay=0.5),
    runtime=RuntimeConfig(devices="cpu", threads=1),
    evaluation=EvaluationConfig(
        benchmarks=("cldr",),
        languages=("de", "en"),
        validation="loss",
        validation_share=0.2,
        select="best",
        patience=PATIENCE,
        every=EVERY,
    ),
    checkpoint=CheckpointConfig(every=10, keep=1),
)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = launch(tmp_path_factory.mktemp("runs"), CONFIG)
    assert ended(folder) == "finished", folder.log.read_text()[-2000:]
    return folder


def weights(folder: Path) -> str:
    return sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def last_word(folder: RunFolder) -> events.RunFinished:
    return next(event for event in reversed(recorded(folder)) if isinstance(event, events.RunFinished))


def validations(folder: RunFolder) -> list[tuple[int, events.Number, int | None]]:
    """(step, value, best step) on the current timeline."""
    reader = RunReader(folder)
    reader.poll()
    return [(point.step, point.value, point.best_step) for point in reader.state.validations]


def test_training_ends_when_validation_stops_improving_and_the_best_step_is_the_model(uninterrupted: RunFolder) -> None:
    finished, points = last_word(uninterrupted), validations(uninterrupted)
    best = min(points, key=lambda point: events.from_number(point[1]))[0]
    assert finished.early
    assert finished.selected_step == best == points[-1][2]
    assert [step for step, _, _ in points] == list(range(0, best + PATIENCE * EVERY + 1, EVERY))
    assert finished.step == points[-1][0] < CONFIG.optimizer.max_steps
    kept = {path.name for path in uninterrupted.checkpoints.iterdir()}
    assert kept == {f"step-{best:06d}", f"step-{finished.step:06d}"}
    assert weights(uninterrupted.model) == weights(uninterrupted.checkpoints / f"step-{best:06d}")


def test_paused_in_an_evaluation_killed_and_resumed_it_chooses_the_same(
    uninterrupted: RunFolder, tmp_path: Path
) -> None:
    """While it evaluates, weights are averaged and adapters merged; the checkpoint of a pause holds them apart."""
    folder = launch(tmp_path, CONFIG)
    of_trained = lambda kind: [event for event in recorded(folder, kind) if event.step]  # noqa: E731
    until(lambda: of_trained(events.EvalStarted), "an evaluation after training", interval=0.001)
    send_command(folder, "pause")
    assert ended(folder) == "paused", folder.log.read_text()[-2000:]
    assert not of_trained(events.EvalFinished)
    resume(folder)
    until(lambda: len(recorded(folder, events.Validation)) >= 3, "a third validation", interval=0.001)
    owner = probe(folder).owner
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)
    assert ended(folder) == "crashed"
    resume(folder)
    assert ended(folder) == "finished", folder.log.read_text()[-2000:]
    assert validations(folder) == validations(uninterrupted)
    assert losses(folder) == losses(uninterrupted)
    assert last_word(folder).selected_step == last_word(uninterrupted).selected_step
    assert weights(folder.model) == weights(uninterrupted.model)


def test_a_finished_run_is_evaluated_as_it_was_chosen(uninterrupted: RunFolder) -> None:
    """The step that is evaluated once more is the chosen one, and the run stays as it was."""
    before = last_word(uninterrupted)
    resume(uninterrupted, evaluate=True)
    assert ended(uninterrupted) == "finished"
    assert recorded(uninterrupted, events.EvalFinished)[-1].step == before.selected_step
    after = last_word(uninterrupted)
    assert (after.selected_step, after.early, after.step) == (before.selected_step, before.early, before.step)


def test_a_metric_of_a_benchmark_can_choose(tmp_path: Path) -> None:
    """By the values of its own evaluations; the rank distance is better when it is lower."""
    config = RunConfig(
        name="measured",
        model=CONFIG.model,
        sources=CONFIG.sources,
        batch=CONFIG.batch,
        optimizer=OptimizerConfig(learning_rate=1e-3, max_steps=9),
        runtime=CONFIG.runtime,
        evaluation=EvaluationConfig(
            benchmarks=("cldr",),
            languages=("de", "en"),
            validation="cldr",
            validation_metric="rank_distance",
            select="best",
            every=3,
        ),
        checkpoint=CheckpointConfig(keep=1),
    )
    folder = launch(tmp_path, config)
    assert ended(folder) == "finished", folder.log.read_text()[-2000:]
    distances = {event.step: event.result.metrics["rank_distance"] for event in recorded(folder, events.EvalFinished)}
    assert [(step, value) for step, value, _ in validations(folder)] == sorted(distances.items())
    best = min(distances, key=lambda step: (distances[step], step))
    finished = last_word(folder)
    assert (finished.selected_step, finished.early, finished.step) == (best, False, 9)
    assert weights(folder.model) == weights(folder.checkpoints / f"step-{best:06d}")
    assert "best of 4 by cldr rank_distance" in (folder.model / "README.md").read_text()
