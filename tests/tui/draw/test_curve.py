"""The envelope loses no extreme, smoothing is the textbook's, and a view stays true while its curve grows."""

from __future__ import annotations

import math
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.draw.curve import FANOUT, Curve, envelope

numbers = st.floats(-1e6, 1e6, allow_nan=False)
any_number = st.floats(allow_nan=True, allow_infinity=True)


def made(values: list[float], beta: float = 0.9, gaps: int = 1) -> Curve:
    curve = Curve(beta)
    curve.extend([1 + index * gaps for index in range(len(values))], values)
    return curve


@settings(max_examples=80)
@given(st.lists(numbers, min_size=1, max_size=600), st.integers(1, 40), st.integers(1, 3))
def test_every_point_lies_in_the_column_of_its_place_or_next_to_it(
    values: list[float], columns: int, gaps: int
) -> None:
    view = made(values, gaps=gaps).view()
    last = max(2, 1 + (len(values) - 1) * gaps)
    found = envelope(view, 1, last, columns)
    assert set(found.columns) <= set(range(columns))
    assert min(found.low) == min(values)
    assert max(found.high) == max(values)
    reach = dict(zip(found.columns, zip(found.low, found.high, strict=True), strict=True))
    span = last - 1
    for index, value in enumerate(values):
        at = min(columns - 1, int(index * gaps / span * columns))
        near = [reach[column] for column in (at - 1, at, at + 1) if column in reach]
        assert any(low <= value <= high for low, high in near)


