"""Rank tests over languages: PEER within queries, Friedman's test across them.

Shapes: J judgements, Q queries, L languages, n queries or clusters of a test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from engine.evaluation.arrays import Ints, Values
from engine.evaluation.judgements import Judgements


@dataclass(frozen=True, slots=True)
class Peer:
    query: Ints  # [M] queries with relevant passages of one grade in two languages
    value: Values  # [M]
    varies: bool  # False: no ranking could have given other values


def peer(judgements: Judgements) -> Peer:
    """Probability of Equal Expected Rank (Yang et al. 2024, arXiv 2405.00978).

    For each query and grade, the p-value of the Kruskal-Wallis test over the mid-ranks of the relevant passages,
    grouped by language (1: languages are ranked alike); for each query, the mean of these weighted by grade. Passages
    that were not retrieved share the last place.

    With one relevant passage per language every order of the languages has the same Kruskal-Wallis statistic, the
    number of languages minus 1: p is then a constant of the benchmark (0.4405 for 11 languages) that says nothing about
    a model. ``varies`` says whether some query has two relevant passages of one grade in one language and one in
    another.
    """
    if not len(judgements.query):
        return Peer(judgements.query, np.zeros(0), varies=False)
    grades, level = np.unique(judgements.grade, return_inverse=True)
    test = judgements.query * len(grades) + level
    order = np.lexsort((judgements.mid_rank, test))
    test, value, language = test[order], judgements.mid_rank[order], judgements.answered[order]
    keys, starts, sizes = np.unique(test, return_index=True, return_counts=True)
    row = np.repeat(np.arange(len(keys)), sizes)

    same = np.ones(len(test), bool)  # starts of runs of equal values within a test
    same[1:] = (row[1:] != row[:-1]) | (value[1:] != value[:-1])
    run_starts = np.flatnonzero(same)
    run_length = np.diff(run_starts, append=len(test))
    place = np.repeat(run_starts - starts[row[run_starts]] + (run_length + 1) / 2, run_length)  # [J] mid-ranks from 1
    ties = np.bincount(row[run_starts], run_length**3.0 - run_length, minlength=len(keys))

    cell = row * len(judgements.languages) + language
    number = np.bincount(cell, minlength=len(keys) * len(judgements.languages)).reshape(
        len(keys), len(judgements.languages)
    )
    total = np.bincount(cell, place, minlength=number.size).reshape(number.shape)
    between = np.divide(total**2, number, out=np.zeros_like(total), where=number > 0).sum(axis=1)
    n, groups = sizes.astype(np.float64), (number > 0).sum(axis=1)
    statistic = 12 / (n * (n + 1)) * between - 3 * (n + 1)
    correction = 1 - np.divide(ties, n**3 - n, out=np.ones(len(n)), where=n > 1)
    statistic = np.divide(statistic, correction, out=np.zeros(len(n)), where=correction > 1e-12)
    p = chdtrc(np.maximum(groups - 1, 1), np.maximum(statistic, 0))

    tested = groups >= 2
    queries, member = np.unique(keys[tested] // len(grades), return_inverse=True)
    weight = grades[keys[tested] % len(grades)].astype(np.float64)
    found = np.bincount(member, weight * p[tested], minlength=len(queries)) / np.bincount(member, weight)
    return Peer(queries, found, bool((number[tested] >= 2).any()))


@dataclass(frozen=True, slots=True)
class FriedmanTest:
    statistic: float  # chi-squared, L - 1 degrees of freedom
    p: float  # takes queries for independent
    p_clusters: float | None  # of the same test on the clusters' mean ranks; None below two clusters
    agreement: float  # Kendall's W, from 0 (queries do not agree on an order of languages) to 1
    queries: int


def friedman(judgements: Judgements) -> dict[str, FriedmanTest]:
    """Friedman's test by query language: do the queries agree on which passage languages rank better?

    Over queries with a relevant passage in every language, on the mean log2 mid-rank in each; ties take mid-ranks. It
    sees main effects of passage languages (harder languages) as well as an own-language bonus. Query languages with
    fewer than two such queries are left out.
    """
    counts = judgements.by_query_and_language()
    complete = (counts > 0).all(axis=1)
    sums = judgements.by_query_and_language(np.log2(judgements.mid_rank))
    found: dict[str, FriedmanTest] = {}
    if len(judgements.languages) < 2:
        return found
    for index, name in enumerate(judgements.languages):
        mine = np.flatnonzero(complete & (judgements.query_language == index))
        if len(mine) < 2:
            continue
        places = _places(sums[mine] / counts[mine])
        clusters, member = np.unique(judgements.cluster[mine], return_inverse=True)
        by_cluster = np.zeros((len(clusters), len(judgements.languages)))
        np.add.at(by_cluster, member, places)
        statistic, p = _friedman(places)
        found[name] = FriedmanTest(
            statistic=statistic,
            p=p,
            p_clusters=_friedman(_places(by_cluster / np.bincount(member)[:, None]))[1] if len(clusters) > 1 else None,
            agreement=statistic / (len(mine) * (len(judgements.languages) - 1)),
            queries=len(mine),
        )
    return found


def _places(values: Values) -> Values:
    """[n, L] mid-ranks within each row."""
    below = values[:, None, :] < values[:, :, None]
    level = values[:, None, :] == values[:, :, None]
    places: Values = below.sum(axis=2) + (level.sum(axis=2) + 1) / 2
    return places


def _friedman(places: Values) -> tuple[float, float]:
    """(chi-squared, p) of mid-ranks [n, L], corrected for ties; (0, 1) where everything ties."""
    n, languages = places.shape
    expected = n * (languages + 1) / 2
    spread = ((places - (languages + 1) / 2) ** 2).sum()
    if spread == 0:
        return 0.0, 1.0
    statistic = float((languages - 1) * ((places.sum(axis=0) - expected) ** 2).sum() / spread)
    return statistic, float(chdtrc(languages - 1, statistic))
