"""What is told of a run: pure functions from its events and its state to alerts and endings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from engine.config import RunConfig, RunEnding, RunKind
from engine.events import AnyEvent, EvalFinished, Number, Outline, RunResumed, StepColumns, from_number
from engine.metric_bounds import LOSS, MetricBound, parse_metric_bound
from engine.runs.lock import Liveness
from engine.runs.state import FINAL_PHASES, RunState
from engine.runs.status import reason, shown_state
from engine.runs.text import visible

_SILENT_PHASES = FINAL_PHASES | {"queued"}
_DEAD = Liveness(alive=False, owner=None)


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is told once."""

    key: str  # among those of a run; a file's name
    text: str  # one line, without the run's name; nothing in it can drive a terminal
    attempt: int
    step: int


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt at a run came to its end."""

    state: RunEnding
    kind: RunKind
    attempt: int
    step: int
    reason: str  # one line, or empty

    def alert(self) -> Alert:
        text = self.state if self.kind == "evaluation" else f"{self.state} at step {self.step:,}"
        if self.reason:
            text = f"{text}: {self.reason}"
        key = f"end-{self.attempt:04d}-{self.state}"
        return Alert(key=key, text=text, attempt=self.attempt, step=self.step)


class Rules:
    """The rules of a config; remembers which of them have been broken, and is silent about these."""

    def __init__(self, config: RunConfig) -> None:
        self._alerts = config.alerts
        self._trains = config.kind == "training"
        self._bounds: dict[str, list[tuple[str, MetricBound]]] = {}  # by metric: (key, bound)
        for number, text in enumerate(config.alerts.bounds, start=1):
            bound = parse_metric_bound(text)
            self._bounds.setdefault(bound.metric, []).append((f"bound-{number}", bound))
        self._broken: set[str] = set()

    def after(self, event: AnyEvent | Outline, state: RunState) -> Iterator[Alert]:
        """Alerts of an event that ``state`` has taken in."""
        if isinstance(event, StepColumns):
            yield from self._of_steps(event, state)
        elif isinstance(event, EvalFinished):
            yield from self._of_evaluation(event, state)

    def without_progress(self, state: RunState, silent_seconds: float) -> Iterator[Alert]:
        """Of a live attempt that has not written to its log for ``silent_seconds``."""
        limit = 60 * self._alerts.no_progress_minutes
        idle = state.progress_age + silent_seconds
        if limit and idle > limit and state.phase not in _SILENT_PHASES:
            yield from self._once(f"no-progress-{state.attempt:04d}", f"no progress for {idle / 60:.1f} minutes", state)

    def _of_steps(self, event: StepColumns, state: RunState) -> Iterator[Alert]:
        if self._are_harmless(event.loss):
            return
        for step, number in enumerate(event.loss, start=event.first_step):
            loss = from_number(number)
            if math.isfinite(loss):
                yield from self._beyond(LOSS, None, loss, state, step)
            elif self._alerts.loss_not_finite:
                yield from self._once("loss-not-finite", f"loss is {loss} at step {step:,}", state, step)

    def _are_harmless(self, losses: Sequence[Number]) -> bool:
        """Whether a glance at them, which costs less than a look at each, shows that they break nothing."""
        numbers = [number for number in losses if not isinstance(number, str)]
        if not numbers or len(numbers) < len(losses):
            return not losses
        bounds = self._bounds.get(LOSS, ())
        return not any(bound.is_crossed_by(max(numbers) if bound.above else min(numbers)) for _, bound in bounds)

    def _of_evaluation(self, event: EvalFinished, state: RunState) -> Iterator[Alert]:
        if self._trains and event.step == 0:
            return  # an untrained model is beyond most bounds
        for metric in self._bounds.keys() - {LOSS}:
            value = event.result.value_of(metric)
            if value is not None:
                yield from self._beyond(metric, event.benchmark, value, state, event.step)

    def _beyond(self, metric: str, benchmark: str | None, value: float, state: RunState, step: int) -> Iterator[Alert]:
        for key, bound in self._bounds.get(metric, ()):
            if bound.benchmark in (None, benchmark) and bound.is_crossed_by(value):
                on = "" if benchmark is None else f" on {visible(benchmark)}"
                at = f" at step {step:,}" if self._trains else ""
                yield from self._once(key, f"{metric} is {value:.6g}{on}{at}, beyond {bound.text()}", state, step)

    def _once(self, key: str, text: str, state: RunState, step: int | None = None) -> Iterator[Alert]:
        if key not in self._broken:
            self._broken.add(key)
            yield Alert(key=key, text=text, attempt=state.attempt, step=state.step if step is None else step)


def rule_lines(config: RunConfig) -> list[str]:
    """The rules of a config in words."""
    alerts = config.alerts
    lines = ["the first loss that is not finite"] if alerts.loss_not_finite and config.kind == "training" else []
    if alerts.no_progress_minutes:
        lines.append(f"no progress for {alerts.no_progress_minutes:g} minutes")
    lines += [parse_metric_bound(text).text() for text in alerts.bounds]
    if alerts.ends:
        lines.append("the run is " + ", ".join(alerts.ends))
    return lines


def ending_before(event: RunResumed, state: RunState) -> Ending | None:
    """How the attempt before ``event`` had ended, by the ``state`` that has not taken it in yet.

    None: that attempt only evaluated, and a run's end is that of its training.
    """
    if not state.started or state.only_evaluates:
        return None
    return _ending(state, state.phase if state.phase in FINAL_PHASES else "crashed", state.attempt, _DEAD, event.t)


def ending_now(state: RunState, liveness: Liveness, now: float, words: Sequence[str] = ()) -> Ending | None:
    """How the run has ended as it stands; None: it is at work, or its last process only evaluated.

    ``words``: what its worker said last.
    """
    if liveness.alive is not False:
        return None
    attempt = max(state.attempt, 0 if liveness.owner is None else liveness.owner.attempt)
    if state.only_evaluates and attempt == state.attempt:
        return None
    return _ending(state, shown_state(state, liveness, now), attempt, liveness, now, words)


def _ending(
    state: RunState, shown: str, attempt: int, liveness: Liveness, now: float, words: Sequence[str] = ()
) -> Ending:
    why = visible(reason(state, liveness, now, words))
    ending = msgspec.convert(shown, RunEnding)
    return Ending(state=ending, kind=state.kind, attempt=attempt, step=state.step, reason=why)
