"""What the bias tab shows of one evaluation, as numbers."""

from __future__ import annotations

import math

from engine.events import Advantage, EvaluationResult
from engine.measures import ONE_LANGUAGE, RANK_DISTANCE_NULL
from tui.draw.heatmap import Matrix


def without_bias(result: EvaluationResult) -> str:
    """Why no measure of bias means anything here; empty where some do."""
    return ONE_LANGUAGE if len(result.languages) < 2 else ""


def overall_advantage(result: EvaluationResult) -> Advantage | None:
    """Own-language advantage over all query languages, with its interval where the evaluation has one."""
    if result.bias is not None and result.bias.own_language_advantage is not None:
        return result.bias.own_language_advantage
    means = [found.mean for found in result.own_language_advantage.values() if math.isfinite(found.mean)]
    return Advantage(mean=sum(means) / len(means), interval=None) if means else None


def mean_advantage(result: EvaluationResult) -> float | None:
    """Mean over query languages; None where no language has one."""
    found = overall_advantage(result)
    return found.mean if found is not None else None


def nulls(result: EvaluationResult) -> dict[str, float]:
    """By query language: the rank distance that the same ranks would have if languages did not matter."""
    return result.bias.by_language.get(RANK_DISTANCE_NULL, {}) if result.bias is not None else {}


def top_shares(result: EvaluationResult) -> Matrix | None:
    """Share of each passage language among the wrong answers in the top ten, over its share of the pool.

    [query_language][passage_language]; 1: as often as chance, NaN: nothing wrong in the top ten, or not in the pool.
    None where the evaluation does not tell.
    """
    if result.bias is None or not result.bias.language_share_at_10:
        return None
    pool = result.bias.pool_share
    names = tuple(result.languages)
    found = result.bias.language_share_at_10

    def ratio(asked: str, shown: str) -> float:
        expected = pool.get(shown, 0.0)
        return found.get(asked, {}).get(shown, math.nan) / expected if expected > 0 else math.nan

    values = tuple(tuple(ratio(asked, shown) for shown in names) for asked in names)
    return Matrix(names, values, tuple(math.nan for _ in names))
