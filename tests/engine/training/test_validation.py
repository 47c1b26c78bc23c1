"""The validation loss: of clusters that training never sees, the same whoever asks and whenever."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch
from small_corpora import make_corpus

from engine.config import BatchConfig, ConfigError, EvaluationConfig, LossConfig, RunConfig, SourceConfig
from engine.training.loss import InfoNCE
from engine.training.validation import ValidationLoss, split_corpora
from engine.worker.loading import build_trainer

CONFIG = RunConfig(
    sources=(SourceConfig(kind="cldr"), SourceConfig(kind="cldr")),
    batch=BatchConfig(size=8),
    evaluation=EvaluationConfig(validation="loss", validation_share=0.25),
)


def texts_of(corpus):
    """Every question and passage that its groups can give."""
    rows = corpus.row_of[corpus.row_of >= 0]
    return {column[row] for column in (corpus.questions, corpus.passages) for row in rows}


def test_whole_clusters_are_held_out_and_nothing_is_in_both_halves(corpora):
    training, held_out = split_corpora(CONFIG, corpora)
    for corpus, kept, out in zip(corpora, training, held_out, strict=True):
        assert not set(kept.clusters) & set(out.clusters)
        assert set(kept.groups) | set(out.groups) == set(corpus.groups)
        assert set(kept.clusters)
        assert set(out.clusters)
        assert texts_of(kept) | texts_of(out) == texts_of(corpus)
        assert not texts_of(kept) & texts_of(out)


def test_translations_stay_together_and_gaps_stay_gaps(corpora):
    """Each held-out group has the rows that it had."""
    corpus, out = corpora[1], split_corpora(CONFIG, corpora)[1][1]
    for index, group in enumerate(out.groups):
        before = corpus.row_of[list(corpus.groups).index(group)]
        now = out.row_of[index]
        assert ((before >= 0) == (now >= 0)).all()
        assert [out.questions[row] for row in now[now >= 0]] == [corpus.questions[row] for row in before[before >= 0]]
        assert [out.passage_ids[row] for row in now[now >= 0]] == [
            corpus.passage_ids[row] for row in before[before >= 0]
        ]


def test_seeds_share_what_is_held_out_and_other_configs_hold_out_nothing(corpora):
    first, second = (split_corpora(msgspec.structs.replace(CONFIG, seed=seed), corpora)[1] for seed in (0, 7))
    assert [list(corpus.groups) for corpus in first] == [list(corpus.groups) for corpus in second]
    training, held_out = split_corpora(msgspec.structs.replace(CONFIG, evaluation=EvaluationConfig()), corpora)
    assert all(kept is corpus for kept, corpus in zip(training, corpora, strict=True))
    assert held_out == []


def held_out_of(sources, share=0.25):
    """The clusters that are held out of each source, by name."""
    config = msgspec.structs.replace(
        CONFIG,
        sources=(SourceConfig(kind="cldr"),) * len(sources),
        evaluation=EvaluationConfig(validation="loss", validation_share=share),
    )
    training, held_out = split_corpora(config, sources)
    for corpus, kept, out in zip(sources, training, held_out, strict=True):
        assert set(kept.clusters) == set(corpus.clusters) - set(out.clusters) != set()
    return [set(corpus.clusters) for corpus in held_out]


def with_clusters(*names, name="made"):
    """Two groups for each."""
    corpus = make_corpus(name, groups=2 * len(names))
    return replace(corpus, clusters=[cluster for cluster in names for _ in range(2)])


def test_a_file_holds_out_the_same_clusters_wherever_it_lies():
    """The name of a source is the path of its file."""
    corpus = make_corpus("facts", groups=400)
    here, there = (held_out_of([replace(corpus, name=name)]) for name in ("/home/a/facts.jsonl", "/data/facts.jsonl"))
    assert here == there


def test_about_the_share_is_held_out():
    (names,) = held_out_of([make_corpus("facts", groups=8000)], share=0.25)
    assert len(names) == pytest.approx(0.25 * 2000, abs=80)  # four standard deviations of a draw


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_a_cluster_is_on_one_side_in_all_sources(share):
    """Of a file per language, and of files that share some clusters."""
    clusters = [f"article-{number}" for number in range(40)]
    sources = [with_clusters(*clusters, name="de"), with_clusters(*reversed(clusters), name="en")]
    sources += [with_clusters(*clusters[at : at + 8], name=f"part-{at}") for at in (0, 5, 20)]
    held_out = held_out_of(sources, share)
    everywhere = set().union(*held_out)
    assert held_out == [everywhere & set(corpus.clusters) for corpus in sources]
    assert held_out[0] == held_out[1]
    assert held_out_of(sources[::-1], share) == held_out[::-1]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99, 1.0])
def test_a_source_of_two_clusters_has_one_on_each_side(share):
    """Whatever the share, and of sources that cannot all agree, as these three."""
    sources = [with_clusters("a", "b", name="1"), with_clusters("b", "c", name="2"), with_clusters("c", "a", name="3")]
    assert [len(names) for names in held_out_of(sources, share)] == [1, 1, 1]


def test_a_validation_source_is_validated_on_and_not_trained_on(corpora):
    config = msgspec.structs.replace(CONFIG, sources=(CONFIG.sources[0], SourceConfig(kind="cldr", role="validation")))
    training, held_out = split_corpora(config, corpora)
    assert training == [corpora[0]]
    assert held_out == [corpora[1]]


def test_one_cluster_cannot_be_divided():
    config = msgspec.structs.replace(CONFIG, sources=CONFIG.sources[:1])
    with pytest.raises(ConfigError, match=r"^evaluation.validation: facts has 1 cluster"):
        split_corpora(config, [make_corpus("facts", groups=4)])


def test_the_loss_is_a_pure_function_of_the_weights(corpora, make_encoder):
    """Dropout is off, the seed of the run plays no part, and the encoder is left in the mode it was in."""
    encoder, loss = make_encoder(0.5).train(), InfoNCE(LossConfig())
    held_out = split_corpora(CONFIG, corpora)[1]
    values = set()
    for seed in (0, 7):
        validation = ValidationLoss(msgspec.structs.replace(CONFIG, seed=seed), held_out, encoder)
        values |= {validation(encoder, loss, lambda: None) for _ in range(2)}
    assert encoder.training
    assert len(values) == 1
    with torch.no_grad():
        next(encoder.parameters()).mul_(1.5)
    assert validation(encoder, loss, lambda: None) not in values


def test_fewer_groups_than_a_batch_make_one_smaller_batch(corpora, make_encoder):
    """The value is then the loss of all of them at once, as it is in mode mono by hand."""
    corpus = make_corpus("few", groups=6, languages=("de",))
    config = RunConfig(
        sources=(SourceConfig(kind="cldr", role="validation"),),
        batch=BatchConfig(size=64, mode="mono"),
        evaluation=CONFIG.evaluation,
    )
    encoder = make_encoder(0.0)
    value = ValidationLoss(config, [corpus], encoder)(encoder, InfoNCE(config.loss), lambda: None)
    questions, passages = encoder.encode_queries(corpus.questions), encoder.encode_passages(corpus.passages)
    scores = torch.from_numpy(questions.vectors @ passages.vectors.T) / 0.05
    assert value == pytest.approx(torch.nn.functional.cross_entropy(scores, torch.arange(6)).item(), rel=1e-4)


def test_it_may_be_abandoned_between_batches(corpora, make_encoder):
    encoder = make_encoder().train()
    validation = ValidationLoss(CONFIG, split_corpora(CONFIG, corpora)[1], encoder)

    def abandon():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        validation(encoder, InfoNCE(LossConfig()), abandon)
    assert encoder.training


def test_a_trainer_is_built_without_what_is_held_out(corpora):
    config = msgspec.structs.replace(CONFIG, batch=BatchConfig(size=8, source_temperature=0.0))
    trainer = build_trainer(config, corpora, torch.device("cpu"), lambda *_: None)
    plain = build_trainer(
        msgspec.structs.replace(config, evaluation=EvaluationConfig()), corpora, torch.device("cpu"), lambda *_: None
    )
    try:
        assert trainer.validation is not None
        assert plain.validation is None
        value = trainer.validation(trainer.encoder, trainer.loss, lambda: None)
        assert np.isfinite(value)
        assert trainer.update().loss != plain.update().loss
    finally:
        trainer.close()
        plain.close()
