"""The tiny encoder, built from a few dozen texts."""

import pytest
from encoder_texts import TEXTS

from engine.config import ModelConfig
from engine.encoder import load_encoder


@pytest.fixture(scope="session")
def texts():
    return TEXTS


@pytest.fixture(scope="session")
def tiny():
    return load_encoder(
        ModelConfig(query_prefix="query: ", passage_prefix="passage: ", max_query_tokens=16, max_passage_tokens=48),
        "cpu",
        texts=TEXTS,
    )
