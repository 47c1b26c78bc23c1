"""Alerts of real runs: what training and evaluation write is understood, and being watched changes no weight."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
from following import ended, until

from engine.config import (
    AlertsConfig,
    BatchConfig,
    EvaluationConfig,
    HooksConfig,
    ModelConfig,
    OptimizerConfig,
    RunConfig,
    RuntimeConfig,
    SourceConfig,
)
from engine.runs.condition_key import condition_key
from engine.runs.folder import RunFolder
from engine.runs.launch import launch
from engine.runs.watching import has_watcher

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quick_workers"), pytest.mark.timeout(240)]

CONFIG = RunConfig(
    name="watched",
    model=ModelConfig(max_query_tokens=32, max_passage_tokens=32),
    sources=(SourceConfig(kind="cldr", languages=("de", "en")),),
    batch=BatchConfig(size=8),
    optimizer=OptimizerConfig(max_steps=6),
    runtime=RuntimeConfig(devices="cpu", threads=1),
    evaluation=EvaluationConfig(benchmarks=("cldr",), languages=("de", "en"), at_start=True),
)


def with_alerts(config: RunConfig, file: Path, *bounds: str) -> RunConfig:
    states = file.with_name("states")
    hook = f"{sys.executable} -c \"import os; print(os.environ['HYBRID_TUI_STATE'], file=open('{states}', 'a'))\""
    alerts = AlertsConfig(targets=(f"file://{file}",), bounds=bounds)
    return msgspec.structs.replace(config, alerts=alerts, hooks=HooksConfig(on_end=hook))


def told(folder: RunFolder, file: Path) -> list[str]:
    until(lambda: not has_watcher(folder) and file.exists(), "the watcher to leave")
    return [line.partition(f"{folder.id}: ")[2] for line in file.read_text().splitlines()]


def test_a_watched_run_has_the_weights_of_one_that_is_not(tmp_path: Path) -> None:
    file = tmp_path / "alerts.txt"
    watched_config = with_alerts(CONFIG, file, "cldr map_monolingual < 1.1", "loss > 100")
    assert condition_key(watched_config) == condition_key(CONFIG)
    alone, watched = launch(tmp_path / "alone", CONFIG), launch(tmp_path / "watched", watched_config)
    assert (ended(alone), ended(watched)) == ("finished", "finished")
    assert (watched.model / "model.safetensors").read_bytes() == (alone.model / "model.safetensors").read_bytes()
    bound, end = told(watched, file)
    assert bound.startswith("map_monolingual is 0.")
    assert bound.endswith(" on cldr at step 6, beyond cldr map_monolingual < 1.1")
    assert end == "finished at step 6"
    assert file.with_name("states").read_text() == "finished\n"
    assert not alone.alerts.exists()


def test_a_run_whose_training_breaks_tells_of_the_loss_and_of_its_failure(tmp_path: Path) -> None:
    file = tmp_path / "alerts.txt"
    broken = msgspec.structs.replace(
        CONFIG,
        optimizer=OptimizerConfig(learning_rate=1e30, max_steps=40),
        evaluation=EvaluationConfig(),
    )
    folder = launch(tmp_path / "runs", with_alerts(broken, file))
    assert ended(folder) == "failed", folder.log.read_text()[-2000:]
    alerts = told(folder, file)
    assert [line for line in alerts if line.startswith("loss is nan at step ")] == alerts[:1]
    assert alerts[1].startswith("failed at step ")
    assert "lower optimizer.learning_rate" in alerts[1]
    assert len(alerts) == 2
    assert file.with_name("states").read_text() == "failed\n"
