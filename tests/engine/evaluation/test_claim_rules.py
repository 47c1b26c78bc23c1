"""The rules by which a claim is reproduced or contradicted: every relation, in both directions of what is wanted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.evaluation.claim_rules import judge
from engine.evaluation.statistics import Difference, is_not_inferior


def found(lower, upper, difference=None):
    return Difference(
        value=0.5, baseline_value=0.5, difference=(lower + upper) / 2 if difference is None else difference,
        interval=(lower, upper), lower_bound=lower, upper_bound=upper, p=0.5, seed_interval=None, basis="over seeds",
        clusters=30,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("relation", "wanted", "bounds", "different", "judgement"),
    [
        ("better", "higher", (0.01, 0.03), True, "reproduced"),
        ("better", "higher", (-0.03, -0.01), True, "contradicted"),
        ("better", "higher", (0.01, 0.03), False, "undecided"),
        ("better", "lower", (-0.03, -0.01), True, "reproduced"),
        ("lower", "lower", (-30.0, -10.0), True, "reproduced"),
        ("lower", "lower", (10.0, 30.0), True, "contradicted"),
        ("lower", "lower", (-30.0, 10.0), False, "undecided"),
        ("not inferior", "higher", (-0.009, 0.02), False, "reproduced"),
        ("not inferior", "higher", (-0.009, -0.001), True, "reproduced"),
        ("not inferior", "higher", (-0.02, 0.02), False, "undecided"),
        ("not inferior", "higher", (-0.02, -0.005), True, "undecided"),
        ("not inferior", "higher", (-0.03, -0.011), True, "contradicted"),
        ("not inferior", "lower", (-0.02, 0.009), False, "reproduced"),
        ("not inferior", "lower", (0.011, 0.03), True, "contradicted"),
        ("not inferior", "lower", (0.005, 0.03), True, "undecided"),
        ("no different", "higher", (-0.009, 0.009), False, "reproduced"),
        ("no different", "higher", (0.002, 0.009), True, "reproduced"),
        ("no different", "higher", (0.002, 0.011), True, "contradicted"),
        ("no different", "higher", (-0.002, 0.011), False, "undecided"),
    ],
)
def test_judgements(relation, wanted, bounds, different, judgement):
    assert judge(relation, found(*bounds), different=different, margin=0.01, wanted=wanted) == judgement


@pytest.mark.parametrize("relation", ["not inferior", "no different"])
def test_without_bounds_nothing_is_decided(relation):
    unknown = Difference(
        value=0.5, baseline_value=0.5, difference=0.0, interval=None, lower_bound=None, upper_bound=None, p=None,
        seed_interval=None, basis="for these seeds", clusters=1,
    )  # fmt: skip
    assert judge(relation, unknown, different=False, margin=0.01, wanted="higher") == "undecided"


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_not_inferior_is_the_verdict_of_comparisons_and_weaker_than_no_different(lower, width, margin, different):
    one = found(lower, lower + width)
    not_inferior = judge("not inferior", one, different=different, margin=margin, wanted="higher")
    assert (not_inferior == "reproduced") == is_not_inferior(one, margin)
    if judge("no different", one, different=different, margin=margin, wanted="higher") == "reproduced":
        assert not_inferior == "reproduced"


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.booleans(), st.sampled_from(["better", "not inferior"]))
def test_what_is_wanted_low_is_the_mirror_of_what_is_wanted_high(lower, width, margin, different, relation):
    high = judge(relation, found(lower, lower + width), different=different, margin=margin, wanted="higher")
    low = judge(relation, found(-lower - width, -lower), different=different, margin=margin, wanted="lower")
    # A difference of exactly 0 is never different.
    assert high == low or (relation == "better" and different and lower + width / 2 == 0)
