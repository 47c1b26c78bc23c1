"""From training pairs to a correction: which pairs, their vectors, and what is computed of them.

Of every language at most so many pairs are taken, in one fixed random order of all groups of all sources: parallel
sources give the same groups in every language. Texts are encoded as the benchmark's are, through the store of vectors,
so that several corrections of one encoder, and a resumed run, encode them once. Vectors there are rounded to float16.

Shapes: G groups of all sources, n pairs, u distinct texts, D dimensions, r directions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from engine.config import ConfigError, SystemConfig
from engine.data.benchmark import Benchmark
from engine.data.corpus import ParallelCorpus
from engine.data.store.tables import take
from engine.evaluation.arrays import Floats, Ints, Values
from engine.evaluation.debias.correction import Correction, LanguageCorrection
from engine.evaluation.products import leading_directions, one_thread
from engine.evaluation.results import DebiasProtocol
from engine.evaluation.vectors import Encoder, Kind, StoredTexts, encode_stored
from engine.progress import Tick

_Name = TypeVar("_Name")

FEWEST_PAIRS = 50  # of a language; below, a mean is more noise than language

_FORMULAS = {
    "centre": "minus the mean of the language's training questions (queries) or passages (candidates)",
    "shift": "candidates minus alpha times the mean difference of training passages to their translations in the pivot",
    "lir": "minus the projection on the first singular vectors of the language's training passages, not centred",
}


def estimate_correction(
    encoders: Sequence[Encoder],
    corpora: Sequence[ParallelCorpus],
    config: SystemConfig,
    benchmarks: Sequence[Benchmark],
    *,
    cache: Path,
    digests: Mapping[str, str],
    tick: Tick | None = None,
) -> Correction:
    """The correction ``config.debias`` for every language of the benchmarks.

    Args:
        encoders: equal ones, one for each device.
        corpora: the pairs to estimate it on; who calls has looked for overlap with the benchmarks.
        cache: folder of stored vectors.
        digests: of the encoders.
        tick: "encoding ... texts"; what it raises passes through.

    Raises:
        ConfigError: a language has too few pairs, where that is to be refused, or its passages span fewer directions
            than are to be taken away.
    """
    pairs = _Pairs(corpora, config.debias_texts)
    pivot = config.debias_pivot if config.debias == "shift" else None
    languages = sorted({name for benchmark in benchmarks for name in benchmark.languages} - {pivot})
    chosen = {name: pairs.of(name, pivot) for name in languages}
    few = {name: len(rows) for name, rows in chosen.items() if len(rows) < FEWEST_PAIRS}
    if few and config.debias_missing == "refuse":
        raise ConfigError(_too_few(few, pivot))
    chosen = {name: rows for name, rows in chosen.items() if name not in few}
    encoding = _Encoding(encoders, corpora, cache / "vectors", digests, tick)
    queries: dict[str, LanguageCorrection] = {}
    candidates: dict[str, LanguageCorrection] = {}
    if config.debias == "centre":
        queries = {name: LanguageCorrection(offset=mean) for name, mean in encoding.means("query", chosen).items()}
        means = encoding.means("passage", chosen)
        candidates = {name: LanguageCorrection(offset=mean) for name, mean in means.items()}
    elif config.debias == "lir":
        found = encoding.directions(chosen, config.debias_rank)
        queries = candidates = {name: LanguageCorrection(directions=some) for name, some in found.items()}
    elif pivot is not None and config.debias_alpha > 0:
        translations = {name: pairs.translated(rows, pivot) for name, rows in chosen.items()}
        both = {(name, "own"): rows for name, rows in chosen.items()}
        both |= {(name, "pivot"): rows for name, rows in translations.items()}
        means_of = encoding.means("passage", both)
        offsets = {name: means_of[name, "own"] - means_of[name, "pivot"] for name in chosen}
        candidates = {name: LanguageCorrection(offset=config.debias_alpha * offset) for name, offset in offsets.items()}
    is_normalized = encoders[0].is_normalized
    protocol = DebiasProtocol(
        method=config.debias,
        formula=_FORMULAS[config.debias] + ("; then brought back to length 1" if is_normalized else ""),
        rank=config.debias_rank if config.debias == "lir" else None,
        alpha=config.debias_alpha if config.debias == "shift" else None,
        pivot=pivot,
        sources=[corpus.name for corpus in corpora],
        pairs={name: len(rows) for name, rows in chosen.items()},
        uncorrected=list(few),
        digest=_digest(queries, candidates),
    )
    return Correction(queries, candidates, is_normalized, protocol)


def _too_few(counts: Mapping[str, int], pivot: str | None) -> str:
    which = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    what = "training pairs" if pivot is None else f"training pairs with a translation in {pivot!r}"
    return (
        f"system.debias: expected at least {FEWEST_PAIRS} {what} of each language, got {which} "
        '(system.debias_missing = "keep" leaves such vectors as they are)'
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of the sources that stand for one language: [n] which source, and which of its rows."""

    corpus: Ints
    row: Ints

    def __len__(self) -> int:
        return len(self.row)