@settings(max_examples=60)
@given(st.lists(numbers, min_size=1, max_size=400), st.data())
def test_extremes_of_any_aligned_stretch_are_those_of_its_points(values: list[float], data: st.DataObject) -> None:
    view = made(values).view()
    depth = data.draw(st.integers(0, len(view.curve.levels)))
    size = FANOUT**depth
    start = data.draw(st.integers(0, (len(values) - 1) // size)) * size
    end = data.draw(st.integers(start + 1, len(values)))
    end = end if end == len(values) or end % size == 0 else min(len(values), -(-end // size) * size)
    lows, highs = view.extremes(start, end, depth)
    parts = [values[at : min(at + size, end)] for at in range(start, end, size)]
    assert lows == list(map(min, parts))
    assert highs == list(map(max, parts))


@given(st.lists(numbers, min_size=1, max_size=60), st.sampled_from([0.0, 0.5, 0.9, 0.99]))
def test_smoothing_is_the_bias_corrected_exponential_mean(values: list[float], beta: float) -> None:
    """Against the closed form: weights beta^(n-i), normalised to one."""
    curve = made(values, beta)
    for count in range(1, len(values) + 1):
        weights = [beta ** (count - 1 - index) for index in range(count)]
        expected = sum(w * v for w, v in zip(weights, values, strict=False)) / sum(weights)
        assert curve.smooth[count - 1] == pytest.approx(expected, rel=1e-6, abs=1e-3)


@pytest.mark.parametrize("gap", [1, 5, 20])
def test_a_jump_is_followed_as_many_steps_later_however_far_apart_the_points_are(gap: int) -> None:
    """The same beta on curves with a point at every step and at every twentieth: both pass the middle together."""
    curve = Curve(0.98)
    steps = range(1, 4001, gap)
    curve.extend(steps, [0.0 if step <= 2000 else 1.0 for step in steps])
    middle = next(step for step, value in zip(curve.steps, curve.smooth, strict=True) if value >= 0.5)
    half_life = math.log(0.5) / math.log(0.98)
    assert abs(middle - 2000 - half_life) <= gap + 1


@given(st.lists(numbers, max_size=200), st.lists(st.integers(1, 50), max_size=10))
def test_growing_bit_by_bit_is_the_same_as_at_once(values: list[float], cuts: list[int]) -> None:
    whole, parts, at = made(values), Curve(0.9), 0
    for size in [*cuts, len(values)]:
        part = values[at : at + size]
        parts.extend(range(at + 1, at + 1 + len(part)), part)
        at += len(part)
    assert parts.values == whole.values
    assert parts.smooth == whole.smooth
    assert parts.levels == whole.levels


@given(st.lists(numbers, min_size=1, max_size=100), st.lists(numbers, min_size=1, max_size=100), st.integers(1, 20))
def test_a_view_stays_true_while_its_curve_grows(first: list[float], more: list[float], columns: int) -> None:
    curve = made(first)
    view = curve.view()
    before = envelope(view, 1, len(first), columns)
    curve.extend(range(len(first) + 1, len(first) + 1 + len(more)), more)
    assert envelope(view, 1, len(first), columns) == before
    assert view.smooth_before(math.inf) == made(first).smooth[-1]


@given(st.lists(any_number, max_size=80))
def test_what_is_not_finite_is_kept_apart_with_its_step(values: list[float]) -> None:
    curve = made(values)
    assert [step for step, _ in curve.view().lost()] == [
        i + 1 for i, value in enumerate(values) if not math.isfinite(value)
    ]
    assert list(curve.values) == [value for value in values if math.isfinite(value)]


@given(st.lists(numbers, max_size=80), st.sampled_from([0.0, 0.5, 0.95]))
def test_another_smoothing_is_what_a_fresh_curve_would_have(values: list[float], beta: float) -> None:
    assert made(values).with_smoothing(beta).smooth == made(values, beta).smooth


@settings(max_examples=40)
@given(st.lists(any_number, min_size=1, max_size=80), st.integers(0, 100))
def test_what_is_read_out_is_the_closest_point_exactly(values: list[float], step: int) -> None:
    """Finite or not, to the last bit; of two equally close points the earlier."""
    found = made(values, gaps=2).view().nearest(step)
    assert found is not None
    distances = [abs(1 + 2 * index - step) for index in range(len(values))]
    index = distances.index(min(distances))
    assert found.step == 1 + 2 * index
    assert found.value == values[index] or (math.isnan(found.value) and math.isnan(values[index]))


@settings(max_examples=60)
@given(st.lists(any_number, max_size=120), st.integers(-5, 130), st.integers(-5, 130))
def test_counts_and_losses_between_steps_are_those_of_the_points(values: list[float], first: int, before: int) -> None:
    view = made(values).view()
    inside = [value for index, value in enumerate(values) if first <= 1 + index < before]
    assert view.any_lost(first, before) == any(not math.isfinite(value) for value in inside)
    if first <= before:
        assert view.count_between(first, before) == len(inside)


@settings(max_examples=40, deadline=None)
@given(st.lists(any_number, min_size=1, max_size=400), st.sampled_from([0.0, 0.5, 0.9, 0.995]), st.data())
def test_a_curve_made_in_pieces_is_the_curve_made_at_once(
    values: list[float], beta: float, data: st.DataObject
) -> None:
    """To the last bit: what a reader sees does not depend on how often it looked."""
    steps = list(range(1, len(values) + 1))
    whole, pieces = Curve(beta), Curve(beta)
    whole.extend(steps, values)
    start = 0
    while start < len(values):
        end = data.draw(st.integers(start + 1, len(values)))
        pieces.extend(steps[start:end], values[start:end])
        start = end
    for part in ("steps", "values", "smooth", "levels", "lost_steps"):
        assert getattr(pieces, part) == getattr(whole, part)


@settings(max_examples=120)
@given(st.lists(numbers, min_size=1, max_size=700), st.integers(1, 30), st.integers(-10, 700), st.integers(1, 700))
def test_the_envelope_of_any_window_loses_no_extreme(values: list[float], columns: int, first: int, span: int) -> None:
    """Zoomed anywhere: what is in sight is inside what is drawn, and what is drawn is a point of the run."""
    found = envelope(made(values).view(), first, first + span, columns)
    inside = [value for index, value in enumerate(values) if first <= 1 + index <= first + span]
    assert bool(found.columns) == bool(inside)
    if inside:
        assert min(found.low) <= min(inside)
        assert max(found.high) >= max(inside)
        assert {*found.low, *found.high} <= set(values)


@settings(max_examples=120)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=900), st.integers(1, 9), st.floats(-50, 900), st.floats(0, 900))
def test_the_envelope_is_what_sorting_every_point_into_its_column_finds(
    gaps: list[int], columns: int, first: float, span: float
) -> None:
    """Against the plainest way: point by point, where whole buckets of the pyramid go to the column of their end."""
    steps = list(accumulate(gaps))
    values = [float(step * 7919 % 1009) for step in steps]
    curve = Curve(0.9)
    curve.extend(steps, values)
    last = first + span
    inside = [index for index, step in enumerate(steps) if first <= step <= last]
    size = 1
    while size * FANOUT**2 * columns <= len(inside):
        size *= FANOUT
    expected: dict[int, list[int]] = {}
    for start in range(inside[0] - inside[0] % size, inside[-1] + 1, size) if inside else ():
        bucket = range(start, min(start + size, inside[-1] + 1))
        whole = len(bucket) == size
        edges = [first + span / columns * column for column in range(1, columns)]
        column = next((at for at, edge in enumerate(edges) if whole and steps[bucket[-1]] < edge), columns - 1)
        expected.setdefault(column, []).extend(bucket)
    found = envelope(curve.view(), first, last, columns)
    assert found.columns == list(expected)
    assert found.low == [min(values[index] for index in points) for points in expected.values()]
    assert found.high == [max(values[index] for index in points) for points in expected.values()]
    assert found.smooth == [curve.smooth[points[-1]] for points in expected.values()]
