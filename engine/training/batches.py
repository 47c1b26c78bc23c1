"""Batches as the encoder takes them, assembled ahead while a step runs.

Shapes: B pairs of a batch, b those of one rank, N further negatives of a batch, n those of one rank.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.config import ConfigError, RunConfig
from engine.data.corpus import ParallelCorpus
from engine.encoder import DualEncoder
from engine.encoder.tokens import TokenRows, concatenate
from engine.progress import Tick
from engine.training.masking import false_negatives
from engine.training.negatives import draw_negatives, negative_rows
from engine.training.plan import BatchPlan
from engine.training.ranks import Processes
from engine.training.streams import Mode
from engine.training.tokenized import TokenizedCorpus
from engine.training.tokenizing import tokenized_corpora

_TO_MEASURE = 5_000  # batches, of which a second is enough for some ten thousand
_AHEAD = 2  # batches under way beside the one in use: a slow read of the disk delays no step


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """One batch as one rank takes it: its own slice of the texts, and the mask of the whole batch."""

    mode: Mode
    rows: TokenRows  # [2b + n] the questions, then their passages, then the further negatives
    mask: npt.NDArray[np.bool_]  # [B, B + N] false negatives
    tokens: int  # of all ranks, without padding

    @property
    def has_negatives(self) -> bool:
        """Whether some question has a candidate beside its own passage that is not masked."""
        return bool((self.mask.sum(axis=1) < self.mask.shape[1] - 1).any())

    @property
    def pairs(self) -> int:
        """b."""
        size, candidates = self.mask.shape
        pairs: int = len(self.rows) * size // (size + candidates)
        return pairs


class BatchSource:
    """Batch t of the plan as tokens and mask."""

    def __init__(
        self,
        config: RunConfig,
        corpora: Sequence[ParallelCorpus | TokenizedCorpus],
        encoder: DualEncoder,
        ranks: Processes,
        tick: Tick | None = None,
    ) -> None:
        """Tokenises the corpora that are not yet, as ``tokenized_corpora``, which says what ``tick`` is called with.

        Raises:
            ConfigError: no batch can be drawn from these corpora, no source has the hard negatives that are wanted, or
                no batch can have a negative.
            OSError: no space for the token cache.
        """
        self._negatives = config.batch.negatives
        tokenized = tokenized_corpora(corpora, encoder, negatives=self._negatives > 0, tick=tick)
        self._plan = BatchPlan(tokenized, config.batch, config.seed, config.optimizer.max_steps)
        if self._negatives and not any(corpus.negatives and len(corpus.negatives.rows) for corpus in tokenized):
            raise ConfigError("batch.negatives: no source has hard negatives")
        self._corpora, self._seed, self._mask = tokenized, config.seed, config.loss.mask_false_negatives
        if self._mask and not self._negatives and all(len(corpus.row_of) < 2 for corpus in tokenized):
            raise ConfigError(
                "sources: there is one group of translations in all, and translations of an answer are no negatives to "
                "its question: nothing can be learnt (two groups are the least)"
            )
        share = config.batch.size // ranks.world
        self._own = slice(ranks.rank * share, (ranks.rank + 1) * share)

    def assemble(self, t: int) -> TrainingBatch:
        """Batch ``t`` >= 0; a pure function of t, safe to call from another thread."""
        batch = self._plan.batch(t)
        corpus, own = self._corpora[batch.source], self._own
        questions = corpus.row_of[batch.groups, batch.query_language]  # [B]
        passages = corpus.row_of[batch.groups, batch.passage_language]  # [B]
        parts = [corpus.questions.take(questions[own]), corpus.passages.take(passages[own])]
        tokens = corpus.questions.count(questions) + corpus.passages.count(passages)
        further = None
        if count := self._negatives:
            further = draw_negatives(batch, corpus, count, self._seed, t)
            parts.append(negative_rows(further, slice(own.start * count, own.stop * count), corpus))
            tokens += len(negative_rows(further, slice(None), corpus).ids)
        if self._mask:
            mask = false_negatives(batch, corpus, further)
        else:
            mask = np.zeros((len(batch.groups), len(batch.groups) * (1 + self._negatives)), dtype=bool)
        return TrainingBatch(batch.mode, concatenate(parts), mask, tokens)

    def largest(self, steps: int) -> TrainingBatch:
        """The one of the first ``steps`` batches of which this rank has the most tokens; of a long run, of those that
        it begins with."""
        return self.assemble(max(range(min(steps, _TO_MEASURE)), key=self._tokens_here))

    def _tokens_here(self, t: int) -> int:
        batch, own, count = self._plan.batch(t), self._own, self._negatives
        corpus = self._corpora[batch.source]
        tokens = corpus.questions.count(corpus.row_of[batch.groups[own], batch.query_language[own]])
        tokens += corpus.passages.count(corpus.row_of[batch.groups[own], batch.passage_language[own]])
        if count:
            further = draw_negatives(batch, corpus, count, self._seed, t)
            tokens += len(negative_rows(further, slice(own.start * count, own.stop * count), corpus).ids)
        return tokens


class Prefetcher:
    """Hands out batches, and assembles the ones after in a thread while the caller computes."""

    def __init__(self, source: BatchSource) -> None:
        self._source = source
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches")
        self._under_way: deque[tuple[int, Future[TrainingBatch]]] = deque()

    def get(self, t: int) -> TrainingBatch:
        """Batch ``t``; batch t + 1 is under way when this returns."""
        if not self._under_way or self._under_way[0][0] != t:
            for _, future in self._under_way:
                future.cancel()
            self._under_way.clear()
            self._submit(t)
        batch = self._under_way.popleft()[1].result()
        while len(self._under_way) < _AHEAD:
            self._submit(t + 1 + len(self._under_way))
        return batch

    def largest(self, steps: int) -> TrainingBatch:
        """``BatchSource.largest``; before the first ``get``."""
        return self._source.largest(steps)

    def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown(cancel_futures=True)

    def _submit(self, t: int) -> None:
        self._under_way.append((t, self._thread.submit(self._source.assemble, t)))
