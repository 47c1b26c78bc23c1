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
     (1.4912, "1.49"), (12.345, "12.3"), (123.4, "123"), (4321.0, "4,321"), (0.00002, "2.00e-5"),
     (0.0015, "0.00150"), (0.0024, "0.00240"), (0.00149, "0.00149"), (9.996, "10.0"), (999.6, "1,000")],
)  # fmt: skip
def test_numbers_have_three_digits_and_show_what_is_not_finite(value: float | None, expected: str) -> None:
    assert form.number(value) == expected


def test_metrics_lose_their_leading_zero_and_reach_their_limits_only_there() -> None:
    values = (0.791, 1.0, 0.9996, 0.0, 0.0003, -0.0001, -0.5, None)
    assert [form.share(value) for value in values] == [
        ".791", "1.000", ">.999", ".000", "<.001", ">-.001", "-.500", "-",
    ]  # fmt: skip


@given(st.floats(1e-9, 1e9), st.integers(2, 5))
def test_a_number_has_the_digits_that_are_promised(value: float, digits: int) -> None:
    """Two losses that differ in a promised digit are shown apart, however small they are."""
    text = form.number(value, digits).replace(",", "")
    assert math.isclose(float(text), value, rel_tol=0.500001 * 10 ** (1 - digits))
    if value < 999:
        shown = text.partition("e")[0].replace(".", "").lstrip("0")
        assert len(shown) >= digits


@given(st.integers(1, 10**7), st.integers(0, 10**7))
def test_a_percentage_is_100_only_at_the_end_and_0_only_at_the_beginning(whole: int, part: int) -> None:
    part = min(part, whole)
    text = form.percent(part, whole)
    assert (text == "100 %") == (part == whole)
    assert (text == "0 %") == (part == 0)
    if text != "<1 %":
        assert 0 <= 100 * part / whole - int(text.removesuffix(" %")) < 1.0001


def test_a_run_is_not_done_half_a_percent_before_its_end() -> None:
    assert form.percent(29_851, 30_000) == "99 %"


@given(st.floats(0.0001, 0.9949))
def test_a_p_value_stays_on_its_side_of_the_level(p: float) -> None:
    shown = float(form.p_value(p))
    assert (shown < 0.05) == (p < 0.05) or abs(p - 0.05) < 1e-8
    assert (shown > 0.05) == (p > 0.05) or abs(p - 0.05) < 1e-8
    assert abs(shown - p) <= (0.005 if p >= 0.1 else 0.0005 if p >= 0.01 else 0.00005) + 1e-9


def test_p_values_beside_the_level_and_at_their_ends() -> None:
    values = (0.0499, 0.0505, 0.05, 0.04999, 0.31, 0.0004, 0.00001, 0.9999, 1.0, None)
    assert [form.p_value(value) for value in values] == [
        ".0499", ".051", ".050", ".04999", ".31", ".0004", "<.0001", ">.99", "1.0", "-",
    ]  # fmt: skip


@given(st.floats(-1, 1), st.integers(1, 4))
def test_an_effect_that_is_there_has_its_sign_and_is_not_zero(value: float, digits: int) -> None:
    text = form.effect(value, digits)
    assert abs(float(text) - value) <= 0.5000001 * 10**-digits
    if abs(value) > 1e-8:
        assert text[0] == "+-"[value < 0]
        assert float(text) != 0


def test_a_small_margin_is_not_zero() -> None:
    assert [form.margin(value) for value in (0.01, 0.0004, 0.0, 1.5)] == [".010", ".0004", ".000", "1.500"]


@given(st.floats(0, 1e11))
def test_a_large_number_is_true_to_three_digits(value: float) -> None:
    text = form.large(value)
    factor = {"G": 1e9, "M": 1e6, "k": 1e3}.get(text[-1], 1.0)
    shown = float(text.rstrip(" GMk").replace(",", "")) * factor
    assert math.isclose(shown, value, rel_tol=0.0051, abs_tol=0.5)
    assert "e" not in text


def test_large_numbers_and_sizes() -> None:
    assert [form.large(value) for value in (999, 9_999, 12_345, 999_999, 624e6)] == [
        "999", "9,999", "12.3 k", "1 M", "624 M",
    ]  # fmt: skip
    assert [form.size(value) for value in (1.49 * 2**30, 2**30, 14.2 * 2**30, 310 * 2**20, 999, 2**30 - 1)] == [
        "1.49 GiB", "1 GiB", "14.2 GiB", "310 MiB", "1 KiB", "1 GiB",
    ]  # fmt: skip


def test_what_does_not_fit_is_a_shorter_form_or_a_mark_and_never_a_part() -> None:
    assert form.within(5, "-12.4", "-12") == "-12.4"
    assert form.within(4, "-12.4", "-12") == "-12"
    assert form.within(2, "-12.4", "-12") == "#"
    assert form.within(0, "1") == ""


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


@given(st.floats(0, 1e13), st.floats(0, 1e13))
def test_memory_is_full_only_when_it_is(used: float, total: float) -> None:
    used, total = sorted((used, total))
    filled, _, rest = form.memory(used, total).partition("/")
    if used < total:
        assert int(filled.replace(",", "")) <= used / 2**30
    assert rest == f"{total / 2**30:,.0f} GiB"


def test_a_measure_without_a_value_has_a_dash() -> None:
    assert [form.metric_value("rank_distance", value) for value in (None, math.nan, 1282.4)] == ["-", "-", "1,282"]
