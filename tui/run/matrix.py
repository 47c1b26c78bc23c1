"""What the heatmap tab says about one evaluation, and about how it differs from another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.events import EvaluationResult
from engine.runs.state import EvaluationPoint
from tui.draw.heatmap import Matrix, own_and_others

SETTINGS = (("mono", "map_monolingual"), ("cross", "map_crosslingual"), ("pool", "map_multilingual"))
RECALLS = (
    ("R@1 mono", "recall_at_1_monolingual"),
    ("R@1 cross", "recall_at_1_crosslingual"),
    ("R@10 pool", "recall_at_10_multilingual"),
)

ONE_LANGUAGE_SETTINGS = (("mAP", "map_monolingual"),)  # of a benchmark without pairs of languages
ONE_LANGUAGE_OTHERS = (("nDCG@10", "ndcg_at_10"), ("R@1", "recall_at_1_monolingual"), ("R@100", "recall_at_100"))

Cells = Mapping[str, Mapping[str, float]]  # [query_language][candidate_language]


@dataclass(frozen=True)
class CellMeasure:
    """What the cells of the heatmap show: ``scale`` times the value, with ``digits``."""

    name: str
    title: str
    cells: Callable[[EvaluationResult], Cells | None]  # None: this evaluation has no such matrix
    pool: Callable[[EvaluationResult], Mapping[str, float]] = lambda result: {}  # [query_language], all as candidates
    scale: float = 100.0
    digits: int = 0
    about_zero: bool = False  # signed, and shaded from both sides


def _effect(result: EvaluationResult) -> Cells | None:
    found = result.bias.language_effect if result.bias is not None else None
    return found.effect if found is not None else None


def _share(result: EvaluationResult) -> Cells | None:
    return (result.bias.language_share_at_10 or None) if result.bias is not None else None


MAP = CellMeasure("mAP", "mAP x 100", lambda result: result.matrix, lambda result: result.map_multilingual_by_language)
MEASURES = (
    MAP,
    CellMeasure("language effect", "language effect in doublings of rank, below 0 ranks better", _effect, scale=1.0,
            digits=1, about_zero=True),
    CellMeasure("share of the top 10", "share of wrong answers in the top 10 x 100", _share),
)  # fmt: skip


def measures_of(result: EvaluationResult) -> tuple[CellMeasure, ...]:
    """Those that this evaluation has a matrix of."""
    return tuple(measure for measure in MEASURES if measure.cells(result) is not None)


@dataclass(frozen=True)
class Pair:
    asked: str
    answered: str
    value: float


def to_matrix(result: EvaluationResult, measure: CellMeasure = MAP) -> Matrix:
    """[query language][candidate language]; a pair that was not evaluated is NaN."""
    names, cells, pool = tuple(result.languages), measure.cells(result) or {}, measure.pool(result)
    values = tuple(tuple(cells.get(a, {}).get(b, math.nan) for b in names) for a in names)
    alone = tuple(pool.get(name, math.nan) for name in names) if pool else ()
    return Matrix(names, values, tuple(others for _, others in own_and_others(names, values)), alone)


def change(first: EvaluationResult, last: EvaluationResult, measure: CellMeasure = MAP) -> Matrix:
    """last - first, cell by cell over the languages of ``last``; NaN where either has none."""
    before, after = to_matrix(first, measure), to_matrix(last, measure)
    at = {name: index for index, name in enumerate(before.names)}

    def former(row: str, column: str) -> float:
        return before.values[at[row]][at[column]] if row in at and column in at else math.nan

    values = tuple(
        tuple(value - former(row, column) for column, value in zip(after.names, line, strict=True))
        for row, line in zip(after.names, after.values, strict=True)
    )
    pool: tuple[float, ...] = ()
    if before.pool and after.pool:
        pool = tuple(
            value - (before.pool[at[name]] if name in at else math.nan)
            for name, value in zip(after.names, after.pool, strict=True)
        )
    return Matrix(after.names, values, tuple(others for _, others in own_and_others(after.names, values)), pool)


def worst_pair(matrix: Matrix) -> Pair | None:
    """The lowest of the pairs of two different languages."""
    pairs = [
        Pair(asked, answered, matrix.values[row][column])
        for row, asked in enumerate(matrix.names)
        for column, answered in enumerate(matrix.names)
        if row != column and math.isfinite(matrix.values[row][column])
    ]
    return min(pairs, key=lambda pair: pair.value, default=None)


def widest_gap(matrix: Matrix) -> tuple[str, float, float] | None:
    """(query language, own mAP, mean mAP of the others) where the own language is furthest ahead."""
    gaps = [
        (name, own, others)
        for name, (own, others) in zip(matrix.names, own_and_others(matrix.names, matrix.values), strict=True)
        if math.isfinite(own) and math.isfinite(others)
    ]
    return max(gaps, key=lambda gap: gap[1] - gap[2], default=None)


def trend(points: Sequence[EvaluationPoint], metric: str) -> tuple[float, ...]:
    """The metric over the evaluations; NaN where a point does not have it."""
    return tuple(math.nan if (value := point.result.metrics.get(metric)) is None else value for point in points)


def cell_value(result: EvaluationResult, measure: CellMeasure, asked: str, answered: str | None) -> float:
    """One cell; ``answered`` None is the pool of all languages. NaN where there is none."""
    if answered is None:
        return measure.pool(result).get(asked, math.nan)
    return (measure.cells(result) or {}).get(asked, {}).get(answered, math.nan)
