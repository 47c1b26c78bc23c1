"""What a ranking leaves: the ranks of all relevant passages, and the best candidates of every query. Loads no torch.

Shapes: Q queries, J judgements, K best candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.evaluation.arrays import Floats, Ints

TOP_K = 100
NOT_RETRIEVED = np.iinfo(np.int32).max  # the rank of what a system with a cutoff did not return


@dataclass(frozen=True, slots=True)
class Ranks:
    """One row per judgement, in the benchmark's order of judgements.

    "pool" columns count over all candidates, "language" columns over those of the relevant passage's language.
    ``above`` is the number of candidates with a higher score, ``tied`` that of *other* candidates with an equal one.
    """

    query: Ints  # [J] index of the query
    passage: Ints  # [J] index of the relevant candidate
    score: Floats  # [J]
    rank_pool: Ints  # [J] from 1
    rank_language: Ints  # [J] from 1
    tied_pool: Ints  # [J]
    tied_language: Ints  # [J]
    above_pool: Ints  # [J]
    above_language: Ints  # [J]


@dataclass(frozen=True, slots=True)
class TopK:
    """The K best candidates of every query, best first, ties by descending id."""

    passage: Ints  # [Q, K] candidate indices; -1 where a system retrieved fewer
    score: Floats  # [Q, K]
