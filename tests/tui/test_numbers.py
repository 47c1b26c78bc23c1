"""Numbers and ages are short, exact enough, and never below zero."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui import numbers as form


@given(st.floats(-1e9, 1e9))
def test_an_age_is_never_negative_and_always_short(seconds: float) -> None:
    text = form.age(seconds)
    assert not text.startswith("-")
    assert len(text) <= 7


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "0 s"),
        (4.4, "4 s"),
        (89, "89 s"),
        (91, "1 m"),
        (5400, "90 m"),
        (7199, "119 m"),
        (7200, "2 h"),
        (90000, "25 h"),
        (200000, "2 d"),
    ],
)
def test_ages(seconds: float, expected: str) -> None:
    assert form.age(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-1, "0 s"), (59.6, "1 m 00 s"), (250, "4 m 10 s"), (8040, "2 h 14 m"), (273600, "3 d 4 h")],
)
def test_durations(seconds: float, expected: str) -> None:
    assert form.duration(seconds) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "-"), (math.nan, "NaN"), (math.inf, "inf"), (-math.inf, "-inf"), (0.0, "0.000"), (0.6215, "0.622"),
     (1.4912, "1.49"), (12.345, "12.3"), (123.4, "123"), (4321.0, "4,321"), (0.00002, "2.0e-5")],
)  # fmt: skip
def test_numbers_have_three_digits_and_show_what_is_not_finite(value: float | None, expected: str) -> None:
    assert form.number(value) == expected


def test_metrics_lose_their_leading_zero_only() -> None:
    assert [form.share(value) for value in (0.791, 1.0, 0.0, -0.0001, -0.5, None)] == [
        ".791", "1.000", ".000", ".000", "-0.500", "-",
    ]  # fmt: skip


def test_a_change_that_rounds_to_nothing_has_no_sign() -> None:
    assert [form.signed(value) for value in (2.34, -2.34, 0.01, -0.01)] == ["+2.3", "-2.3", "0.0", "0.0"]


def test_the_time_of_day_follows_the_zone() -> None:
    assert form.clock(0, 1_790_000_000) == "14:13:20"
    assert form.clock(330, 1_790_000_000) == "19:43:20"


def test_the_local_zone_is_the_one_of_that_time_and_not_of_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        change = 1_792_890_000  # 25 October 2026, 01:00 UTC: clocks go back from 3 to 2
        assert [form.clock(None, change + hours * 3600) for hours in (-1, 0, 1)] == ["02:00:00", "02:00:00", "03:00:00"]
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_read_out_is_the_number_to_six_digits(value: float) -> None:
    text = form.exact(value)
    assert math.isclose(float(text.replace(",", "")), value, rel_tol=5.1e-6)
    assert form.exact(math.nan) == "NaN"
