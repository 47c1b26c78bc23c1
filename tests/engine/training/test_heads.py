"""A head is trained like the rest: with the gradient cache, averaged, and bit for bit over a stop."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from model_families import TEXTS, Dense, Family, xlmr, xlmr_tokenizer
from small_corpora import make_corpus

from engine.config import BatchConfig, LoraConfig, ModelConfig, OptimizerConfig, RunConfig, RuntimeConfig
from engine.data.corpus import ParallelCorpus
from engine.encoder import load_encoder
from engine.training.checkpoint import load_checkpoint, save_checkpoint
from engine.training.trainer import Trainer

WORDS = " ".join(TEXTS).split()

# Like LaBSE, but averaged, and with pieces of words that the texts are made of: gradients are no rounding noise.
HEADED = Family("headed", xlmr, xlmr_tokenizer, "mean", [Dense(32, 32), "normalize"], longest=256)


@pytest.fixture(scope="module")
def corpora() -> list[ParallelCorpus]:
    """Texts of words that the model knows, all of them different."""
    corpus, choose = make_corpus(), random.Random(0)
    questions, passages = ([" ".join(choose.sample(WORDS, length)) for _ in corpus.questions] for length in (5, 12))
    return [replace(corpus, questions=questions, passages=passages)]


@pytest.fixture(scope="module")
def labse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return HEADED.write(tmp_path_factory.mktemp("heads") / "headed")


def config_of(folder: Path, *, tokens: int = 0, dropout: float = 0.0, decay: float = 0.0, rank: int = 0) -> RunConfig:
    return RunConfig(
        seed=2,
        model=ModelConfig(name=str(folder), dropout=dropout),
        batch=BatchConfig(size=8),
        lora=LoraConfig(rank=rank),
        optimizer=OptimizerConfig(learning_rate=1e-3, max_steps=20, ema_decay=decay),
        runtime=RuntimeConfig(tokens_per_micro_batch=tokens),
    )


@pytest.fixture
def make_trainer(corpora):
    trainers = []

    def make(config: RunConfig, saved: Path | None = None) -> Trainer:
        encoder = load_encoder(config.model, "cpu", saved=saved, base_weights=config.lora.rank > 0)
        trainers.append(Trainer(config, encoder, corpora, torch.device("cpu")))
        return trainers[-1]

    yield make
    for trainer in trainers:
        trainer.close()


def gradients(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: parameter.grad.clone() for name, parameter in trainer.named_parameters()}


@pytest.mark.parametrize("tokens", [1, 60, 200])
def test_the_gradient_of_a_head_is_that_of_the_whole_batch(tokens: int, labse: Path, make_trainer) -> None:
    whole, parts = make_trainer(config_of(labse)), make_trainer(config_of(labse, tokens=tokens))
    whole.update(), parts.update()
    expected, cached = gradients(whole), gradients(parts)
    for names in (("head.0.linear.weight",), ("head.0.linear.bias",), tuple(expected)):
        ours, theirs = (torch.cat([found[name].flatten() for name in names]) for found in (cached, expected))
        assert theirs.norm() > 1e-3
        assert (ours - theirs).norm() < 1e-5 * theirs.norm(), names


@pytest.mark.parametrize("kind", ["plain", "average", "lora"])
def test_a_resumed_run_with_a_head_equals_one_that_never_stopped(
    kind: str, labse: Path, make_trainer, tmp_path: Path
) -> None:
    more = {"plain": {}, "average": {"decay": 0.9}, "lora": {"rank": 2}}[kind]
    config = config_of(labse, dropout=0.1, **more)
    whole = make_trainer(config)
    before = whole.encoder.head[0].linear.weight.clone()
    losses = [whole.update().loss for _ in range(2)]
    saved = save_checkpoint(whole, tmp_path / "stopped", keep=1)
    losses += [whole.update().loss for _ in range(2)]
    assert not torch.equal(before, whole.encoder.head[0].linear.weight)

    resumed = make_trainer(config, saved.path)
    load_checkpoint(resumed, saved.path)
    assert [resumed.update().loss for _ in range(2)] == losses[2:]
    ends = [save_checkpoint(trainer, tmp_path / name, 1).path for name, trainer in (("a", whole), ("b", resumed))]
    digests = [
        {file.relative_to(end): sha256(file.read_bytes()).hexdigest() for file in end.rglob("*.safetensors")}
        for end in ends
    ]
    assert digests[0] == digests[1]
    assert Path("2_Dense/model.safetensors") in digests[0]


def test_a_resumed_run_asks_the_base_folder_nothing(labse: Path, make_trainer, tmp_path: Path) -> None:
    """Somebody edits the base model's description, or removes it, while a run is stopped."""
    base = tmp_path / "base"
    shutil.copytree(labse, base)
    trainer = make_trainer(config_of(base))
    trainer.update()
    saved = save_checkpoint(trainer, tmp_path / "checkpoints", keep=1)
    (base / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 9}))
    (base / "1_Pooling" / "config.json").write_text(json.dumps({"embedding_dimension": 32, "pooling_mode": "cls"}))
    resumed = make_trainer(config_of(base), saved.path)
    assert resumed.encoder.options == trainer.encoder.options
    assert resumed.encoder.origins == trainer.encoder.origins
    shutil.rmtree(base)
    gone = make_trainer(config_of(base), saved.path)
    assert gone.encoder.digests() == trainer.encoder.digests()


def test_the_averaged_head_is_what_is_evaluated_and_saved(labse: Path, make_trainer, tmp_path: Path) -> None:
    trainer = make_trainer(config_of(labse, decay=0.9))
    for _ in range(3):
        trainer.update()
    with trainer.finished() as encoder:
        expected = encoder.encode_queries(["which coin?"]).vectors
        encoder.save(tmp_path / "model")
    assert not np.array_equal(expected, trainer.encoder.encode_queries(["which coin?"]).vectors)
    again = load_encoder(ModelConfig(name=str(tmp_path / "model")), "cpu")
    assert np.array_equal(again.encode_queries(["which coin?"]).vectors, expected)


def test_a_model_of_dot_products_is_trained_by_them(labse: Path, make_trainer) -> None:
    config = config_of(labse)
    plain = make_trainer(config)
    dot = RunConfig(
        seed=2,
        model=ModelConfig(name=str(labse), similarity="dot", truncate_dim=16),
        batch=config.batch,
        optimizer=config.optimizer,
    )
    trainer = make_trainer(dot)
    record = trainer.update()
    assert any("dot product" in note for note in record.notes)
    assert not any("dot product" in note for note in plain.update().notes)
    norms = np.linalg.norm(trainer.encoder.encode_queries(["a", "some words"]).vectors, axis=1)
    assert trainer.encoder.width == 16
    assert (norms < 0.999).all(), "cut vectors are not stretched to unit length again"
