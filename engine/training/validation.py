"""The loss on groups that are not trained on.

The held-out groups are whole clusters, since groups of a cluster share more than their translations. Whether a cluster
is held out depends on its name, not on the run's seed, on the place of its file or on the source that has it: the
values of several runs can be compared, and no source trains on what another one holds out. The batches that the loss
is taken over do not depend on the run's seed either.

Shapes: G groups, L languages, R rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.config import ConfigError, RunConfig
from engine.data.corpus import ParallelCorpus
from engine.data.store.tables import take
from engine.encoder import DualEncoder, TokenRows
from engine.progress import Tick
from engine.training.batches import BatchSource
from engine.training.keyed import derive_key
from engine.training.loss import InfoNCE
from engine.training.ranks import Alone

_SEED = 0  # of the held-out clusters and of the plan of their batches, whatever the run's seed
_MOST_BATCHES = 32


def split_corpora(
    config: RunConfig, corpora: Sequence[ParallelCorpus]
) -> tuple[list[ParallelCorpus], list[ParallelCorpus]]:
    """The corpora of ``config.sources`` -> those to train on, those to validate on.

    Without a source of role "validation" about ``evaluation.validation_share`` of the clusters of every source is
    held out where the config validates by loss: one cluster at least, and all but one at most.

    Raises:
        ConfigError: a source has only one cluster, so that nothing can be held out.
    """
    roles = [source.role for source in config.sources]
    training = [corpus for corpus, role in zip(corpora, roles, strict=True) if role == "train"]
    validation = [corpus for corpus, role in zip(corpora, roles, strict=True) if role == "validation"]
    if validation or config.evaluation.validation != "loss":
        return training, validation
    names = _held_out([_clusters(corpus) for corpus in training], config.evaluation.validation_share)
    halves = [_divided(corpus, held_out) for corpus, held_out in zip(training, names, strict=True)]
    return [kept for kept, _ in halves], [held_out for _, held_out in halves]


class RowEncoder(Protocol):
    """The side of an encoder, or of the encoders of several ranks, that a validation needs."""

    def encode_rows(self, rows: TokenRows) -> npt.NDArray[np.float32]: ...

    def to_device(self, array: npt.NDArray[Any]) -> Tensor: ...


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
    def __call__(self, encoder: RowEncoder, loss: InfoNCE, meanwhile: Callable[[], object]) -> float:
        """``meanwhile`` is called before each batch, and may raise to abandon."""
        values = []
        for t in range(self._batches):
            meanwhile()
            batch = self._source.assemble(t)
            vectors = encoder.to_device(encoder.encode_rows(batch.rows))
            queries, passages = vectors[: batch.pairs], vectors[batch.pairs :]
            values.append(float(loss(queries, passages, encoder.to_device(batch.mask))))
        return sum(values) / len(values)


def _clusters(corpus: ParallelCorpus) -> dict[str, int]:
    """The names of its clusters, and a 64-bit key of each, which is that of the name alone."""
    clusters = {name: derive_key(_SEED, "validation", name) for name in dict.fromkeys(corpus.clusters)}
    if len(clusters) < 2:
        raise ConfigError(
            f"evaluation.validation: {corpus.name} has {len(clusters)} cluster of groups, none can be held out: "
            "give the groups clusters, or add a source of role 'validation'"
        )
    return clusters


def _held_out(sources: Sequence[dict[str, int]], share: float) -> list[set[str]]:
    """The clusters of each source that are held out: some and not all of them, whatever the order of the sources.

    Those whose key lies in the lowest ``share`` of all keys. A source of few clusters may have none there, or nothing
    else: then its lowest cluster is held out, or its highest one is not, and the other sources follow.
    """
    limit = share * 2.0**64
    names = {name for keys in sources for name, key in keys.items() if key < limit}
    names |= {_lowest(keys) for keys in sources if names.isdisjoint(keys)}
    names -= {_highest(keys) for keys in sources if names.issuperset(keys)}
    # Sources of two or three clusters that overlap may contradict each other: these decide for themselves.
    return [names.intersection(keys) or {_lowest(keys)} for keys in sources]


def _lowest(keys: dict[str, int]) -> str:
    return min(keys, key=lambda name: (keys[name], name))


def _highest(keys: dict[str, int]) -> str:
    return max(keys, key=lambda name: (keys[name], name))


def _divided(corpus: ParallelCorpus, names: set[str]) -> tuple[ParallelCorpus, ParallelCorpus]:
    """``corpus`` without the clusters ``names``; and these as a corpus of their own."""
    held_out = np.fromiter((cluster in names for cluster in corpus.clusters), np.bool_, len(corpus))
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
