"""A run with gradient checkpointing is the run without it, bit for bit."""

import msgspec
import pytest
import torch

from engine.config import BatchConfig, LoraConfig, ModelConfig, OptimizerConfig, RunConfig, RuntimeConfig
from engine.encoder import load_encoder
from engine.training.checkpoint import load_checkpoint, save_checkpoint
from engine.training.trainer import Trainer

pytestmark = pytest.mark.long

PLAIN = RunConfig(
    seed=4,
    batch=BatchConfig(size=12),
    optimizer=OptimizerConfig(learning_rate=1e-3, max_steps=20),
)
OPTIONS = {
    "packed": {},
    "padded": {"runtime": RuntimeConfig(layout="padded")},
    "gradient cache": {"runtime": RuntimeConfig(tokens_per_micro_batch=60)},
    "padded gradient cache": {"runtime": RuntimeConfig(tokens_per_micro_batch=60, layout="padded")},
    "float16": {"runtime": RuntimeConfig(precision="float16", tokens_per_micro_batch=150)},
    "adapters": {"lora": LoraConfig(rank=4, dropout=0.1, targets=("query", "value"))},
    "average": {"optimizer": msgspec.structs.replace(PLAIN.optimizer, ema_decay=0.9)},
    "frozen embeddings": {"model": ModelConfig(freeze_embeddings=True)},
}


def config_of(which, checkpointing):
    config = msgspec.structs.replace(PLAIN, **OPTIONS[which])
    runtime = msgspec.structs.replace(config.runtime, gradient_checkpointing=checkpointing)
    return msgspec.structs.replace(config, runtime=runtime)


@pytest.fixture
def make_trainer(corpora):
    trainers = []
    texts = [text for corpus in corpora for text in (*corpus.questions, *corpus.passages)]

    def make(config):
        model = msgspec.structs.replace(config.model, dropout=0.1)
        encoder = load_encoder(model, "cpu", texts=texts, seed=0)
        trainers.append(Trainer(config, encoder, corpora, torch.device("cpu")))
        return trainers[-1]

    yield make
    for trainer in trainers:
        trainer.close()


@pytest.mark.parametrize("which", OPTIONS)
def test_losses_norms_and_weights_are_the_same(which, make_trainer):
    plain, checkpointed = (make_trainer(config_of(which, checkpointing)) for checkpointing in (False, True))
    assert checkpointed.encoder.gradient_checkpointing
    for _ in range(3):
        expected, found = plain.update(), checkpointed.update()
        assert (found.loss, found.grad_norm, found.flops) == (expected.loss, expected.grad_norm, expected.flops)
    with plain.finished(), checkpointed.finished():
        assert plain.encoder.digests() == checkpointed.encoder.digests()


def test_a_run_may_take_it_up_when_it_is_resumed(make_trainer, tmp_path):
    """Where memory has become scarce: the checkpoint knows nothing of it."""
    whole = make_trainer(config_of("packed", checkpointing=False))
    whole.update()
    saved = save_checkpoint(whole, tmp_path, keep=1)
    resumed = make_trainer(config_of("packed", checkpointing=True))
    load_checkpoint(resumed, saved.path)
    assert [resumed.update().loss for _ in range(2)] == [whole.update().loss for _ in range(2)]
    assert resumed.encoder.digests() == whole.encoder.digests()
