"""Step events taken up in one go leave what they leave one by one, to the last bit: how a log is cut does not show."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.events import Step, StepColumns, StepOutline, decode_outlines, encode, to_numbers
from engine.runs.fold import fold
from engine.runs.fold_steps import fold_steps
from engine.runs.series import Series
from engine.runs.state import RunState

EVERY_MODE = ["mono", "cross", "mixed", "english", "of the future"]
UNUSUAL = (math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324)


@st.composite
def step_events(draw: st.DrawFn) -> list[list[Step]]:
    """Stretches of events that mostly go on where the last one ended, or leave a gap, or go back.

    How many there are and how they follow each other is hypothesis'; the numbers, which would take most of its time,
    are of a generator that it seeds.
    """
    shapes = st.tuples(st.sampled_from([0, 0, 0, 0, -3, 4, 90]), st.integers(0, 7))
    drawn = draw(st.lists(st.lists(shapes, min_size=1, max_size=6), min_size=1, max_size=6))
    rng = random.Random(draw(st.integers(0, 2**32)))
    stretches, first, seq = [], 1, 0
    for shapes_of_stretch in drawn:
        stretch = []
        for leap, count in shapes_of_stretch:
            seq, first = seq + 1, max(1, first + leap)
            stretch.append(step_event(rng, seq, first, count))
            first += count
        stretches.append(stretch)
    return stretches


def step_event(rng: random.Random, seq: int, first_step: int, count: int) -> Step:
    def column(number: Callable[[], float]) -> list[float]:
        return [number() for _ in range(count)]

    def loss() -> float:
        return rng.choice(UNUSUAL) if rng.random() < 0.1 else rng.uniform(-100, 100)

    def seconds() -> float:
        return 0.0 if rng.random() < 0.3 else rng.uniform(1e-6, 9)

    return Step(
        seq=seq, t=rng.uniform(0, 2e9), attempt=1, first_step=first_step, loss=to_numbers(column(loss)),
        mode=[rng.choice(EVERY_MODE) for _ in range(count)],
        lr=column(rng.random), masked=column(lambda: rng.uniform(0, 9)), grad_norm=to_numbers(column(loss)),
        seconds=column(seconds), data_wait=column(seconds), tokens=[rng.randrange(2**40) for _ in range(count)],
        flops=rng.choice([[], column(lambda: rng.uniform(1, 1e15))]),
        temperature=rng.choice([[], to_numbers(column(loss))]),
    )  # fmt: skip


def plain(state: RunState) -> bytes:
    """For comparison: NaN equals NaN here, and nothing else does."""
    return msgspec.json.encode([state, str(state.loss), str(state.temperature)])


@given(step_events())
def test_the_fold_of_a_stretch_is_that_of_its_events(stretches: list[list[Step]]) -> None:
    at_once, one_by_one = RunState(), RunState()
    for stretch in stretches:
        fold_steps(at_once, stretch)
        for event in stretch:
            fold(one_by_one, event)
        assert plain(at_once) == plain(one_by_one)


@given(step_events())
def test_the_outlines_of_events_fold_to_what_the_whole_events_do(stretches: list[list[Step]]) -> None:
    whole, outlined = RunState(), RunState()
    for stretch in stretches:
        fold_steps(whole, stretch)
        outlines = decode_outlines(b"".join(map(encode, stretch)))
        assert all(isinstance(outline, StepOutline) for outline in outlines), "the curves are not read"
        fold_steps(outlined, [outline for outline in outlines if isinstance(outline, StepColumns)])
        assert plain(outlined) == plain(whole)


@given(step_events())
def test_the_columns_of_a_stretch_are_those_of_its_events(stretches: list[list[Step]]) -> None:
    at_once, one_by_one = Series(), Series()
    for stretch in stretches:
        at_once.extend(stretch)
        for event in stretch:
            one_by_one.extend([event])
        for name in Series.__slots__:
            assert getattr(at_once, name).tobytes() == getattr(one_by_one, name).tobytes(), name


def test_losses_whose_sum_is_too_large_for_a_number_are_kept_one_by_one() -> None:
    steps = [1e308] * 3
    event = Step(
        first_step=1, loss=to_numbers(steps), mode=["mono"] * 3, lr=steps, masked=steps, grad_norm=to_numbers(steps),
        seconds=[1.0] * 3, data_wait=[0.0] * 3, tokens=[1] * 3,
    )  # fmt: skip
    state, series = RunState(), Series()
    fold_steps(state, [event])
    series.extend([event])
    assert state.losses_sparkline() == list(series.loss) == steps


def test_tokens_that_are_no_numbers_are_not_told() -> None:
    """An outline does not decode them; a log that somebody wrote by hand must not end a dashboard."""
    line = encode(step_event(random.Random(0), 1, 1, 2))
    start, end = line.index(b'"tokens":'), line.index(b',"flops"')
    (outline,) = decode_outlines(line[:start] + b'"tokens":{"a":"b"}' + line[end:])
    state = fold(RunState(), outline)
    assert state.tokens_per_step is None
    assert state.seconds_per_step is not None
