"""The tiny encoder, built from a few dozen texts."""

import pytest
import torch
from encoder_texts import TEXTS

from engine.config import ModelConfig
from engine.encoder import load_encoder


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """These models are so small that a second thread only waits for the first, for long where others compute too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
