"""The best step and the end of patience are functions of the values alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import EvaluationConfig
from engine.training.selection import Standing, lower_is_better, metric_of

VALUES = st.lists(st.one_of(st.integers(0, 5).map(float), st.just(math.nan), st.just(math.inf)), max_size=30)


def standing_of(values, lower):
    standing = Standing()
    for step, value in enumerate(values):
        standing = standing.after(step, value, lower_is_better=lower)
    return standing


@given(VALUES, st.booleans())
def test_the_first_of_the_best_finite_values_wins(values, lower):
    standing = standing_of(values, lower)
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        assert (standing.best_step, standing.best_value, standing.since_best) == (None, None, len(values))
        return
    best = min(finite) if lower else max(finite)
    assert standing.best_value == best
    assert standing.best_step == values.index(best)
    assert standing.since_best == len(values) - 1 - values.index(best)


@pytest.mark.parametrize(
    ("measure", "lower"), [("loss", True), ("own/dev map_multilingual", False), ("own/dev rank_distance", True)]
)
def test_losses_and_distances_are_better_when_lower(measure, lower):
    assert lower_is_better(measure) == lower


@pytest.mark.parametrize(
    ("metric", "languages", "expected"),
    [
        ("map_multilingual", 3, "map_multilingual"),
        ("map_multilingual", 1, "map_monolingual"),
        ("ndcg_at_10", 1, "ndcg_at_10"),
    ],
)
def test_a_pool_of_one_language_validates_by_that_language(metric, languages, expected):
    """The default metric, which such a benchmark has not, has an equal that it has: no config stops working."""
    evaluation = EvaluationConfig(validation="own/dev", validation_metric=metric)
    assert metric_of(evaluation, languages) == expected
