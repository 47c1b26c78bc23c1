"""The log keeps everything: what repeats itself is counted, and never pushes out what came once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from engine import events
from engine.runs.fold import fold
from engine.runs.state import NOTES_KEPT, RunState


def folded(*history: events.AnyEvent) -> RunState:
    state = RunState()
    for number, event in enumerate(history, start=1):
        fold(state, events.decode(events.encode(_numbered(event, number))))
    return state


def _numbered(event: events.AnyEvent, number: int) -> events.AnyEvent:
    return msgspec.structs.replace(event, seq=number, t=float(number), attempt=event.attempt or 1)


def steps(first: int, losses: Sequence[float]) -> events.Step:
    some = [0.0] * len(losses)
    return events.Step(
        first_step=first, loss=[events.to_number(loss) for loss in losses], mode=["mono"] * len(losses), lr=some,
        masked=some, grad_norm=some, seconds=[0.1] * len(losses), data_wait=some, tokens=[1] * len(losses),
    )  # fmt: skip


def started() -> events.RunStarted:
    return events.RunStarted(
        name="r", mode="mono", mono_share=None, max_steps=9000, batch_size=2, seed=0, host="h", pid=1
    )


def saved(step: int) -> events.CheckpointSaved:
    return events.CheckpointSaved(step=step, path=f"checkpoints/step-{step:06}", bytes=1, seconds=0.1)


def lines(state: RunState) -> list[str]:
    return [note.line() for note in state.history()]


def test_a_run_of_nan_keeps_its_beginning_and_its_first_nan() -> None:
    history: list[events.AnyEvent] = [started(), steps(1, [1.0] * 309)]
    history += [steps(first, [math.nan] * 5) for first in range(310, 6310, 5)]
    told = lines(folded(*history))
    assert told[0] == "started on h"
    assert told[1:] == ["non-finite loss x 6,000, first at step 310, last at step 6,309"]


def test_a_nan_counts_on_across_evaluations_and_begins_anew_after_a_resume() -> None:
    told = lines(
        folded(
            started(),
            steps(1, [math.nan]),
            saved(1),
            steps(2, [math.inf, 1.0]),
            saved(3),
            events.RunResumed(from_step=1, host="h", pid=2),
            steps(2, [math.nan]),
            events.RunResumed(from_step=1, host="h", pid=3),
        )
    )
    assert told[1] == "non-finite loss x 2, first at step 1, last at step 2"
    assert [line for line in told if "loss is" in line] == ["loss is nan at step 2"]
    assert sum("resumed" in line for line in told) == 2


def test_six_hundred_checkpoints_and_all_before_them_stay() -> None:
    told = lines(folded(started(), *(saved(step) for step in range(1, 2001))))
    assert told[0] == "started on h"
    assert len(told) == 2001


def test_a_warning_in_the_same_words_is_counted() -> None:
    told = lines(folded(started(), *(events.Warning(message="slow disk") for _ in range(1204)), saved(1)))
    assert told == ["started on h", "slow disk x 1,204", told[2]]


def test_where_too_much_is_told_a_line_says_where_some_is_missing() -> None:
    count = NOTES_KEPT + 2500
    state = folded(started(), *(events.Warning(message=f"warning {number}") for number in range(count)))
    told = lines(state)
    assert told[0] == "started on h"
    assert told[-1] == f"warning {count - 1}"
    (gap,) = [at for at, line in enumerate(told) if "left out here" in line]
    missing = int(told[gap].split()[0].replace(",", ""))
    assert len(told) - 1 + missing == count + 1
    before, after = int(told[gap - 1].split()[1]), int(told[gap + 1].split()[1])
    assert after - before - 1 == missing
