"""Judgements as the bias measures read them.

Shapes: J judgements, Q queries, L languages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Ints, Values
from engine.evaluation.tally import NOT_RETRIEVED, Ranks


@dataclass(frozen=True, slots=True)
class Judged:
    """One entry per judgement, queries ascending, with what is known of each query beside it."""

    languages: tuple[str, ...]  # L
    pool: int  # candidates of all languages
    query: Ints  # [J]
    asked: Ints  # [J] language of the query
    answered: Ints  # [J] language of the relevant passage
    grade: Ints  # [J]
    rank: Ints  # [J] in the pool, ties by id
    mid_rank: Values  # [J] in the pool, 1 + above + tied / 2; infinite where the passage was not retrieved
    query_language: Ints  # [Q]
    cluster: Ints  # [Q]
    group: Ints  # [Q]

    def only(self, keep: Ints) -> Judged:
        """Those judgements whose number or mask is in ``keep``."""
        return Judged(
            self.languages,
            self.pool,
            self.query[keep],
            self.asked[keep],
            self.answered[keep],
            self.grade[keep],
            self.rank[keep],
            self.mid_rank[keep],
            self.query_language,
            self.cluster,
            self.group,
        )

    def fully_ranked(self) -> Judged:
        """Without the queries some of whose relevant passages were not retrieved: their ranks are unknown."""
        missing = np.unique(self.query[~np.isfinite(self.mid_rank)])
        return self.only(np.flatnonzero(~np.isin(self.query, missing))) if len(missing) else self

    def by_query_and_language(self, values: Values | None = None) -> Values:
        """[Q, L] sums of ``values`` [J] over a query's relevant passages in a language; their number for None."""
        shape = (len(self.query_language), len(self.languages))
        cell = self.query * shape[1] + self.answered
        counted: Values = np.bincount(cell, values, minlength=shape[0] * shape[1]).astype(np.float64)
        return counted.reshape(shape)


def judged(benchmark: Benchmark, ranks: Ranks) -> Judged:
    language = benchmark.query_language.astype(np.int64)
    mid_rank = 1 + ranks.above_pool + ranks.tied_pool / 2
    return Judged(
        languages=benchmark.languages,
        pool=len(benchmark.candidate_ids),
        query=ranks.query,
        asked=language[ranks.query],
        answered=benchmark.candidate_language[ranks.passage].astype(np.int64),
        grade=benchmark.grades.astype(np.int64),
        rank=ranks.rank_pool,
        mid_rank=np.where(ranks.rank_pool == NOT_RETRIEVED, np.inf, mid_rank),
        query_language=language,
        cluster=_codes(benchmark.query_cluster),
        group=_codes(benchmark.query_group),
    )


def mean_by_language(values: Values, queries: Ints, judgements: Judged) -> dict[str, float]:
    """Mean of the values [M] of ``queries`` [M] by query language; NaN is left out, and so are empty languages."""
    known = np.isfinite(values)
    language = judgements.query_language[queries[known]]
    return {
        name: float(mine.mean())
        for index, name in enumerate(judgements.languages)
        if len(mine := values[known][language == index])
    }


def _codes(names: Sequence[str]) -> Ints:
    codes: Ints = np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
    return codes
