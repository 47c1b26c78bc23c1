"""A run of two processes whose gradients are not finite ends as one of a single process does: with the reason."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from following import ended, recorded
from runs_of_ranks import config

from engine import events
from engine.config import CheckpointConfig, OptimizerConfig
from engine.runs.launch import launch

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quick_workers"), pytest.mark.timeout(120)]


def test_too_many_updates_in_a_row_fail_the_run_with_the_reason(tmp_path: Path) -> None:
    """So large a learning rate makes weights whose products overflow: from the second update on all are left out."""
    exploding = msgspec.structs.replace(
        config(tmp_path, at_start=False),
        optimizer=OptimizerConfig(learning_rate=1e30, max_steps=60, max_nonfinite=3),
        checkpoint=CheckpointConfig(every=2, keep=2),
    )
    folder = launch(tmp_path / "runs", exploding)
    assert ended(folder) == "failed", folder.log.read_text()[-3000:]
    (failed,) = recorded(folder, events.RunFailed)
    assert failed.error.startswith("optimizer.max_nonfinite: 3 updates in a row were left out, up to step 4,")
    assert "learning_rate" in failed.hint
    assert [event.message.partition(":")[0] for event in recorded(folder, events.Warning)] == ["step 2", "step 3"]
    assert [path.name for path in folder.checkpoints.iterdir()] == ["step-000002"], "the weights of before are kept"
