"""The fold of throughput, time shares and validation: rates from what was computed, nothing where it is unknown."""

from __future__ import annotations

import math

import msgspec
import pytest

from engine import events
from engine.events import AnyEvent, Step
from engine.runs.fold import fold
from engine.runs.state import RunState


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
