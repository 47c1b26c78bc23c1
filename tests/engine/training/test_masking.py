"""False negatives are found by identity across translations, as an obvious slow version finds them."""

from dataclasses import replace

import numpy as np
import pytest
from small_corpora import make_corpus, tokenized

from engine.config import BatchConfig
from engine.training.masking import false_negatives
from engine.training.plan import Batch, BatchPlan


def slow(batch, corpus):
    size = len(batch.groups)
    mask = np.zeros((size, size), dtype=bool)
    for i in range(size):
        for j in range(size):
            own = corpus.row_of[batch.groups[i], batch.passage_language[j]]
            passage = corpus.row_of[batch.groups[j], batch.passage_language[j]]
            if i != j and own >= 0:
                same_id = corpus.passage_ids[own] == corpus.passage_ids[passage]
                mask[i, j] = same_id or corpus.passages[own] == corpus.passages[passage]
    return mask


def shared_passages(gaps=()):
    """Groups 0 and 1 share a passage by id in every language, groups 2 and 3 by text in English only."""
    corpus = make_corpus(groups=12, gaps=gaps)
    ids, passages = list(corpus.passage_ids), list(corpus.passages)
    for language in range(3):
        if corpus.row_of[0, language] >= 0 and corpus.row_of[1, language] >= 0:
            ids[corpus.row_of[1, language]] = ids[corpus.row_of[0, language]]
    passages[corpus.row_of[3, 1]] = passages[corpus.row_of[2, 1]]
    return replace(corpus, passage_ids=ids, passages=passages)


@pytest.mark.parametrize("mode", ["mono", "cross", "mixed", "english"])
@pytest.mark.parametrize("gaps", [(), {(1, "de"), (2, "th"), (7, "en")}])
def test_the_mask_is_that_of_the_slow_version(mode, gaps):
    corpus = shared_passages(gaps)
    arrays = tokenized(corpus)
    plan = BatchPlan([arrays], BatchConfig(mode=mode, size=16), seed=0, max_steps=1)
    found = 0
    for t in range(30):
        batch = plan.batch(t)
        mask = false_negatives(batch, arrays)
        np.testing.assert_array_equal(mask, slow(batch, corpus))
        found += mask.sum()
    assert found > 0


def cross_batch(groups, queries, passages):
    as_languages = lambda values: np.array(values, dtype=np.int16)  # noqa: E731
    return Batch("cross", 0, np.array(groups), as_languages(queries), as_languages(passages))


def test_a_translation_of_another_rows_passage_is_masked_though_no_text_is_equal():
    """Group 0 twice, its passage in German and in Thai; and group 1, which shares group 0's passage by id."""
    corpus = shared_passages()
    batch = cross_batch([0, 5, 0, 1], [1, 1, 1, 2], [0, 0, 2, 1])
    mask = false_negatives(batch, tokenized(corpus))
    texts = [corpus.passages[corpus.row_of[pair]] for pair in zip(batch.groups, batch.passage_language, strict=True)]
    assert len(set(texts)) == 4, "comparing the texts of the batch finds nothing"
    expected = np.zeros((4, 4), dtype=bool)
    for i, j in [(0, 2), (2, 0), (0, 3), (3, 0), (2, 3), (3, 2)]:
        expected[i, j] = True
    np.testing.assert_array_equal(mask, expected)


def test_a_language_that_a_group_lacks_masks_nothing():
    corpus = make_corpus(groups=3, gaps={(0, "th")})
    # The row of group 0 in Thai is -1, which indexes the last row: group 2 in Thai, passage of pair 1.
    batch = cross_batch([0, 2], [0, 0], [1, 2])
    assert not false_negatives(batch, tokenized(corpus)).any()
