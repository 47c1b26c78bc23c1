"""Two sources, and an encoder that is small enough to train in a test."""

import pytest
from small_corpora import make_corpus

from engine.config import ModelConfig
from engine.encoder import load_encoder


@pytest.fixture(scope="session")
def corpora():
    """Two sources; the second lacks some translations, and has one group in one language only."""
    gaps = {(0, "en"), (3, "fr"), (5, "en"), (5, "fr"), (9, "de")}
    return [make_corpus("facts"), make_corpus("more", groups=25, languages=("de", "en", "fr"), gaps=gaps)]


@pytest.fixture
def make_encoder(corpora):
    """Builds equal small encoders, as often as wanted."""
    texts = [text for corpus in corpora for text in (*corpus.questions, *corpus.passages)]

    def make(dropout=0.1):
        return load_encoder(ModelConfig(dropout=dropout), "cpu", texts=texts, seed=0)

    return make
