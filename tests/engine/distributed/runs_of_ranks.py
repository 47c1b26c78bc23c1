"""What tests of runs of several ranks share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from following import recorded

from engine import events
from engine.config import (
    BatchConfig,
    CheckpointConfig,
    EvaluationConfig,
    ModelConfig,
    OptimizerConfig,
    RunConfig,
    RuntimeConfig,
    SourceConfig,
)
from engine.runs.folder import RunFolder
from engine.runs.lock import probe

STEPS = 60


def config(tmp_path: Path, **evaluation: Any) -> RunConfig:
    """Two processes on a corpus so small that they start as fast as they can."""
    pairs = tmp_path / "pairs.jsonl"
    rows = [
        {
            "group": str(group),
            "language": language,
            "question": f"{language} what {group}?",
            "passage": f"{group} is",
        }
        for group in range(16)
        for language in ("de", "en")
    ]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return RunConfig(
        name="ranks",
        seed=3,
        model=ModelConfig(dropout=0.1, max_query_tokens=32, max_passage_tokens=32),
        sources=(SourceConfig(kind="jsonl", path=str(pairs)),),
        batch=BatchConfig(mode="hybrid", size=8),
        optimizer=OptimizerConfig(learning_rate=1e-3, max_steps=STEPS),
        runtime=RuntimeConfig(devices="cpu:2", threads=2),
        evaluation=EvaluationConfig(**evaluation),
        checkpoint=CheckpointConfig(every=6, keep=1),
    )


def steps_of_this_attempt(folder: RunFolder) -> list[int]:
    owner = probe(folder).owner
    attempt = 0 if owner is None else owner.attempt
    return [event.first_step for event in recorded(folder, events.Step) if event.attempt == attempt]
