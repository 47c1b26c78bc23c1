"""Step events taken up in one go leave what they leave one by one, to the last bit: how a log is cut does not show."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from random_events import LOSS

from engine.events import Step, StepOutline, decode_outlines, encode, to_numbers
from engine.runs.fold import fold
from engine.runs.fold_steps import fold_steps
from engine.runs.series import Series
from engine.runs.state import RunState

TIMES = st.one_of(st.just(0.0), st.floats(1e-6, 9))
EVERY_MODE = ["mono", "cross", "mixed", "english", "of the future"]


@st.composite
def step_events(draw: st.DrawFn) -> list[list[Step]]:
    """Stretches of events that mostly go on where the last one ended, or leave a gap, or go back."""
    stretches, first, seq = [], 1, 0
    for size in draw(st.lists(st.integers(1, 6), min_size=1, max_size=6)):
        stretch = []
        for _ in range(size):
            seq, first = seq + 1, max(1, first + draw(st.sampled_from([0, 0, 0, 0, -3, 4, 90])))
            stretch.append(draw(step_event(seq, first)))
            first += len(stretch[-1].loss)
        stretches.append(stretch)
    return stretches


@st.composite
def step_event(draw: st.DrawFn, seq: int, first_step: int) -> Step:
    count = draw(st.integers(0, 7))

    def column(values: st.SearchStrategy[float]) -> list[float]:
        return draw(st.lists(values, min_size=count, max_size=count))

    return Step(
        seq=seq, t=draw(st.floats(0, 2e9)), attempt=1, first_step=first_step, loss=to_numbers(column(LOSS)),
        mode=draw(st.lists(st.sampled_from(EVERY_MODE), min_size=count, max_size=count)),
        lr=column(st.floats(0, 1)), masked=column(st.floats(0, 9)), grad_norm=to_numbers(column(LOSS)),
        seconds=column(TIMES), data_wait=column(TIMES), tokens=[draw(st.integers(0, 2**40))] * count,
        flops=draw(st.sampled_from([[], column(st.floats(1, 1e15))])),
        temperature=draw(st.sampled_from([[], to_numbers(column(LOSS))])),
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
        assert not any(isinstance(outline, Step) for outline in outlines), "the curves are not read"
        fold_steps(outlined, [outline for outline in outlines if isinstance(outline, StepOutline)])
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
