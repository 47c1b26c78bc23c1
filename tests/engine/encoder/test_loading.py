"""Loading: what a model cannot do shows before hours are spent on it."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.config import ConfigError, ModelConfig
from engine.encoder import load_encoder


@pytest.fixture
def folder(tiny, tmp_path):
    tiny.save(tmp_path / "model")
    return tmp_path / "model"


def test_vectors_that_are_not_finite_are_refused(folder):
    """A table of plausible numbers came of such models: every candidate ties."""
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layer.0.output.dense.bias"] += torch.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"^model.name: BertModel gives vectors that are infinite or NaN"):
        load_encoder(ModelConfig(name=str(folder)), "cpu")