class _Pairs:
    """Which pairs of the sources a correction is estimated on."""

    def __init__(self, corpora: Sequence[ParallelCorpus], most: int) -> None:
        self._corpora, self._most = corpora, most
        sizes = [len(corpus) for corpus in corpora]
        self._corpus = np.repeat(np.arange(len(corpora)), sizes)  # [G]
        self._order = np.random.default_rng(0).permutation(sum(sizes))  # [G]
        self._group = np.concatenate([np.arange(size) for size in sizes])  # [G] within its source

    def of(self, language: str, pivot: str | None) -> _Rows:
        """The first pairs in that language, of groups that the pivot, where there is one, has too."""
        rows = self._rows(language)[self._order]
        there = rows >= 0
        if pivot is not None:
            there &= self._rows(pivot)[self._order] >= 0
        chosen = self._order[there][: self._most]
        return _Rows(self._corpus[chosen], rows[there][: self._most])

    def translated(self, rows: _Rows, language: str) -> _Rows:
        """The same groups in another language, which all of them have."""
        wanted = np.empty(len(rows), np.int64)
        for number, corpus in enumerate(self._corpora):
            mine = rows.corpus == number
            group_of = np.empty(len(corpus.questions), np.int64)
            group, column = np.nonzero(corpus.row_of >= 0)
            group_of[corpus.row_of[group, column]] = group
            if mine.any():
                wanted[mine] = corpus.row_of[group_of[rows.row[mine]], corpus.languages.index(language)]
        return _Rows(rows.corpus, wanted)

    def _rows(self, language: str) -> Ints:
        """[G] the row of each group in a language, -1 where it has none."""
        parts = [
            corpus.row_of[:, corpus.languages.index(language)]
            if language in corpus.languages
            else np.full(len(corpus), -1, np.int64)
            for corpus in self._corpora
        ]
        return np.concatenate(parts)


class _Encoding:
    """Vectors of rows of the sources, from the store."""

    def __init__(
        self,
        encoders: Sequence[Encoder],
        corpora: Sequence[ParallelCorpus],
        store: Path,
        digests: Mapping[str, str],
        tick: Tick | None,
    ) -> None:
        self._encoders, self._corpora, self._store, self._digests = encoders, corpora, store, digests
        self._tick = tick

    def means(self, kind: Kind, rows: Mapping[_Name, _Rows]) -> dict[_Name, Values]:
        """The mean vector [D] of each set of rows."""
        sums = {name: np.zeros(self._encoders[0].width) for name in rows}
        for name, vectors, counts in self._vectors(kind, rows):
            sums[name] += counts @ vectors.astype(np.float64)
        return {name: total / len(rows[name]) for name, total in sums.items()}

    def directions(self, rows: Mapping[str, _Rows], rank: int) -> dict[str, Values]:
        """The first ``rank`` left singular vectors [r, D] of each language's passages [D, n].

        Those of a matrix X are the eigenvectors of X X^T, which is only D x D.
        """
        width = self._encoders[0].width
        squares = {name: np.zeros((width, width)) for name in rows}
        distinct = dict.fromkeys(rows, 0)
        for name, vectors, counts in self._vectors("passage", rows):
            found = vectors.astype(np.float64)
            squares[name] += found.T @ (found * counts[:, None])
            distinct[name] += len(found)
        for name, count in distinct.items():
            if rank >= min(count, width):
                raise ConfigError(
                    f"system.debias_rank: {rank}, but {count:,} distinct passages of width {width} in {name!r} "
                    f"leave nothing: expected less than {min(count, width):,}"
                )
        with one_thread():
            return {name: leading_directions(square, rank) for name, square in squares.items()}

    def _vectors(self, kind: Kind, rows: Mapping[_Name, _Rows]) -> Iterator[tuple[_Name, Floats, Values]]:
        """(set, its distinct vectors [u, D], how often each comes in it [u]), once a source that it has rows of."""
        for number, corpus in enumerate(self._corpora):
            mine = {name: some.row[some.corpus == number] for name, some in rows.items()}
            wanted = np.unique(np.concatenate([np.empty(0, np.int64), *mine.values()]))
            if not len(wanted):
                continue
            stored = self._encode(kind, corpus, wanted)
            for name, some in mine.items():
                if len(some):
                    place, count = np.unique(stored.row_of[np.searchsorted(wanted, some)], return_counts=True)
                    vectors = np.empty((len(place), stored.store.width), np.float32)
                    stored.store.gather(place, vectors)
                    yield name, vectors, count.astype(np.float64)

    def _encode(self, kind: Kind, corpus: ParallelCorpus, rows: Ints) -> StoredTexts:
        texts = take(corpus.questions if kind == "query" else corpus.passages, rows)
        contexts = None if kind == "query" or corpus.contexts is None else take(corpus.contexts, rows)
        return encode_stored(self._encoders, kind, texts, contexts, self._store, self._digests, self._tick)


def _digest(queries: Mapping[str, LanguageCorrection], candidates: Mapping[str, LanguageCorrection]) -> str:
    """SHA-256 over all that is taken away, as float32."""
    digest = hashlib.sha256()
    for side, found in (("queries", queries), ("candidates", candidates)):
        for name, one in sorted(found.items()):
            digest.update(f"{side} {name}".encode())
            for part in (one.offset, one.directions):
                if part is not None:
                    digest.update(part.astype("<f4").tobytes())
    return digest.hexdigest()
