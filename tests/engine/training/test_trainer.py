"""Updates: equal to a plain loop, undisturbed by what happens in between, and honest in their records."""

import math

import numpy as np
import pytest
import torch
from small_corpora import make_corpus, tokenized

from engine.config import BatchConfig, ConfigError, LossConfig, OptimizerConfig, RunConfig
from engine.encoder import DualEncoder
from engine.training.batches import BatchSource, Prefetcher
from engine.training.masking import false_negatives
from engine.training.plan import BatchPlan
from engine.training.ranks import Alone
from engine.training.trainer import Trainer

CONFIG = RunConfig(
    seed=4,
    batch=BatchConfig(size=12, source_temperature=0.0),
    optimizer=OptimizerConfig(learning_rate=1e-3, warmup_steps=3, max_steps=20, weight_decay=0.1),
)


@pytest.fixture
def make_trainer(corpora, make_encoder):
    trainers = []

    def make(config=CONFIG, dropout=0.1):
        trainers.append(Trainer(config, make_encoder(dropout), corpora, torch.device("cpu")))
        return trainers[-1]

    yield make
    for trainer in trainers:
        trainer.close()


def test_updates_are_those_of_a_plain_loop(corpora, make_encoder, make_trainer):
    """Texts of the plan, one padded batch, cross entropy, torch's own AdamW and clipping: the same losses."""
    arrays = [tokenized(corpus) for corpus in corpora]
    encoder, plan = make_encoder(0.0).train(), BatchPlan(arrays, CONFIG.batch, CONFIG.seed, CONFIG.optimizer.max_steps)
    matrices = [parameter for parameter in encoder.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in encoder.parameters() if parameter.ndim == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0}])

    def embed(texts, limit):
        batch = encoder.hub_tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        mask = batch["attention_mask"].unsqueeze(-1)
        hidden = encoder.model(**batch).last_hidden_state
        return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)

    trainer = make_trainer(dropout=0.0)
    for t in range(6):
        batch = plan.batch(t)
        corpus = corpora[batch.source]
        questions = [corpus.questions[row] for row in corpus.row_of[batch.groups, batch.query_language]]
        passages = [corpus.passages[row] for row in corpus.row_of[batch.groups, batch.passage_language]]
        mask = false_negatives(batch, arrays[batch.source])
        logits = embed(questions, 64) @ embed(passages, 256).T / 0.05
        loss = torch.nn.functional.cross_entropy(
            logits.masked_fill(torch.from_numpy(mask), -math.inf), torch.arange(len(logits))
        )
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min((t + 1) / 3, (20 - t) / 17)
        optimizer.step()

        record = trainer.update()
        assert record.step == trainer.step == t + 1
        assert record.loss == pytest.approx(loss.item(), rel=1e-4)
        assert record.grad_norm == pytest.approx(norm.item(), rel=1e-3)
        assert record.lr == pytest.approx(optimizer.param_groups[0]["lr"])
        assert record.mode == batch.mode
        assert record.masked == pytest.approx(mask.sum() / 12)
        whole = encoder.hub_tokenizer([*questions, *passages])["input_ids"]
        assert record.tokens == sum(len(ids) for ids in whole)
        assert 0 <= record.data_wait <= record.seconds


def test_evaluation_and_random_draws_in_between_change_nothing(corpora, make_trainer):
    plain, disturbed = make_trainer(), make_trainer()
    for t in range(5):
        disturbed.encoder.encode_queries(corpora[0].questions[: t * 7])
        torch.manual_seed(t)
        torch.rand(t)
        assert plain.update().loss == disturbed.update().loss
    assert plain.encoder.digests() == disturbed.encoder.digests()


def test_dropout_is_on_and_differs_from_step_to_step(make_trainer):
    frozen = RunConfig(seed=4, batch=CONFIG.batch, optimizer=OptimizerConfig(learning_rate=1e-30))
    trainer, twin = make_trainer(frozen, dropout=0.3), make_trainer(frozen, dropout=0.0)
    assert all(trainer.update().loss != twin.update().loss for _ in range(3))
    first = trainer.update().loss
    trainer.step -= 1
    assert trainer.update().loss == first, "a step that is repeated draws the same dropout"


