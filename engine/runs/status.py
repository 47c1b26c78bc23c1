"""Log and lock together: the state that a person is shown, and why."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from engine.config import RunConfig, RunKind
from engine.events import Number, from_number, to_number
from engine.runs.annotations import read_annotations
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder, read_spec
from engine.runs.last_words import cause_of_death, last_words, telling_part
from engine.runs.lock import Liveness, probe
from engine.runs.reader import RunReader
from engine.runs.state import FINAL_PHASES, RunState

STALLED_AFTER = 120.0  # seconds without progress, or SLOW_STEPS mean step times, whichever is longer
SLOW_STEPS = 10.0
WORDS_SHOWN = 20  # last lines of worker.log
SILENT_AFTER = 60.0  # seconds without an event from another machine, which beats every 5 s

_LEAVING = {"paused": "pausing", "stopped": "stopping"}


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """One run in one JSON object: the contract of ``status --json``. Times are unix seconds."""

    id: str
    name: str
    kind: RunKind
    mode: str  # empty for an evaluation
    state: str
    step: int
    max_steps: int
    loss: Number | None
    metrics: dict[str, dict[str, float | None]]  # by benchmark, of its last evaluation on the current timeline
    sampled_of: dict[str, int]  # by benchmark: its queries are a sample of so many; all of them where it is not named
    host: str
    pid: int | None  # only while alive
    updated: float
    error: str | None
    note: str = ""
    tags: tuple[str, ...] = ()
    pinned: bool = False
    last_words: tuple[str, ...] = ()  # of the worker of a run that failed or crashed: the end of worker.log


class SelectedStep(msgspec.Struct, frozen=True):
    """The best step by validation, of a run whose config selects it: final once the run is finished, else so far."""

    step: int | None  # None: nothing was measured yet
    measure: str  # "loss", or benchmark and metric
    value: float | None  # of the measure at that step
    validations: int  # the number of values that it is the best of
    early: bool  # training ended before max_steps, because validation had stopped improving

    def rule(self) -> str:
        """One line for reports."""
        if self.step is None or self.value is None:
            return f"the best by {self.measure}, and nothing was measured yet"
        early = ", training ended early" if self.early else ""
        return f"best of {self.validations} by {self.measure} ({self.value:.4f}), step {self.step:,}{early}"


def shown_state(state: RunState, liveness: Liveness, now: float) -> str:
    """One of queued, starting, running, evaluating, pausing, paused, stopping, stopped, finished, failed, crashed, stalled.

    ``now`` is unix seconds. Never optimistic: a paused run that still holds its lock is pausing.
    """  # noqa: E501
    phase = state.phase
    if liveness.alive is False:
        owner = liveness.owner
        if owner is not None and owner.attempt > state.attempt and phase != "finished":
            return "crashed"  # a later worker took the lock and died before it could say so
        if phase in FINAL_PHASES:
            return phase
        # A process that came only to evaluate does not change how the run had ended when it dies.
        return state.former_phase or "crashed"
    if liveness.alive is None:
        return "stalled" if phase not in FINAL_PHASES and _age(state, now) > SILENT_AFTER else phase
    if liveness.owner is not None and liveness.owner.attempt > state.attempt:
        return "starting"
    if phase in FINAL_PHASES:
        return _LEAVING.get(phase, phase)
    patience = max(STALLED_AFTER, SLOW_STEPS * (state.seconds_per_step or 0.0))
    if phase != "queued" and state.updated and state.progress_age + _age(state, now) > patience:
        return "stalled"
    return phase


def explanation(folder: RunFolder, state: RunState, liveness: Liveness, now: float | None = None) -> str:
    """``reason``, with what the worker of a crashed run said last, which is read from its folder."""
    now = time.time() if now is None else now
    words = last_words(folder, state.updated) if shown_state(state, liveness, now) == "crashed" else ()
    return reason(state, liveness, now, words)


def reason(state: RunState, liveness: Liveness, now: float | None = None, words: Sequence[str] = ()) -> str:
    """One line that says why the run is in the state it is shown in; empty where there is nothing to add.

    ``words``: the last of the worker of a crashed run.
    """
    now = time.time() if now is None else now
    shown = shown_state(state, liveness, now)
    if shown == "crashed":
        cause = cause_of_death(words)
        if not state.started:
            return cause or "the worker died before its first event; its log shows the end of worker.log"
        return f"{cause or 'killed'}, resumable from {_resume_point(state)}"
    if shown == "failed":
        return f"{state.error or 'failed'}{f' ({state.hint})' if state.hint else ''}"
    if shown == "queued":
        waiting_for = state.device.waiting_for if state.device is not None else None
        return f"waiting for {waiting_for or 'a device'}"
    if shown == "stalled":
        if not liveness.has_locks:
            return f"no sign for {_age(state, now):,.0f} s, and no file locks here that would tell whether it lives"
        if liveness.alive is None and liveness.owner is not None:
            return (
                f"no sign from {liveness.owner.host} for {_age(state, now):,.0f} s and no way to see its processes "
                "from here; `resume --take-over` continues the run on this machine"
            )
        return f"no progress for {state.progress_age + _age(state, now):,.0f} s"
    if shown in ("paused", "stopped"):
        return f"resumable from {_resume_point(state)}"
    return ""


def status_of(reader: RunReader) -> Status:
    """Polls the reader, probes the lock and puts both together."""
    liveness = probe(reader.folder)  # before the log: a run that ends in between then reads as ended, not as crashed
    reader.poll()
    state, owner = reader.state, liveness.owner
    name, kind, mode, max_steps, updated = state.name, state.kind, state.mode, state.max_steps, state.updated
    if not state.name:  # no first event yet
        try:
            spec = read_spec(reader.folder)
        except RunError:
            pass
        else:
            config = spec.config
            name, kind = config.name, config.kind
            if kind == "training":
                mode, max_steps = config.batch.mode, config.optimizer.max_steps
            updated = updated or spec.created
    shown = shown_state(state, liveness, time.time())
    said = read_annotations(reader.folder)
    latest = state.latest_evaluations()
    return Status(
        id=reader.folder.id,
        name=said.name or name,
        kind=kind,
        mode=mode,
        state=shown,
        step=state.step,
        max_steps=max_steps,
        loss=None if state.loss is None else to_number(state.loss),
        metrics={key: dict(point.result.metrics) for key, point in latest.items()},
        sampled_of={key: of for key, point in latest.items() if (of := point.result.sampled_of) is not None},
        host=owner.host if owner is not None else state.host,
        pid=(owner.pid or None) if liveness.alive and owner is not None else None,
        updated=updated,
        error=explanation(reader.folder, state, liveness) if shown in ("failed", "crashed") else None,
        last_words=_shown_words(reader.folder, state) if shown in ("failed", "crashed") else (),
        note=said.note,
        tags=said.tags,
        pinned=said.pinned,
    )


def _shown_words(folder: RunFolder, state: RunState) -> tuple[str, ...]:
    return telling_part(last_words(folder, state.updated), WORDS_SHOWN)


def selected_step(folder: RunFolder, config: RunConfig) -> SelectedStep | None:
    """As the run's log has it; None where the config fixes the last step before training."""
    if config.evaluation.select != "best":
        return None
    reader = RunReader(folder)
    reader.poll()
    state = reader.state
    if not state.validations:
        return SelectedStep(None, "validation", None, 0, state.finished_early)
    last = state.validations[-1]
    value = None if last.best_value is None else from_number(last.best_value)
    return SelectedStep(last.best_step, last.measure, value, len(state.validations), state.finished_early)


def _age(state: RunState, now: float) -> float:
    """Seconds since the last event; the clocks of two machines may differ, so never below zero."""
    return max(0.0, now - state.updated)


def _resume_point(state: RunState) -> str:
    if state.kind == "evaluation":
        return f"benchmark {len(state.latest_evaluations()) + 1}"
    return "the beginning" if state.checkpoint_step is None else f"step {state.checkpoint_step:,}"
