"""The language effect: which passage languages rank better for which query languages than either explains alone.

Shapes: Q queries, L languages, B blocks of queries that are permuted together, P permutations, E = L * L cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.evaluation.arrays import Ints, Values
from engine.evaluation.bias.effects import sweep
from engine.evaluation.judgements import Judgements

PERMUTATIONS = 199
_BATCH = 50  # permutations at once, at most
_CELLS = 1 << 23  # of a batch: permutations x blocks x E, which bounds memory


@dataclass(frozen=True, slots=True)
class Interaction:
    """``effect[query language, passage language]`` in doublings of rank, NaN for a pair without queries.

    Negative is better than the two languages alone explain: a model with an own-language bonus has a negative diagonal.
    """

    effect: Values  # [L, L]
    p: float
    permutations: int


def interaction(judgements: Judgements, *, permutations: int = PERMUTATIONS, seed: int = 0) -> Interaction | None:
    """Double-centred mean log2 mid-ranks by query and passage language, with a permutation p-value.

    y_ql is the mean log2 mid-rank of query q's relevant passages in language l. Levels of queries and main effects of
    passage languages are swept out (some languages are harder for everyone), the rest is averaged by query and passage
    language, and those means are centred by row and by column, weighted by their numbers of queries n. Statistic: the
    sum of n * effect ** 2.

    Under the null hypothesis that passage languages beyond their main effects are exchangeable, their labels may be
    exchanged within every query. Translations of a question share its passages and questions of a cluster share more,
    so that all queries of a cluster that have the same passage languages get the same permutation; what they share is
    then in every permuted statistic as it is in the observed one. p = (1 + permuted at or above) / (1 + P).

    None where fewer than two query languages have relevant passages in two languages.
    """
    counts = judgements.by_query_and_language()
    present = counts > 0
    usable = present.sum(axis=1) >= 2
    if len(np.unique(judgements.query_language[usable])) < 2:
        return None
    present, asked, cluster = present[usable], judgements.query_language[usable], judgements.cluster[usable]
    sums = judgements.by_query_and_language(np.log2(judgements.mid_rank))[usable]
    value = np.divide(sums, counts[usable], out=np.zeros_like(sums), where=present)
    value = np.where(present, value - sweep(present.astype(np.float64), value), 0.0)
    value = np.where(present, value - value.sum(axis=1, keepdims=True) / present.sum(axis=1, keepdims=True), 0.0)

    languages = len(judgements.languages)
    blocks, blocked, patterns = _blocks(value, asked, cluster, present)
    number = np.zeros((languages, languages))
    np.add.at(number, asked, present.astype(np.float64))
    centred = _Centring(number)
    observed = centred(blocked.sum(axis=0) / np.maximum(number, 1))
    statistic = float((number * observed**2).sum())
    rng = np.random.default_rng(seed)
    batch = max(1, min(_BATCH, _CELLS // blocked.size))
    reached = 0
    for start in range(0, permutations, batch):
        size = min(batch, permutations - start)
        permuted = _permuted_sums(blocked, patterns, rng.random((size, blocks, languages)))
        effects = centred(permuted / np.maximum(number, 1))
        reached += int(((number * effects**2).sum(axis=(1, 2)) >= statistic * (1 - 1e-9)).sum())
    effect = np.where(number > 0, observed, np.nan)
    return Interaction(effect, (1 + reached) / (1 + permutations), permutations)


def _blocks(
    value: Values, asked: Ints, cluster: Ints, present: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
) -> tuple[int, Values, np.ndarray[tuple[int, int], np.dtype[np.bool_]]]:
    """(B, sums [B, L, L] by block, query and passage language, which passage languages a block has [B, L])."""
    languages = value.shape[1]
    keys = np.column_stack([cluster, present])
    distinct, block = np.unique(keys, axis=0, return_inverse=True)
    sums = np.zeros((len(distinct), languages, languages))
    np.add.at(sums, (block.ravel(), asked), value)
    return len(distinct), sums, distinct[:, 1:].astype(bool)


def _permuted_sums(blocked: Values, patterns: np.ndarray[tuple[int, int], np.dtype[np.bool_]], keys: Values) -> Values:
    """[P, L, L] sums over blocks after each block's passage languages were put in the order of its random keys."""
    source = np.argsort(~patterns, axis=1, kind="stable")  # [B, L] the languages a block has, then the others
    target = np.argsort(np.where(patterns, keys, 2.0), axis=2, kind="stable")  # [P, B, L] the same ones, shuffled
    inverse = np.empty_like(target)
    np.put_along_axis(inverse, target, np.broadcast_to(source, target.shape), axis=2)
    moved = np.take_along_axis(blocked[None], inverse[:, :, None, :], axis=3)  # [P, B, L, L]
    total: Values = moved.sum(axis=1)
    return total


class _Centring:
    """Takes row and column effects out of cell means, weighted by ``number`` [L, L].

    The effects are the weighted least squares fit of an additive model: 2 L unknowns, whose normal equations are solved
    once. A matrix over pairs of cells would have L ** 4 entries.
    """

    def __init__(self, number: Values) -> None:
        self._number = number
        rows, columns = np.diag(number.sum(axis=1)), np.diag(number.sum(axis=0))
        self._solve = np.linalg.pinv(np.block([[rows, number], [number.T, columns]]), hermitian=True)  # [2 L, 2 L]

    def __call__(self, means: Values) -> Values:
        """[..., L, L] -> the same less row and column effects."""
        weighted = means * self._number
        effects = np.concatenate([weighted.sum(axis=-1), weighted.sum(axis=-2)], axis=-1) @ self._solve  # [..., 2 L]
        row, column = np.split(effects, 2, axis=-1)
        centred: Values = means - row[..., :, None] - column[..., None, :]
        return centred