def test_mono_share_one_trains_exactly_as_mono(make_trainer):
    def losses(**batch):
        trainer = make_trainer(RunConfig(batch=BatchConfig(size=12, **batch), optimizer=CONFIG.optimizer))
        return [trainer.update().loss for _ in range(6)]

    assert losses(mode="hybrid", mono_share=1.0) == losses(mode="mono")
    assert losses(mode="hybrid", mono_share=0.0) == losses(mode="cross")
    assert losses(mode="mono") != losses(mode="cross")


def test_training_learns(make_trainer):
    trainer = make_trainer(dropout=0.0)
    losses = [trainer.update().loss for _ in range(20)]
    assert np.mean(losses[-4:]) < np.mean(losses[:4]) - 0.3


def test_a_loss_that_is_not_finite_is_reported_and_not_raised(make_trainer):
    trainer = make_trainer()
    with torch.no_grad():
        next(trainer.encoder.parameters()).fill_(math.nan)
    record = trainer.update()
    assert math.isnan(record.loss)
    assert math.isnan(record.grad_norm)


def test_the_mask_can_be_switched_off(corpora, make_encoder):
    """Twelve pairs from three groups: repeated groups are masked unless the configuration says otherwise."""
    masked = {}
    for switch in (True, False):
        config = RunConfig(batch=BatchConfig(mode="cross", size=100), loss=LossConfig(mask_false_negatives=switch))
        source = BatchSource(config, corpora, make_encoder(), Alone())
        masked[switch] = source.assemble(0).mask.any()
    assert masked == {True: True, False: False}


def test_tokenising_reports_every_text_once_and_may_be_abandoned(corpora, make_encoder):
    seen = []
    BatchSource(CONFIG, corpora, make_encoder(), Alone(), lambda what, done, total: seen.append((done, total)))
    texts = sum(2 * len(corpus.questions) for corpus in corpora)
    assert seen[-1] == (texts, texts)

    def abandon(what, done, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        BatchSource(CONFIG, corpora, make_encoder(), Alone(), abandon)


def test_an_empty_source_beside_others_is_never_drawn(corpora, make_encoder):
    source = BatchSource(CONFIG, [make_corpus("empty", groups=0), *corpora], make_encoder(), Alone())
    assert all(len(source.assemble(t).rows) == 24 for t in range(20))


def test_the_prefetcher_gives_the_batch_that_was_asked_for(corpora, make_encoder):
    source = BatchSource(CONFIG, corpora, make_encoder(), Alone())
    prefetcher = Prefetcher(source)
    try:
        for t in (0, 1, 2, 50, 51, 3, 3):
            batch, expected = prefetcher.get(t), source.assemble(t)
            assert np.array_equal(batch.rows.ids, expected.rows.ids)
            assert np.array_equal(batch.mask, expected.mask)
    finally:
        prefetcher.close()


def test_batches_are_assembled_without_the_device(corpora, make_encoder, monkeypatch):
    """What is assembled is copied once more before a GPU takes it: page-locked memory is the copy's business."""
    encoder = make_encoder()
    expected = BatchSource(CONFIG, corpora, encoder, Alone()).assemble(3)
    monkeypatch.setattr(DualEncoder, "device", property(lambda self: torch.device("cuda")))
    batch = BatchSource(CONFIG, corpora, encoder, Alone()).assemble(3)
    assert np.array_equal(batch.rows.ids, expected.rows.ids)
    assert np.array_equal(batch.mask, expected.mask)


def test_corpora_that_cannot_give_a_batch_are_a_configuration_error(corpora, make_encoder):
    config = RunConfig(batch=BatchConfig(mode="english", language="zh"))
    with pytest.raises(ConfigError, match=r"^batch.language: 'zh' is in no source"):
        Trainer(config, make_encoder(), corpora, torch.device("cpu"))
