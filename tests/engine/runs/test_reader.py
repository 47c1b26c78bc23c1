"""A reader that starts from the snapshot knows exactly what one knows that reads the whole log."""

from __future__ import annotations

import math

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import started, steps
from random_events import HISTORY

from engine import events
from engine.events import AnyEvent, Step, from_number
from engine.runs.fold import fold
from engine.runs.folder import RunFolder
from engine.runs.reader import MODE_CODES, RunReader, Series, write_snapshot
from engine.runs.state import RECENT_STEPS, RunState

PROPERTY = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

GAP = (math.nan, 255, math.nan)


def plain(state: RunState) -> bytes:
    """For comparison: NaN equals NaN here, and nothing else does."""
    return msgspec.json.encode([state, str(state.loss)])


def write(folder: RunFolder, history: list[AnyEvent]) -> None:
    folder.state.unlink(missing_ok=True)
    folder.events.write_bytes(b"".join(map(events.encode, history)))


def read(folder: RunFolder, series: bool = False) -> RunReader:
    reader = RunReader(folder, series=series)
    reader.poll()
    return reader


@PROPERTY
@given(HISTORY, st.data())
def test_snapshot_at_any_point_and_the_rest_equals_the_whole(
    folder: RunFolder, history: list[AnyEvent], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(history)))
    write(folder, history[:cut])
    early = read(folder)
    with folder.events.open("ab") as file:
        file.write(b'{"torn":\n' + b"".join(map(events.encode, history[cut:])))
    whole = read(folder)
    early.save_snapshot()
    resumed = RunReader(folder)
    assert plain(resumed.state) == plain(early.state), "the snapshot is read"
    resumed.poll()
    assert plain(resumed.state) == plain(whole.state)
    assert resumed.skipped == whole.skipped == 1
    resumed.save_snapshot()
    again = read(folder)
    assert (plain(again.state), again.skipped) == (plain(whole.state), 1)


@PROPERTY
@given(HISTORY)
def test_following_event_by_event_equals_reading_at_once(folder: RunFolder, history: list[AnyEvent]) -> None:
    write(folder, [])
    follower = RunReader(folder, series=True)
    for event in history:
        with folder.events.open("ab") as file:
            file.write(events.encode(event))
        assert follower.poll()
        assert not follower.poll()
    whole = read(folder, series=True)
    assert plain(follower.state) == plain(whole.state)
    assert follower.series is not None
    assert whole.series is not None
    assert follower.series.loss.tobytes() == whole.series.loss.tobytes()
    assert plain(whole.state) == plain(read(folder).state), "series or not, the state is the same"


@PROPERTY
@given(HISTORY)
def test_series_keeps_every_step_of_the_current_timeline(folder: RunFolder, history: list[AnyEvent]) -> None:
    """Against a dictionary by step: a resume drops what came after its step, a repeated step drops what followed."""
    write(folder, history)
    expected: dict[int, tuple[float, int, float]] = {}
    for event in history:
        if isinstance(event, events.RunResumed) and event.purpose == "train":
            expected = {step: row for step, row in expected.items() if step <= event.from_step}
        elif isinstance(event, events.Step):
            expected = {step: row for step, row in expected.items() if step < event.first_step}
            for step in range(1, event.first_step):  # a gap is held open
                expected.setdefault(step, GAP)
            for index, loss in enumerate(event.loss):
                row = (from_number(loss), MODE_CODES[event.mode[index]], event.seconds[index])
                expected[event.first_step + index] = row
    series = read(folder, series=True).series
    assert series is not None
    assert len(series) == max(expected, default=0)
    rows = zip(series.loss, series.mode, series.seconds, strict=True)
    for step, row in enumerate(rows, start=1):
        assert str(row) == str(expected[step])
    lengths = {column: len(getattr(series, column)) for column in series.__slots__}
    assert lengths.pop("temperature") == 0  # none of these steps tells one
    assert lengths.pop("event_steps") == lengths.pop("event_times")
    assert list(series.event_steps) == sorted(set(series.event_steps))
    assert all(1 <= step <= len(series) for step in series.event_steps)
    assert set(lengths.values()) == {len(series)}


