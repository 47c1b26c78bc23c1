"""A model that leaves its prompt out of the pooling does so in training too, however its texts were tokenised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.config import ModelConfig
from engine.encoder import DualEncoder, load_encoder
from engine.training import tokenizing
from engine.training.tokenizing import tokenized_corpora


@pytest.fixture(scope="module")
def instructor(corpora) -> DualEncoder:
    """Its prompts are not pooled, as INSTRUCTOR's."""
    texts = [text for corpus in corpora for text in (*corpus.questions, *corpus.passages)]
    config = ModelConfig(query_prefix="which coin: ", passage_prefix="the people: ")
    encoder = load_encoder(config, "cpu", texts=texts)
    return DualEncoder(encoder.model, encoder.hub_tokenizer, replace(encoder.options, include_prompt=False)).eval()


@pytest.mark.parametrize("small", [0, 10**6], ids=["through the cache", "in memory"])
def test_rows_of_a_corpus_are_pooled_as_those_of_an_evaluation(small, instructor, corpora, tmp_path, monkeypatch):
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(tmp_path))
    monkeypatch.setattr(tokenizing, "SMALL", small)
    (tokenized, _) = tokenized_corpora(corpora, instructor)
    for rows, vectors in (
        (tokenized.questions, instructor.encode_queries(corpora[0].questions).vectors),
        (tokenized.passages, instructor.encode_passages(corpora[0].passages).vectors),
    ):
        np.testing.assert_allclose(instructor.encode_rows(rows), vectors, atol=1e-6)


def test_leaving_the_prompt_out_makes_a_difference(instructor, corpora):
    pooled = DualEncoder(
        instructor.model, instructor.hub_tokenizer, replace(instructor.options, include_prompt=True)
    ).eval()
    texts = corpora[0].questions[:4]
    with torch.inference_mode():
        assert not np.allclose(
            pooled.encode_queries(texts).vectors, instructor.encode_queries(texts).vectors, atol=1e-3
        )
