"""The fold: a stretch of steps leaves what its events leave one by one, and nothing is told that is not known."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import events
from engine.events import AnyEvent, Step, StepColumns, StepOutline, decode_outlines, encode, to_numbers
from engine.runs.fold import fold, fold_steps
from engine.runs.reader import Series
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


def updates(first: int, count: int, **changed: object) -> Step:
    columns = {
        "loss": 1.0,
        "mode": "mono",
        "lr": 0.1,
        "masked": 0.0,
        "grad_norm": 1.0,
        "seconds": 2.0,
        "data_wait": 0.5,
        "tokens": 100,
    }
    lists = {name: [value] * count for name, value in (columns | changed).items()}
    return msgspec.convert({"type": "step", "first_step": first, **lists}, Step)


def folded(*history: AnyEvent) -> RunState:
    state = RunState()
    for seq, event in enumerate(history, start=1):
        fold(state, msgspec.structs.replace(event, seq=seq, t=float(seq), attempt=1))
    return state


def test_mfu_is_the_computed_share_of_the_peak_of_the_device() -> None:
    device = events.Device(name="H100", peak_flops=1e3, peak_source="specification")
    state = folded(device, updates(1, 3, flops=800.0), updates(4, 2, flops=800.0, tokens=100))
    assert state.mfu() == pytest.approx(0.4)
    assert state.tokens_per_second() == pytest.approx(50.0)


def test_without_a_peak_or_a_count_there_is_no_mfu() -> None:
    """Logs of earlier releases have neither."""
    device = events.Device(name="H100", peak_flops=1e3)
    assert folded(events.Device(name="cpu"), updates(1, 3, flops=800.0)).mfu() is None
    assert folded(device, updates(1, 3)).mfu() is None
    assert folded(device).tokens_per_second() is None


def test_an_evaluation_asked_for_afterwards_is_told_as_one_and_takes_no_share_of_the_time() -> None:
    history: list[AnyEvent] = [updates(1, 4), events.RunFinished(step=4, seconds=9.0)]
    trained = folded(*history).time_shares()
    result = events.EvaluationResult(
        queries=1, candidates=1, languages=["de"], settings={}, metrics={}, matrix={}, map_multilingual_by_language={},
        histogram_edges=[], rank_distance={}, own_language_advantage={}, ties=0,
    )  # fmt: skip
    history += [
        events.RunResumed(from_step=4, host="h", pid=1, purpose="evaluate"),
        events.EvalStarted(benchmark="cldr", step=4),
        events.EvalFinished(benchmark="cldr", step=4, seconds=100.0, result=result),
        events.RunFinished(step=4, seconds=103.0),
    ]
    state = folded(*history)
    assert state.phase == "finished"
    assert state.time_shares() == trained
    assert state.notes[-1].text == "evaluation over after 103.0 s; finished at step 4, as before"
    resumed = events.RunResumed(from_step=4, host="h", pid=1)
    assert folded(*history, resumed, events.RunPaused(step=4)).notes[-1].text == "paused at step 4"


def test_the_recent_loss_does_not_depend_on_which_kind_of_batch_came_last() -> None:
    """Batches of two kinds take turns, one twice as hard as the other: either may be the last."""
    even, odd = [
        folded(*(updates(step, 1, loss=1.0 if step % 2 else 2.0) for step in range(1, last + 1))).recent_loss()
        for last in (640, 639)
    ]
    assert even == pytest.approx(1.5, abs=0.02)
    assert odd == pytest.approx(1.5, abs=0.02)
    assert folded().recent_loss() is None
    assert math.isnan(folded(updates(1, 1), updates(2, 1, loss="NaN")).recent_loss() or 0.0)


def test_time_shares_are_of_all_that_was_spent() -> None:
    state = folded(
        updates(1, 4),
        events.Validation(step=4, measure="loss", value=1.0, best_step=4, best_value=1.0, since_best=0, seconds=2.0),
        events.CheckpointSaved(step=4, path="checkpoints/step-000004", bytes=1, seconds=6.0),
    )
    assert state.time_shares() == pytest.approx(
        {"step": 6 / 16, "data": 2 / 16, "evaluation": 2 / 16, "checkpoint": 6 / 16}
    )
    assert RunState().time_shares() == {}


def test_the_temperature_is_known_where_it_is_learned() -> None:
    assert folded(updates(1, 2)).temperature is None
    assert folded(updates(1, 2, temperature=0.04)).temperature == 0.04


def test_a_resumed_run_forgets_validations_that_it_will_repeat() -> None:
    def validation(step: int, value: float) -> events.Validation:
        return events.Validation(
            step=step, measure="loss", value=events.to_number(value), best_step=2, best_value=0.5, since_best=0
        )

    history = [validation(2, 0.5), validation(4, math.nan), events.RunResumed(from_step=3, host="h", pid=1)]
    assert [point.step for point in folded(*history[:2]).validations] == [2, 4]
    assert [point.step for point in folded(*history).validations] == [2]


def test_an_evaluation_is_told_of_without_steps() -> None:
    started = events.RunStarted(
        name="e", mode="", mono_share=None, max_steps=0, batch_size=0, seed=0, host="h", pid=1, kind="evaluation",
        system="bm25",
    )  # fmt: skip
    state = folded(
        started, events.RunPaused(step=0), events.RunResumed(from_step=0, host="h", pid=2), events.RunStopped(step=0)
    )
    texts = [note.text for note in state.notes]
    assert texts == ["started on h", "paused", "resumed on h", "stopped"]
