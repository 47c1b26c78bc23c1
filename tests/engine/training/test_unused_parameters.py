"""Parameters that no step uses, as Longformer's global attention, stop neither a save nor a resume."""

from __future__ import annotations

import torch
import transformers
from model_families import ROBERTA, shaken, xlmr_tokenizer

from engine.config import BatchConfig, ModelConfig, OptimizerConfig, RunConfig
from engine.encoder import load_encoder
from engine.training.checkpoint import load_checkpoint, save_checkpoint
from engine.training.trainer import Trainer


def test_a_run_with_unused_parameters_is_resumed_bit_for_bit(tmp_path, corpora):
    tokenizer = xlmr_tokenizer()
    config = transformers.LongformerConfig(
        vocab_size=len(tokenizer), attention_window=[8, 8], max_position_embeddings=258, **ROBERTA
    )
    shaken(transformers.LongformerModel(config)).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    run = RunConfig(
        model=ModelConfig(name=str(tmp_path / "base"), dropout=0.1),
        batch=BatchConfig(size=4),
        optimizer=OptimizerConfig(learning_rate=1e-3, max_steps=9),
    )

    def trainer(saved=None):
        return Trainer(run, load_encoder(run.model, "cpu", saved=saved), corpora, torch.device("cpu"))

    whole = trainer()
    whole.update()
    saved = save_checkpoint(whole, tmp_path / "checkpoints", keep=1)
    assert any(parameter not in whole.optimizer.state for _, parameter in whole.named_parameters())
    resumed = trainer(saved.path)
    load_checkpoint(resumed, saved.path)
    assert resumed.update().loss == whole.update().loss
    whole.close()
    resumed.close()
