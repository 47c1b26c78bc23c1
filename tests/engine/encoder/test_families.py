"""Every family of the field: SentenceTransformer's vectors, before and after training, and what README says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from model_families import FAMILIES, TEXTS, Family, StaticFamily
from peers import sentence_transformer

from engine.config import BatchConfig, ModelConfig, OptimizerConfig, RunConfig, SourceConfig
from engine.data.sources import load_source
from engine.encoder import DualEncoder, load_encoder
from engine.training.trainer import Trainer

README = Path(__file__).resolve().parents[3] / "README.md"
CLOSE = 1e-5


@pytest.fixture(scope="module", params=FAMILIES, ids=lambda family: family.name)
def family(request: pytest.FixtureRequest) -> Family | StaticFamily:
    return request.param


@pytest.fixture(scope="module")
def folder(family: Family | StaticFamily, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return family.write(tmp_path_factory.mktemp("family") / "model")


def loaded(folder: Path) -> DualEncoder:
    return load_encoder(ModelConfig(name=str(folder)), "cpu")


def difference(encoder: DualEncoder, peer: Any) -> float:
    """Largest absolute one of both kinds of text, each with its prompt, as unit vectors."""
    found = []
    for vectors, prompt in (
        (encoder.encode_queries(TEXTS).vectors, encoder.options.query_prefix),
        (encoder.encode_passages(TEXTS).vectors, encoder.options.passage_prefix),
    ):
        found.append(np.abs(vectors - peer.encode(TEXTS, prompt=prompt, normalize_embeddings=True)).max())
    return float(max(found))


def test_vectors_are_those_of_sentence_transformer(family: Family | StaticFamily, folder: Path) -> None:
    encoder, peer = loaded(folder), sentence_transformer(folder)
    assert difference(encoder, peer) < CLOSE
    for kind, name in (("query", "query"), ("passage", "document"), ("passage", "passage")):
        if family.prompts.get(name):
            assert encoder.options.prefix(kind) == family.prompts[name]  # type: ignore[arg-type]


def test_readme_says_what_it_is_and_how_it_runs(family: Family | StaticFamily, folder: Path) -> None:
    encoder = loaded(folder)
    rows = [line.split(" | ") for line in README.read_text(encoding="utf-8").splitlines()]
    (row,) = [row for row in rows if row[0] == f"| {family.name}"]
    assert row[1] == encoder.module_names()
    assert row[2].removesuffix(" |") == str(encoder.attention())


def test_five_steps_of_training_are_saved_with_all_modules(
    family: Family | StaticFamily, folder: Path, tmp_path: Path
) -> None:
    encoder, base = loaded(folder), sentence_transformer(folder)
    source = SourceConfig(kind="cldr", languages=("de", "en"))
    config = RunConfig(
        sources=(source,), batch=BatchConfig(size=4), optimizer=OptimizerConfig(max_steps=5, learning_rate=1e-3)
    )
    before = {name: parameter.detach().clone() for name, parameter in encoder.named_parameters()}
    trainer = Trainer(config, encoder, [load_source(source)], torch.device("cpu"))
    try:
        assert all(np.isfinite(trainer.update().loss) for _ in range(5))
    finally:
        trainer.close()
    still = {name for name, parameter in encoder.named_parameters() if torch.equal(before[name], parameter)}
    assert not any(name.startswith("head.") for name in still), "the head is trained with the encoder"
    assert len(still) < len(before) / 2
    encoder.eval().save(tmp_path / "model")
    peer = sentence_transformer(tmp_path / "model")
    assert difference(encoder, peer) < CLOSE
    assert [type(module) for module in peer] == [type(module) for module in base]
    again = loaded(tmp_path / "model")
    assert again.digests() == encoder.digests()
    assert again.options == encoder.options
