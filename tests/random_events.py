"""Random histories of a run, for properties of whatever reads logs."""

from __future__ import annotations

import math

import msgspec
from hypothesis import strategies as st
from making import steps

from engine import events
from engine.events import AnyEvent, EvaluationResult

LOSS = st.one_of(st.floats(-100, 100), st.sampled_from([math.nan, math.inf, -math.inf]))
OUTCOMES = st.sampled_from(["done", "stale", "failed"])
COMMANDS = st.sampled_from(["pause", "stop", "checkpoint", "evaluate", "discard"])
UUIDS = st.sampled_from(["a", "b", "c"])
AT = st.integers(0, 60)
TEXT = st.text(max_size=5)


def result(value: float) -> EvaluationResult:
    return EvaluationResult(
        queries=2,
        candidates=4,
        languages=["de", "en"],
        settings={"monolingual": 2},
        metrics={"map_monolingual": value, "map_crosslingual": None},
        matrix={"de": {"de": value}},
        map_multilingual_by_language={"de": value},
        histogram_edges=[1.0, 10.0],
        rank_distance={"de": events.RankDistances(queries=2, mean=1.0, median=1.0, p90=2.0, histogram=[2])},
        own_language_advantage={"de": events.Advantage(mean=0.1, interval=None)},
        ties=0,
    )


def _started() -> st.SearchStrategy[AnyEvent]:
    return st.builds(
        events.RunStarted,
        name=TEXT,
        mode=st.just("hybrid"),
        mono_share=st.sampled_from([None, 0.5]),
        max_steps=AT,
        batch_size=st.just(8),
        seed=AT,
        host=TEXT,
        pid=AT,
    )


EVENT: st.SearchStrategy[AnyEvent] = st.one_of(
    _started(),
    st.builds(steps, AT.map(lambda step: step + 1), st.lists(LOSS, max_size=8), st.floats(0, 9)),
    st.builds(
        events.RunResumed, from_step=AT, host=TEXT, pid=AT, purpose=st.sampled_from(["train", "train", "evaluate"])
    ),
    st.builds(events.Heartbeat, progress_age=st.floats(0, 99)),
    st.builds(events.EvalStarted, benchmark=UUIDS, step=AT),
    st.builds(events.EvalProgress, benchmark=UUIDS, step=AT, what=TEXT, done=AT, total=AT),
    st.builds(
        events.EvalFinished, benchmark=UUIDS, step=AT, seconds=st.floats(0, 9), result=st.floats(0, 1).map(result)
    ),
    st.builds(
        events.Validation,
        step=AT,
        measure=TEXT,
        value=LOSS.map(events.to_number),
        best_step=st.one_of(st.none(), AT),
        best_value=st.one_of(st.none(), st.floats(0, 9)),
        since_best=AT,
        seconds=st.floats(0, 9),
    ),
    st.builds(events.CheckpointSaved, step=AT, path=TEXT, bytes=AT, seconds=st.floats(0, 9)),
    st.builds(events.CommandReceived, uuid=UUIDS, command=COMMANDS),
    st.builds(
        events.CommandDone,
        uuid=UUIDS,
        command=COMMANDS,
        outcome=OUTCOMES,
        detail=TEXT,
    ),
    st.builds(events.Device, name=TEXT, waiting_for=st.one_of(st.none(), TEXT)),
    st.builds(
        events.ModelLoaded,
        name=TEXT,
        revision=st.one_of(st.none(), TEXT),
        parameters=AT,
        trained=AT,
        width=AT,
        modules=TEXT,
        options=st.dictionaries(UUIDS, st.one_of(st.none(), st.booleans(), AT, TEXT), max_size=2),
        origins=st.dictionaries(UUIDS, st.sampled_from(["config", "model", "default"]), max_size=2),
        attention=TEXT,
        precision=TEXT,
    ),
    st.builds(events.Progress, what=TEXT, done=AT, total=st.one_of(st.none(), AT)),
    st.builds(events.Warning, message=TEXT),
    st.builds(events.RunPaused, step=AT, saved=st.booleans()),
    st.builds(events.RunStopped, step=AT, saved=st.booleans()),
    st.builds(
        events.RunFinished,
        step=AT,
        seconds=st.floats(0, 9),
        selected_step=st.one_of(st.none(), AT),
        early=st.booleans(),
    ),
    st.builds(events.RunFailed, error=TEXT, last_lines=st.lists(TEXT, max_size=2), hint=TEXT),
)


def _number(history: list[AnyEvent]) -> list[AnyEvent]:
    return [
        msgspec.structs.replace(event, seq=index + 1, t=1000.0 + index, attempt=1)
        for index, event in enumerate(history)
    ]


HISTORY: st.SearchStrategy[list[AnyEvent]] = st.lists(EVENT, max_size=25).map(_number)
