"""A best checkpoint that turned bad costs the choice, not the run."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import torch

from engine.config import BatchConfig, EvaluationConfig, OptimizerConfig, RunConfig
from engine.runs.folder import RunFolder
from engine.training.checkpoint import save_checkpoint
from engine.training.trainer import Trainer
from engine.worker.training import Training

CONFIG = RunConfig(
    batch=BatchConfig(size=8),
    optimizer=OptimizerConfig(learning_rate=1e-2, max_steps=20),
    evaluation=EvaluationConfig(validation="loss", validation_share=0.2, every=1, select="best"),
)


def test_the_model_of_the_last_step_is_saved_with_a_warning(corpora, make_encoder, tmp_path, monkeypatch):
    plain = msgspec.structs.replace(CONFIG, evaluation=EvaluationConfig())
    trainer = Trainer(plain, make_encoder(0.0), corpora, torch.device("cpu"))
    folder, told = RunFolder(tmp_path), []
    trainer.update()
    best = save_checkpoint(trainer, folder.checkpoints, keep=2)
    trainer.update()
    validated = SimpleNamespace(step=best.step, best_step=best.step, best_value=1.0, since_best=0)
    session = SimpleNamespace(folder=folder, emit=told.append, state=SimpleNamespace(validations=[validated]))
    training = Training(session, CONFIG, trainer, evaluator=None)
    monkeypatch.setattr("engine.worker.training.write_card", lambda *_, **__: None)

    weights = best.path / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert training._save_model(early=False) is None
    assert ["the last step" in event.message and str(weights) in event.message for event in told] == [True]
    last = save_checkpoint(trainer, folder.checkpoints, keep=2)
    assert last.step == 2
    assert (folder.model / "model.safetensors").read_bytes() == (last.path / "model.safetensors").read_bytes()

    content[-1] ^= 1
    weights.write_bytes(content)
    assert training._save_model(early=False) == best.step
    assert (folder.model / "model.safetensors").read_bytes() == weights.read_bytes()
    trainer.close()
