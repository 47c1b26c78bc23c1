"""A run whose training breaks: it fails with a word on what to change, and leaves no model that looks finished."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
import torch
from following import ended, recorded

from engine import events
from engine.config import BatchConfig, CheckpointConfig, ModelConfig, OptimizerConfig, RunConfig, RuntimeConfig
from engine.config import SourceConfig as Source
from engine.data.sources import load_source
from engine.encoder import load_encoder
from engine.runs.folder import RunFolder
from engine.runs.launch import launch
from engine.training.errors import NonFiniteError
from engine.training.trainer import Trainer
from engine.worker.training import Training

CONFIG = RunConfig(
    name="broken",
    model=ModelConfig(max_query_tokens=32, max_passage_tokens=32),
    sources=(Source(kind="cldr", languages=("de", "en")),),
    batch=BatchConfig(size=16),
    optimizer=OptimizerConfig(learning_rate=1e30, max_steps=40),
    runtime=RuntimeConfig(devices="cpu", threads=1),
    checkpoint=CheckpointConfig(every=2, keep=2),
)


@pytest.mark.long
@pytest.mark.usefixtures("quick_workers")
def test_a_rate_far_too_high_fails_with_a_hint(tmp_path: Path) -> None:
    folder = launch(tmp_path, CONFIG)
    assert ended(folder) == "failed", folder.log.read_text()[-2000:]
    (last,) = recorded(folder, events.RunFailed)
    assert last.error.startswith("optimizer")
    assert "infinite or NaN" in last.error
    assert "lower optimizer.learning_rate" in last.hint
    assert not folder.model.exists()
    warnings = [event.message for event in recorded(folder, events.Warning) if "is left out" in event.message]
    assert 1 <= len(warnings) <= 4  # the first, and powers of two up to ten
    assert recorded(folder, events.Step)[-1].first_step < 40


def test_weights_that_are_not_finite_become_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = load_source(CONFIG.sources[0])
    encoder = load_encoder(CONFIG.model, "cpu", texts=[*corpus.questions, *corpus.passages])
    plain = msgspec.structs.replace(CONFIG, optimizer=OptimizerConfig(max_steps=1))
    trainer = Trainer(plain, encoder, [corpus], torch.device("cpu"))
    session = SimpleNamespace(folder=RunFolder(tmp_path))
    training = Training(session, plain, trainer, evaluator=None)  # type: ignore[arg-type]
    with torch.no_grad():
        next(iter(encoder.parameters())).view(-1)[0] = float("nan")
    try:
        with pytest.raises(NonFiniteError, match="some weights of step 0 are infinite or NaN"):
            training._save_model(early=False)
    finally:
        trainer.close()
    assert not (tmp_path / "model").exists()
