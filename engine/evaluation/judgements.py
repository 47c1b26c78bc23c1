"""Ranked judgements with what is known of their queries: what every measure is computed from.

Shapes: J judgements, Q queries, L languages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.data.benchmark import AbsentPassages, Benchmark
from engine.evaluation.arrays import Ints, Values
from engine.evaluation.ranks import NOT_RETRIEVED, Ranks, TopK

_OF_JUDGEMENTS = (
    "query", "asked", "answered", "grade",
    "rank_pool", "rank_language", "above_pool", "above_language", "tied_pool", "tied_language",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judgements:
    """One entry per judgement, queries ascending. Ranks are as in ``ranks.Ranks``."""

    languages: tuple[str, ...]  # L
    query: Ints  # [J]
    asked: Ints  # [J] language of the query
    answered: Ints  # [J] language of the relevant passage
    grade: Ints  # [J]
    rank_pool: Ints  # [J] ties by id
    rank_language: Ints  # [J]
    above_pool: Ints  # [J]
    above_language: Ints  # [J]
    tied_pool: Ints  # [J]
    tied_language: Ints  # [J]
    query_language: Ints  # [Q]
    cluster: Ints  # [Q]
    group: Ints  # [Q]
    candidates: int | None = None  # in the pool; None: not known
    first_language: Ints | None = None  # [Q] of each query's first passage; -1: it retrieved none; None: not known

    @property
    def is_retrieved(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """[J] whether the passage has a rank at all."""
        return np.asarray(self.rank_pool != NOT_RETRIEVED)

    @property
    def mid_rank(self) -> Values:
        """[J] in the pool, 1 + above + tied / 2; infinite where the passage was not retrieved."""
        return np.where(self.is_retrieved, 1 + self.above_pool + self.tied_pool / 2, np.inf)

    def only(self, keep: Ints) -> Judgements:
        """Those judgements whose number or mask is in ``keep``."""
        return replace(self, **{name: getattr(self, name)[keep] for name in _OF_JUDGEMENTS})

    def without(self, queries: Ints) -> Judgements:
        """Without those of ``queries``."""
        return self.only(np.flatnonzero(~np.isin(self.query, queries)))

    def fully_ranked(self) -> Judgements:
        """Without the queries some of whose relevant passages were not retrieved: their ranks are unknown."""
        missing = np.unique(self.query[~self.is_retrieved])
        return self.without(missing) if len(missing) else self

    def languages_answering(self) -> Ints:
        """[Q] in how many languages each query has relevant passages."""
        number: Ints = (self.by_query_and_language() > 0).sum(axis=1)
        return number

    def by_query_and_language(self, values: Values | None = None) -> Values:
        """[Q, L] sums of ``values`` [J] over a query's relevant passages in a language; their number for None."""
        shape = (len(self.query_language), len(self.languages))
        cell = self.query * shape[1] + self.answered
        counted: Values = np.bincount(cell, values, minlength=shape[0] * shape[1]).astype(np.float64)
        return counted.reshape(shape)


def ranked_judgements(benchmark: Benchmark, ranks: Ranks, top: TopK | None = None) -> Judgements:
    """The judgements of a benchmark with their ranks; without ``top`` no first passages are known.

    Those of passages that are not in the pool come too: they have no rank, and the language of their query.
    """
    language = benchmark.query_language.astype(np.int64)
    ranked = Judgements(
        languages=benchmark.languages,
        query=ranks.query,
        asked=language[ranks.query],
        answered=benchmark.candidate_language[ranks.passage].astype(np.int64),
        grade=benchmark.grades.astype(np.int64),
        rank_pool=ranks.rank_pool,
        rank_language=ranks.rank_language,
        above_pool=ranks.above_pool,
        above_language=ranks.above_language,
        tied_pool=ranks.tied_pool,
        tied_language=ranks.tied_language,
        query_language=language,
        cluster=codes(benchmark.query_cluster),
        group=codes(benchmark.query_group),
        candidates=len(benchmark.candidate_ids),
        first_language=None if top is None else _first_languages(benchmark, top),
    )
    return ranked if benchmark.absent is None else _with_absent(ranked, benchmark.absent)


def _with_absent(ranked: Judgements, absent: AbsentPassages) -> Judgements:
    """Behind the other judgements of each query."""
    asked = ranked.query_language[absent.query]
    none = np.full(len(absent.query), NOT_RETRIEVED, np.int64)
    columns = {
        "query": absent.query,
        "asked": asked,
        "answered": asked,
        "grade": absent.grades.astype(np.int64),
        **dict.fromkeys(("rank_pool", "rank_language", "above_pool", "above_language"), none),
        **dict.fromkeys(("tied_pool", "tied_language"), np.zeros_like(none)),
    }
    order = np.argsort(np.concatenate([ranked.query, absent.query]), kind="stable")
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(ranked, name), column])[order] for name, column in columns.items()
    }
    return replace(ranked, **joined)


def _first_languages(benchmark: Benchmark, top: TopK) -> Ints:
    first = top.passage[:, 0]
    return np.where(first >= 0, benchmark.candidate_language.astype(np.int64)[np.maximum(first, 0)], -1)


def codes(names: Sequence[str]) -> Ints:
    """[n] each name's number among the distinct ones, sorted."""
    found: Ints = np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
    return found
