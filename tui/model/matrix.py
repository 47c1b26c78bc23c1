"""What the heatmap tab says about one evaluation, and about what changed since the first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.events import EvaluationResult
from engine.runs.state import EvaluationPoint
from tui.drawing.heatmap import Matrix, own_and_others

SETTINGS = (("mono", "map_monolingual"), ("cross", "map_crosslingual"), ("pool", "map_multilingual"))
RECALLS = (
    ("R@1 mono", "recall_at_1_monolingual"),
    ("R@1 cross", "recall_at_1_crosslingual"),
    ("R@10 pool", "recall_at_10_multilingual"),
)


@dataclass(frozen=True)
class Pair:
    asked: str
    answered: str
    value: float


def to_matrix(result: EvaluationResult) -> Matrix:
    """mAP[query language][candidate language]; a pair that was not evaluated is NaN."""
    names = tuple(result.languages)
    values = tuple(tuple(result.matrix.get(a, {}).get(b, math.nan) for b in names) for a in names)
    return Matrix(names, values, tuple(others for _, others in own_and_others(names, values)))


def change(first: EvaluationResult, last: EvaluationResult) -> Matrix:
    """last - first, cell by cell over the languages of ``last``; NaN where either has none."""
    before, after = to_matrix(first), to_matrix(last)
    at = {name: index for index, name in enumerate(before.names)}

    def former(row: str, column: str) -> float:
        return before.values[at[row]][at[column]] if row in at and column in at else math.nan

    values = tuple(
        tuple(value - former(row, column) for column, value in zip(after.names, line, strict=True))
        for row, line in zip(after.names, after.values, strict=True)
    )
    return Matrix(after.names, values, tuple(others for _, others in own_and_others(after.names, values)))


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
