"""The batch plan: which pairs make up batch t, as a pure function of (seed, t).

Batch t is drawn in this order, every draw keyed by (seed, purpose, ...):

1. the coin (hybrid): monolingual with the probability of update t + 1 (engine.mono_share), else cross-lingual;
2. a stream of that mode, by its share: a source, and in mono its language (streams.py);
3. the next ``size`` groups of the stream: a keyed permutation per epoch, so that every group comes once per epoch
   of its stream (a batch may span two epochs, and hold a group twice there);
4. cross: for every example an ordered pair of two different languages that its group has, uniformly;
   mixed: one language that its group has.

A stream's position is the number of earlier batches that drew from it: arithmetic on draws 1 and 2, which are
made for thousands of batches at once. Nothing else is remembered, so resuming is asking for ``batch(t)``.

Shapes: B pairs of a batch, L languages of a source, S streams.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.config import BatchConfig
from engine.mono_share import mono_share_at, mono_share_range
from engine.training.keyed import derive_key, permuted, uniform
from engine.training.streams import Mode, Stream, streams_of
from engine.training.tokenized import TokenizedCorpus

_CHUNK = 1 << 14  # batches whose draws are made together

Languages = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Batch:
    """Pair i: the question of ``groups[i]`` in ``query_language[i]``, its passage in ``passage_language[i]``."""

    mode: Mode
    source: int  # index of the corpus
    groups: npt.NDArray[np.int64]  # [B]
    query_language: Languages  # [B] index into the corpus's languages
    passage_language: Languages  # [B]


class BatchPlan:
    """Batches 0, 1, 2, ... without end; equal arguments give equal batches in every process.

    One plan for all ranks: each takes its slice of every batch.
    """

    def __init__(self, corpora: Sequence[TokenizedCorpus], batch: BatchConfig, seed: int, max_steps: int) -> None:
        """
        Args:
            max_steps: updates of the run, over which the share of monolingual batches follows its schedule.

        Raises:
            ConfigError: no group is usable in a mode that batches can have; names the field.
        """
        self._corpora, self._size, self._seed = corpora, batch.size, seed
        self._batch, self._max_steps = batch, max_steps
        self._modes = _modes(batch, max_steps)
        streams = [streams_of(mode, corpora, batch) for mode in self._modes]
        self._streams: list[Stream] = [stream for of_mode in streams for stream in of_mode]
        self._bounds = [np.cumsum([stream.share for stream in of_mode])[:-1] for of_mode in streams]
        self._chunk: tuple[int, npt.NDArray[np.int64]] = (-1, np.empty(0, dtype=np.int64))
        self._drawn_before = [np.zeros(len(self._streams), dtype=np.int64)]  # for each chunk, [S]

    def batch(self, t: int) -> Batch:
        """Batch ``t`` >= 0, the one that update t + 1 trains on."""
        index, earlier = self._stream_at(t)
        stream = self._streams[index]
        groups = self._groups(stream, earlier * self._size)
        query_language, passage_language = self._languages(stream, groups, t)
        return Batch(stream.mode, stream.source, groups, query_language, passage_language)

    def _stream_at(self, t: int) -> tuple[int, int]:
        """The stream of batch t, and how many earlier batches drew from it."""
        chunk, within = divmod(t, _CHUNK)
        while len(self._drawn_before) <= chunk:
            draws = self._draws(len(self._drawn_before) - 1)
            self._drawn_before.append(self._drawn_before[-1] + np.bincount(draws, minlength=len(self._streams)))
        if self._chunk[0] != chunk:
            self._chunk = (chunk, self._draws(chunk))
        draws = self._chunk[1]
        index = int(draws[within])
        return index, int(self._drawn_before[chunk][index] + np.count_nonzero(draws[:within] == index))

    def _draws(self, chunk: int) -> npt.NDArray[np.int64]:
        """The streams of all batches of one chunk."""
        t = np.arange(chunk * _CHUNK, (chunk + 1) * _CHUNK)
        mode = np.zeros(_CHUNK, dtype=np.int64)
        if len(self._modes) == 2:
            mode = (uniform(derive_key(self._seed, "coin"), t) >= self._mono_shares(t)).astype(np.int64)
        draws = np.empty(_CHUNK, dtype=np.int64)
        first = 0
        for index, (name, bounds) in enumerate(zip(self._modes, self._bounds, strict=True)):
            # Keyed by the mode alone: mono batches do not depend on whether others could have been drawn.
            stream = np.searchsorted(bounds, uniform(derive_key(self._seed, "stream", name), t), side="right")
            draws = np.where(mode == index, first + stream, draws)
            first += len(bounds) + 1
        return draws

    def _mono_shares(self, t: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The probabilities that batches ``t`` are monolingual."""
        if self._batch.mono_share_schedule == "constant":
            return np.full(len(t), self._batch.mono_share)
        return np.array([mono_share_at(self._batch, self._max_steps, step) for step in (t + 1).tolist()])

    def _groups(self, stream: Stream, position: int) -> npt.NDArray[np.int64]:
        """The groups [B] at ``position``, position + 1, ... of the stream."""
        epochs, offsets = np.divmod(np.arange(position, position + self._size), stream.size)
        chosen = np.empty(self._size, dtype=np.int64)
        for epoch in np.unique(epochs):
            language = "" if stream.language is None else self._corpora[stream.source].languages[stream.language]
            key = derive_key(self._seed, "order", stream.source, stream.mode, language, int(epoch))
            chosen[epochs == epoch] = permuted(key, offsets[epochs == epoch], stream.size)
        return chosen if stream.groups is None else stream.groups[chosen].astype(np.int64)

    def _languages(self, stream: Stream, groups: npt.NDArray[np.int64], t: int) -> tuple[Languages, Languages]:
        """The languages [B], [B] of questions and passages."""
        if stream.language is not None:
            one = np.full(self._size, stream.language, dtype=np.int16)
            return one, one
        has = self._corpora[stream.source].row_of[groups] >= 0  # [B, L]
        count = has.sum(axis=1)  # [B]
        draw = uniform(derive_key(self._seed, "languages", stream.mode), t * self._size + np.arange(self._size))
        if stream.mode == "mixed":
            one = _nth_language(has, (draw * count).astype(np.int64))
            return one, one
        pair = (draw * (count * (count - 1))).astype(np.int64)  # 0 <= pair < ordered pairs of different languages
        query, passage = np.divmod(pair, count - 1)
        return _nth_language(has, query), _nth_language(has, passage + (passage >= query))


def _modes(batch: BatchConfig, max_steps: int) -> list[Mode]:
    """The modes that batches can have; where there are two, the coin decides."""
    if batch.mode != "hybrid":
        return [batch.mode]
    lowest, highest = mono_share_range(batch, max_steps)
    modes: list[Mode] = []
    if highest > 0:
        modes.append("mono")
    if lowest < 1:
        modes.append("cross")
    return modes


def _nth_language(has: npt.NDArray[np.bool_], n: npt.NDArray[np.int64]) -> Languages:
    """The language with number n[i] among those that has[i] marks: [B, L], [B] -> [B]."""
    present_first = np.argsort(~has, axis=1, kind="stable")
    return np.take_along_axis(present_first, n[:, None], axis=1)[:, 0].astype(np.int16)