def test_snapshot_of_another_log_or_another_release_is_not_used(folder: RunFolder) -> None:
    write(folder, [started()])
    reader = read(folder)
    reader.save_snapshot()
    inode = folder.events.stat().st_ino
    wrong = RunState(name="wrong")
    for misfit in (
        lambda: write_snapshot(folder, wrong, offset=1, inode=inode + 1),
        lambda: write_snapshot(folder, wrong, offset=10**9, inode=inode),
        lambda: folder.state.write_bytes(folder.state.read_bytes().replace(b'"version":1', b'"version":0')),
        lambda: folder.state.write_bytes(b'{"version":1,'),
    ):
        misfit()
        assert read(folder).state.name == "small"


def test_nan_loss_survives_the_snapshot(folder: RunFolder) -> None:
    write(folder, [started(), steps(1, [1.0, math.nan])])
    read(folder).save_snapshot()
    assert math.isnan(RunReader(folder).state.loss or 0.0)


def test_reader_starts_anew_when_the_log_is_replaced(folder: RunFolder) -> None:
    write(folder, [started("first"), steps(1, [1.0] * 5)])
    reader = read(folder, series=True)
    folder.events.unlink()
    write(folder, [started("second")])
    assert reader.poll()
    assert (reader.state.name, reader.state.step) == ("second", 0)
    assert reader.series is not None
    assert len(reader.series) == 0


@PROPERTY
@given(st.lists(st.floats(0, 1), min_size=1, max_size=400), st.integers(1, 9))
def test_sparkline_means_do_not_depend_on_how_steps_were_batched(losses: list[float], size: int) -> None:
    state = RunState()
    for first in range(0, len(losses), size):
        fold(state, steps(first + 1, losses[first : first + size]))
    width = state.spark_width
    expected = [losses[start : start + width] for start in range(0, len(losses), width)]
    assert len(state.spark) == len(expected) <= 64
    for mean, bucket in zip(state.losses_sparkline(), expected, strict=True):
        assert math.isclose(mean, sum(bucket) / len(bucket), abs_tol=1e-12)


def test_figures_of_now_are_means_of_the_last_events_that_tell_of_enough_steps() -> None:
    """One event less would tell of fewer than RECENT_STEPS steps; what lies before is forgotten."""
    assert RECENT_STEPS == 50
    state = RunState()
    for index in range(8):
        event = steps(1 + 20 * index, [1.0] * 20, seconds=float(2**index))
        told = {"tokens": [index] * 20, "flops": [10.0 * index] * 20}
        fold(state, msgspec.structs.replace(event, **told))
    assert [pace.steps for pace in state.recent] == [20, 20, 20]
    assert state.seconds_per_step == (32 + 64 + 128) / 3
    assert (state.tokens_per_step, state.flops_per_step) == (6.0, 60.0)


def test_mean_step_time_follows_a_change_of_pace_whatever_the_event_size() -> None:
    for size in (1, 10, 100):
        state = RunState()
        for first in range(0, 200, size):
            fold(state, steps(first + 1, [1.0] * size, seconds=1.0 if first < 100 else 3.0))
        assert math.isclose(state.seconds_per_step or 0.0, 3.0, rel_tol=1e-3)


def updates(first_step: int, count: int, learned: bool) -> Step:
    ones = [1.0] * count
    return Step(
        first_step=first_step, loss=ones, mode=["mono"] * count, lr=ones, masked=ones, grad_norm=ones, seconds=ones,
        data_wait=ones, tokens=[1] * count,
        temperature=[first_step + index + 0.5 for index in range(count)] if learned else [],
    )  # fmt: skip


@given(st.lists(st.tuples(st.integers(-4, 3), st.integers(1, 5), st.booleans()), max_size=12))
def test_a_step_has_the_temperature_that_its_event_told(plan: list[tuple[int, int, bool]]) -> None:
    """Over gaps (lost events), overlaps (a resumed run) and events that tell nothing."""
    series, expected = Series(), {}
    for shift, count, learned in plan:
        first = max(1, len(series) + 1 + shift)
        series.extend([updates(first, count, learned)])
        expected = {step: value for step, value in expected.items() if step < first}
        if learned:
            expected |= {first + index: first + index + 0.5 for index in range(count)}
    assert len(series.temperature) in (0, len(series))
    told = {index + 1: value for index, value in enumerate(series.temperature) if not math.isnan(value)}
    assert told == expected
