"""Two sources, and an encoder that is small enough to train in a test."""

import copy

import pytest
from small_corpora import make_corpus

from engine.config import ModelConfig
from engine.encoder import load_encoder


@pytest.fixture(scope="session")
def corpora():
    """Two sources; the second lacks some translations, and has one group in one language only."""
    gaps = {(0, "en"), (3, "fr"), (5, "en"), (5, "fr"), (9, "de")}
    return [make_corpus("facts"), make_corpus("more", groups=25, languages=("de", "en", "fr"), gaps=gaps)]


@pytest.fixture(scope="session")
def make_encoder(corpora):
    """Makes equal small encoders, as often as wanted: copies of one for each rate of dropout."""
    texts = [text for corpus in corpora for text in (*corpus.questions, *corpus.passages)]
    loaded = {}

    def make(dropout=0.1):
        if dropout not in loaded:
            loaded[dropout] = load_encoder(ModelConfig(dropout=dropout), "cpu", texts=texts, seed=0)
        encoder = copy.deepcopy(loaded[dropout])
        encoder._attention = None  # each looks for itself how the model attends
        return encoder

    return make
