"""Batches as the encoder takes them: the corpora tokenised once, the next batch assembled while a step runs.

Shapes: B pairs of a batch, b those of one rank, N further negatives of a batch, n those of one rank, R rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.config import RunConfig
from engine.data.corpus import ParallelCorpus
from engine.encoder import DualEncoder, TokenRows, concatenate
from engine.encoder.model import Kind
from engine.training.masking import PassageKeys, false_negatives
from engine.training.plan import BatchPlan
from engine.training.ranks import Ranks
from engine.training.streams import Mode

Tick = Callable[[int, int], None]

_TICK_TEXTS = 4096  # texts tokenised between two reports


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """One batch as one rank takes it: its own slice of the texts, and the mask of the whole batch."""

    mode: Mode
    rows: TokenRows  # [2b + n] the questions, then their passages, then the further negatives
    mask: npt.NDArray[np.bool_]  # [B, B + N] false negatives

    @property
    def pairs(self) -> int:
        """b."""
        size, candidates = self.mask.shape
        return len(self.rows) * size // (size + candidates)


class BatchSource:
    """Batch t of the plan as tokens and mask."""

    def __init__(
        self,
        config: RunConfig,
        corpora: Sequence[ParallelCorpus],
        encoder: DualEncoder,
        ranks: Ranks,
        tick: Tick | None = None,
    ) -> None:
        """Tokenises every row of every corpus; ``tick(done, total)`` counts texts and may raise to abandon.

        Raises:
            ConfigError: no batch can be drawn from these corpora.
        """
        self._plan = BatchPlan(corpora, config.batch, config.seed)
        self._corpora = corpora
        self._mask = config.loss.mask_false_negatives
        share = config.batch.size // ranks.world
        self._own = slice(ranks.rank * share, (ranks.rank + 1) * share)
        total = sum(2 * len(corpus.questions) for corpus in corpora)
        done = 0

        def tokenize(texts: Sequence[str], contexts: Sequence[str] | None, kind: Kind) -> TokenRows:
            nonlocal done
            parts = []
            for start in range(0, max(1, len(texts)), _TICK_TEXTS):  # one empty part for an empty corpus
                part = slice(start, start + _TICK_TEXTS)
                parts.append(encoder.tokenize(texts[part], contexts[part] if contexts else None, kind=kind))
                done += len(parts[-1])
                if tick is not None:
                    tick(done, total)
            return concatenate(parts)

        self._questions = [tokenize(corpus.questions, None, "query") for corpus in corpora]
        self._passages = [tokenize(corpus.passages, corpus.contexts, "passage") for corpus in corpora]
        self._keys = [PassageKeys.of(corpus) for corpus in corpora]

    def assemble(self, t: int) -> TrainingBatch:
        """Batch ``t`` >= 0; a pure function of t, safe to call from another thread."""
        batch = self._plan.batch(t)
        row_of = self._corpora[batch.source].row_of
        questions = row_of[batch.groups, batch.query_language][self._own]
        passages = row_of[batch.groups, batch.passage_language][self._own]
        rows = concatenate([self._questions[batch.source].take(questions), self._passages[batch.source].take(passages)])
        size = len(batch.groups)
        mask = false_negatives(batch, self._keys[batch.source]) if self._mask else np.zeros((size, size), dtype=bool)
        return TrainingBatch(batch.mode, rows, mask)


class Prefetcher:
    """Hands out batches, and assembles the one after in a thread while the caller computes."""

    def __init__(self, source: BatchSource) -> None:
        self._source = source
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches")
        self._next: tuple[int, Future[TrainingBatch]] | None = None

    def get(self, t: int) -> TrainingBatch:
        """Batch ``t``; batch t + 1 is under way when this returns."""
        if self._next is None or self._next[0] != t:
            self._next = (t, self._thread.submit(self._source.assemble, t))
        batch = self._next[1].result()
        self._next = (t + 1, self._thread.submit(self._source.assemble, t + 1))
        return batch

    def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown(cancel_futures=True)
