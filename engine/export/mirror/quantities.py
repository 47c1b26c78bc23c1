"""From the events of a log to rows of named values."""

from __future__ import annotations

from collections.abc import Iterator

from engine.applicability import applicable
from engine.events import (
    AnyEvent,
    Device,
    EvalFinished,
    EvaluationResult,
    RunResumed,
    RunStarted,
    Step,
    Validation,
    from_number,
)
from engine.export.mirror.timeline import Timeline
from engine.export.mirror.tracker import Row

_OF_DEVICE = ("utilization", "memory_used", "power", "process_cpu", "process_memory")


class Quantities:
    """Rows of a log, event by event from its beginning; what the timeline has taken back is left out.

    The rows of one generation of the timeline are always the same, whenever they are read, and new ones come behind.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._batch_size = 0
        self._step = 0

    def rows(self, event: AnyEvent) -> Iterator[Row]:
        match event:
            case RunStarted():
                self._batch_size = event.batch_size
            case RunResumed(purpose="train"):
                self._step = event.from_step
            case Step():
                yield from self._steps(event)
            case Device():
                values = {f"device/{name}": value for name in _OF_DEVICE if (value := getattr(event, name)) is not None}
                if values and self._step <= self._timeline.last_step(event.seq):
                    yield Row(self._step, event.t, values)
            case Validation() if self._timeline.stands(event):
                name = event.measure.replace(" ", "/")
                yield Row(event.step, event.t, {f"validation/{name}": from_number(event.value)})
            case EvalFinished() if self._timeline.stands(event):
                yield Row(event.step, event.t, evaluation_values(event.benchmark, event.result))

    def _steps(self, event: Step) -> Iterator[Row]:
        if event.loss:
            self._step = event.first_step + len(event.loss) - 1
        last = self._timeline.last_step(event.seq)
        t = event.t - sum(event.seconds)
        for index in range(len(event.loss)):
            t += event.seconds[index]  # the event was written after its last update
            if event.first_step + index > last:
                break
            yield Row(event.first_step + index, t, self._step_values(event, index))

    def _step_values(self, event: Step, index: int) -> dict[str, float]:
        loss, seconds = from_number(event.loss[index]), event.seconds[index]
        values = {"train/loss": loss, f"train/loss_{event.mode[index]}": loss}
        values["train/learning_rate"] = event.lr[index]
        values["train/grad_norm"] = from_number(event.grad_norm[index])
        if event.temperature:
            values["train/temperature"] = from_number(event.temperature[index])
        values["train/masked"] = event.masked[index]
        values["train/seconds"] = seconds
        values["train/data_wait"] = event.data_wait[index]
        values["train/tokens"] = event.tokens[index]
        if event.flops:
            values["train/flops"] = event.flops[index]
        if seconds > 0:
            values["train/tokens_per_second"] = event.tokens[index] / seconds
            if self._batch_size:
                values["train/pairs_per_second"] = self._batch_size / seconds
        return values


def evaluation_values(benchmark: str, result: EvaluationResult) -> dict[str, float]:
    """Metrics, measures of bias, and measures of vectors; those that a benchmark cannot have are left out."""
    result = applicable(result)  # logs of earlier versions have measures that mean nothing
    values = {name: value for name, value in result.metrics.items() if value is not None}
    if result.bias is not None:
        values |= result.bias.measures
    for side, vectors in result.vectors.items():
        values |= {f"vectors/{side}/{name}": measure.mean for name, measure in vectors.measures.items()}
    return {f"eval/{benchmark}/{name}": value for name, value in values.items()}
