"""Bounds as a config has them: read, written again, refused with the reason."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config_error import ConfigError
from engine.measures import MEASURES
from engine.metric_bounds import LOSS, MetricBound, parse_metric_bound

BENCHMARKS = st.sampled_from([None, "cldr", "own/faq", "mteb/SciFact:de@test"])


@given(st.sampled_from(list(MEASURES)), BENCHMARKS, st.booleans(), st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_read(metric: str, benchmark: str | None, above: bool, limit: float) -> None:
    bound = MetricBound(metric, benchmark, above, float(f"{limit:g}"))
    assert parse_metric_bound(bound.text()) == bound


def test_spaces_are_free() -> None:
    assert parse_metric_bound(" loss>1e1 ") == MetricBound(LOSS, None, True, 10.0)


def test_a_value_is_beyond_its_bound_or_not() -> None:
    above, below = parse_metric_bound("loss > 2"), parse_metric_bound("ndcg_at_10 < 0.5")
    assert [above.is_crossed_by(value) for value in (1.9, 2.0, 2.1, math.inf, math.nan)] == [0, 0, 1, 1, 0]
    assert [below.is_crossed_by(value) for value in (0.4, 0.5, 0.6)] == [1, 0, 0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("loss", "expected METRIC < NUMBER"),
        ("loss >= 3", "expected METRIC < NUMBER"),
        ("loss > many", "'many' is not a finite number"),
        ("loss > inf", "'inf' is not a finite number"),
        ("ndgc_at_10 < 0.5", "unknown metric 'ndgc_at_10'"),
        ("cldr loss > 3", "of no benchmark"),
    ],
)
def test_what_is_no_bound_is_refused(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as refused:
        parse_metric_bound(text)
    assert text in str(refused.value)
