"""Hard negatives: of the pair's own row, as many for every pair, equal on any number of ranks, masked where right."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_corpora import make_corpus, one_token_a_word, tokenized

from engine.config import BatchConfig, ConfigError, LossConfig, RunConfig
from engine.data.corpus import HardNegatives
from engine.encoder.tokens import concatenate
from engine.training.backward import Backward
from engine.training.batches import BatchSource
from engine.training.loss import InfoNCE
from engine.training.masking import false_negatives
from engine.training.negatives import draw_negatives, negative_rows
from engine.training.plan import BatchPlan
from engine.training.ranks import Alone
from engine.training.trainer import Trainer

GAPS = {(0, "en"), (3, "th"), (5, "en"), (5, "de")}
CONFIG = RunConfig(seed=3, batch=BatchConfig(size=12, negatives=2))


class Rank(Alone):
    """One of several that share the batches; ``vectors`` are those of all, in place of a network.

    Nothing adds their gradients up: the test does.
    """

    def __init__(self, rank, world, vectors=None):
        self.rank, self.world, self.vectors = rank, world, vectors

    def gather(self, vectors):
        torch.testing.assert_close(vectors, self.vectors[self.rank])
        return self.vectors.clone()


def hard(corpus, sizes, ids=False):
    """Row r has ``sizes[r % len(sizes)]`` negatives; the last of a row is the passage of some other row."""
    texts, names, starts = [], [], [0]
    for row in range(len(corpus.questions)):
        size = sizes[row % len(sizes)]
        for number in range(size):
            other = (row * 7 + 3) % len(corpus.questions)
            texts.append(corpus.passages[other] if number == size - 1 else f"near {row} but {number}")
            names.append(corpus.passage_ids[other] if number == size - 1 else f"xx:p:{row}.{number}")
        starts.append(len(texts))
    negatives = HardNegatives(texts, np.array(starts, np.int64), names if ids else None)
    return replace(corpus, negatives=negatives)


def text_of(drawn, k, corpus):
    return corpus.negatives.texts[drawn.item[k]] if drawn.item[k] >= 0 else corpus.passages[drawn.row[k]]


@given(
    sizes=st.lists(st.integers(0, 5), min_size=1, max_size=4),
    count=st.integers(1, 4),
    mode=st.sampled_from(("mono", "cross", "mixed")),
    t=st.integers(0, 50),
)
def test_each_pair_gets_as_many_of_its_own_as_there_are(sizes, count, mode, t):
    corpus = hard(make_corpus(gaps=GAPS), sizes)
    arrays = tokenized(corpus, negatives=True)
    batch = BatchPlan([arrays], BatchConfig(mode=mode, size=8), seed=1, max_steps=1).batch(t)
    drawn = draw_negatives(batch, arrays, count, 1, t)
    assert len(drawn.item) == 8 * count
    for pair, row in enumerate(corpus.row_of[batch.groups, batch.passage_language]):
        items = [int(item) for item in drawn.item[pair * count : (pair + 1) * count] if item >= 0]
        own = range(corpus.negatives.starts[row], corpus.negatives.starts[row + 1])
        assert len(set(items)) == len(items) == min(count, len(own))
        assert set(items) <= set(own)
    for k in np.flatnonzero(drawn.item < 0):
        group, language = np.argwhere(corpus.row_of == drawn.row[k])[0]
        assert language == drawn.language[k]
        wanted = batch.passage_language[k // count]
        assert language == wanted or corpus.row_of[group, wanted] < 0
    whole = negative_rows(drawn, slice(None), arrays)
    expected = one_token_a_word([text_of(drawn, k, corpus) for k in range(8 * count)], None, "passage")
    np.testing.assert_array_equal(whole.ids, expected.ids)
    np.testing.assert_array_equal(whole.offsets, expected.offsets)


def test_draws_change_from_batch_to_batch_and_are_equal_for_equal_ones():
    corpus = tokenized(hard(make_corpus(), [5]), negatives=True)
    batch = BatchPlan([corpus], BatchConfig(mode="mono", size=8), seed=1, max_steps=1).batch(0)
    first, again, later, seeded = (
        draw_negatives(batch, corpus, 2, seed, t).item.tolist() for seed, t in ((1, 4), (1, 4), (1, 5), (2, 4))
    )
    assert first == again
    assert len({tuple(first), tuple(later), tuple(seeded)}) == 3


def slow(batch, drawn, corpus):
    size = len(batch.groups)
    mask = np.zeros((size, size + len(drawn.item)), dtype=bool)
    for i in range(size):
        for j in range(mask.shape[1]):
            if j < size:
                language, row = batch.passage_language[j], corpus.row_of[batch.groups[j], batch.passage_language[j]]
                text, name = corpus.passages[row], corpus.passage_ids[row]
            else:
                k = j - size
                language, text = drawn.language[k], text_of(drawn, k, corpus)
                ids = corpus.negatives.ids
                name = corpus.passage_ids[drawn.row[k]] if drawn.item[k] < 0 else ids and ids[drawn.item[k]]
            own = corpus.row_of[batch.groups[i], language]
            if i != j and own >= 0:
                mask[i, j] = corpus.passage_ids[own] == name or corpus.passages[own] == text
    return mask


@pytest.mark.parametrize("mode", ["mono", "cross", "mixed"])
@pytest.mark.parametrize("ids", [False, True])
def test_a_negative_that_is_a_known_passage_of_the_question_is_masked(mode, ids):
    corpus = hard(make_corpus(groups=12, gaps=GAPS), [0, 1, 3], ids)
    arrays = tokenized(corpus, negatives=True)
    plan, found = BatchPlan([arrays], BatchConfig(mode=mode, size=16), seed=0, max_steps=1), 0
    for t in range(20):
        batch = plan.batch(t)
        drawn = draw_negatives(batch, arrays, 2, 0, t)
        mask = false_negatives(batch, arrays, drawn)
        np.testing.assert_array_equal(mask, slow(batch, drawn, corpus))
        found += mask[:, 16:].sum()
    assert found > 0


def test_a_negative_known_by_its_id_is_masked_whatever_its_text():
    corpus = hard(make_corpus(groups=6), [1], ids=True)
    changed = [f"changed {number}" for number in range(len(corpus.negatives.texts))]
    arrays = tokenized(replace(corpus, negatives=replace(corpus.negatives, texts=changed)), negatives=True)
    batch = BatchPlan([arrays], BatchConfig(mode="mono", size=6), seed=0, max_steps=1).batch(0)
    assert false_negatives(batch, arrays, draw_negatives(batch, arrays, 1, 0, 0))[:, 6:].any()


def test_ranks_take_slices_of_one_batch(make_encoder):
    corpora, encoder = [hard(make_corpus(), [0, 2, 4])], make_encoder()
    alone = BatchSource(CONFIG, corpora, encoder, Alone())
    ranks = [BatchSource(CONFIG, corpora, encoder, Rank(rank, 3)) for rank in range(3)]
    for t in range(5):
        whole, parts = alone.assemble(t), [source.assemble(t) for source in ranks]
        assert (whole.pairs, [part.pairs for part in parts]) == (12, [4, 4, 4])
        for first, last in ((0, 4), (4, 8), (8, 16)):  # questions, passages, negatives
            joined = concatenate([part.rows.take(np.arange(first, last)) for part in parts])
            expected = whole.rows.take(np.arange(3 * first, 3 * last))
            np.testing.assert_array_equal(joined.ids, expected.ids)
        assert all(np.array_equal(part.mask, whole.mask) for part in parts)


def test_ranks_together_have_the_gradient_of_one_process(make_encoder):
    corpora, encoder, loss = [hard(make_corpus(), [0, 2, 4])], make_encoder(0.0), InfoNCE(LossConfig())

    def gradient(batch, ranks):
        encoder.zero_grad()
        ranks.adopt(encoder)
        value = Backward(encoder, loss, ranks, 0, 0)(batch, 0)
        return value, torch.cat([parameter.grad.flatten() for parameter in encoder.parameters()])

    whole, expected = gradient(BatchSource(CONFIG, corpora, encoder, Alone()).assemble(1), Alone())
    batches = [BatchSource(CONFIG, corpora, encoder, Rank(rank, 3)).assemble(1) for rank in range(3)]
    vectors = torch.stack([encoder.embed(batch.rows).detach() for batch in batches])
    found = [gradient(batch, Rank(rank, 3, vectors)) for rank, batch in enumerate(batches)]
    torch.testing.assert_close(torch.stack([value for value, _ in found]), whole.expand(3))
    difference = torch.stack([part for _, part in found]).sum(dim=0) - expected
    assert difference.norm() <= 1e-5 * expected.norm()


def test_an_update_is_that_of_a_plain_loss_over_all_candidates(make_encoder):
    corpora = [hard(make_corpus(), [0, 2, 4])]
    encoder = make_encoder(0.0)
    source = BatchSource(CONFIG, corpora, encoder, Alone())
    trainer = Trainer(CONFIG, make_encoder(0.0), corpora, torch.device("cpu"))
    try:
        batch = source.assemble(0)
        vectors = encoder.embed(batch.rows)
        logits = (vectors[:12] @ vectors[12:].T / 0.05).masked_fill(torch.from_numpy(batch.mask), -math.inf)
        assert logits.shape == (12, 36)
        expected = torch.nn.functional.cross_entropy(logits, torch.arange(12)).item()
        assert trainer.update().loss == pytest.approx(expected, rel=1e-5)
    finally:
        trainer.close()


def test_without_a_mask_nothing_is_hidden(make_encoder):
    config = RunConfig(seed=3, batch=CONFIG.batch, loss=LossConfig(mask_false_negatives=False))
    batch = BatchSource(config, [hard(make_corpus(), [2])], make_encoder(), Alone()).assemble(0)
    assert batch.mask.shape == (12, 36)
    assert not batch.mask.any()


def test_negatives_that_no_source_has_are_a_configuration_error(make_encoder):
    with pytest.raises(ConfigError, match=r"^batch.negatives: no source has hard negatives"):
        BatchSource(CONFIG, [make_corpus()], make_encoder(), Alone())


def test_a_source_without_negatives_beside_one_that_has_them_gives_other_passages(make_encoder):
    corpora = [make_corpus("plain"), hard(make_corpus("hard"), [2])]
    source = BatchSource(CONFIG, corpora, make_encoder(), Alone())
    assert {len(source.assemble(t).rows) for t in range(20)} == {48}
