"""The loss on groups that are not trained on.

The held-out groups are whole clusters, since groups of a cluster share more than their translations. They do not
depend on the run's seed, nor do the batches that the loss is taken over: the values of several runs can be compared.

Shapes: G groups, L languages, R rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from engine.config import ConfigError, RunConfig
from engine.data.columns import take
from engine.data.corpus import ParallelCorpus
from engine.encoder import DualEncoder
from engine.training.batches import BatchSource, Tick
from engine.training.keyed import derive_key, permuted
from engine.training.loss import InfoNCE
from engine.training.ranks import Alone

_SEED = 0  # of the held-out clusters and of the plan of their batches, whatever the run's seed
_MOST_BATCHES = 32


def split_corpora(
    config: RunConfig, corpora: Sequence[ParallelCorpus]
) -> tuple[list[ParallelCorpus], list[ParallelCorpus]]:
    """The corpora of ``config.sources`` -> those to train on, those to validate on.

    Without a source of role "validation" a share of the clusters of every source is held out where the config
    validates by loss.

    Raises:
        ConfigError: a source has only one cluster, so that nothing can be held out.
    """
    roles = [source.role for source in config.sources]
    training = [corpus for corpus, role in zip(corpora, roles, strict=True) if role == "train"]
    validation = [corpus for corpus, role in zip(corpora, roles, strict=True) if role == "validation"]
    if validation or config.evaluation.validation != "loss":
        return training, validation
    halves = [_hold_out(corpus, config.evaluation.validation_share) for corpus in training]
    return [kept for kept, _ in halves], [held_out for _, held_out in halves]


class ValidationLoss:
    """The mean loss of batches as the run draws them, of other groups, without dropout and hard negatives."""

    def __init__(
        self, config: RunConfig, corpora: Sequence[ParallelCorpus], encoder: DualEncoder, tick: Tick | None = None
    ) -> None:
        """
        Raises:
            ConfigError: no batch can be drawn from these corpora.
        """
        groups = sum(len(corpus) for corpus in corpora)
        if groups < 2:
            raise ConfigError(f"evaluation.validation: a loss needs two groups to validate on, there are {groups}")
        size = min(config.batch.size, groups)
        plain = msgspec.structs.replace(
            config, seed=_SEED, batch=msgspec.structs.replace(config.batch, size=size, negatives=0)
        )
        self._source = BatchSource(plain, corpora, encoder, Alone(), tick)
        self._batches = min(_MOST_BATCHES, -(-groups // size))

    @torch.no_grad()
    def __call__(self, encoder: DualEncoder, loss: InfoNCE, meanwhile: Callable[[], object]) -> float:
        """``meanwhile`` is called before each batch, and may raise to abandon."""
        values = []
        for t in range(self._batches):
            meanwhile()
            batch = self._source.assemble(t)
            vectors = encoder.to_device(encoder.encode_rows(batch.rows))
            queries, passages = vectors[: batch.pairs], vectors[batch.pairs :]
            values.append(float(loss(queries, passages, encoder.to_device(batch.mask))))
        return sum(values) / len(values)


def _hold_out(corpus: ParallelCorpus, share: float) -> tuple[ParallelCorpus, ParallelCorpus]:
    """``corpus`` without a share of its clusters, at least one; and these as a corpus of their own."""
    number: dict[str, int] = {}
    cluster = np.fromiter((number.setdefault(name, len(number)) for name in corpus.clusters), np.int64, len(corpus))
    count = len(number)
    if count < 2:
        raise ConfigError(
            f"evaluation.validation: {corpus.name} has {count} cluster of groups, none can be held out: "
            "give the groups clusters, or add a source of role 'validation'"
        )
    wanted = min(count - 1, max(1, round(share * count)))
    order = permuted(derive_key(_SEED, "validation", corpus.name), np.arange(count), count)
    held_out = np.isin(cluster, order[:wanted])
    return _groups(corpus, np.flatnonzero(~held_out)), _compact(_groups(corpus, np.flatnonzero(held_out)))


def _groups(corpus: ParallelCorpus, chosen: npt.NDArray[np.int64]) -> ParallelCorpus:
    """The chosen groups; rows that belong to none of them stay where they are, and are never drawn."""
    return replace(
        corpus,
        groups=take(corpus.groups, chosen),
        clusters=take(corpus.clusters, chosen),
        row_of=corpus.row_of[chosen],
        digest=None,
    )


def _compact(corpus: ParallelCorpus) -> ParallelCorpus:
    """The same groups with no rows but their own, so that little is tokenised."""
    has = corpus.row_of >= 0  # [G, L]
    rows = corpus.row_of[has]
    row_of = np.full_like(corpus.row_of, -1)
    row_of[has] = np.arange(len(rows))
    return replace(
        corpus,
        row_of=row_of,
        questions=take(corpus.questions, rows),
        passages=take(corpus.passages, rows),
        passage_ids=take(corpus.passage_ids, rows),
        contexts=None if corpus.contexts is None else take(corpus.contexts, rows),
        negatives=None,
        digest=None,
    )
