"""Which runs of a study are left, and when they will be done; what no run has told yet is not made up."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from engine.benchmark_names import parse_benchmark_key
from engine.config import RunConfig
from engine.runs.state import RunState
from engine.runs.time_left import evaluations_after, seconds_left
from tui.follow.rows import RunRow
from tui.follow.run_time import run_seconds

WAITING = ("paused", "stopped", "crashed", "failed")  # until a person does something

Known = tuple[RunRow, RunConfig, RunState, str]  # and its condition


@dataclass(frozen=True)
class RunLeft:
    """``done_in``: seconds until it will be done, with those before it in the queue; None where nobody can tell."""

    row: RunRow
    condition: str
    done_in: float | None


@dataclass(frozen=True)
class TimeLeft:
    """``runs``: what lives, then the queue in its order, then what waits for a person."""

    runs: tuple[RunLeft, ...] = ()
    total: int = 0  # runs of the study
    states: Mapping[str, int] | None = None  # of those that are left

    @property
    def done(self) -> int:
        return self.total - len(self.runs)

    @property
    def going(self) -> tuple[RunLeft, ...]:
        """Those that will be done by themselves."""
        return tuple(run for run in self.runs if run.row.state not in WAITING)

    @property
    def waiting(self) -> tuple[RunLeft, ...]:
        return tuple(run for run in self.runs if run.row.state in WAITING)

    @property
    def seconds(self) -> float | None:
        """Until the last of those that go on is done; None where it is not known of one of them."""
        times = [run.done_in for run in self.going]
        known = [time for time in times if time is not None]
        return max(known, default=0.0) if len(known) == len(times) else None


def time_left(runs: Sequence[Known]) -> TimeLeft:
    """``runs`` in the order in which they were started: that of the queue.

    Runs take the devices one after another: there are as many at once as there are now.
    """
    left = [run for run in runs if run[0].state != "finished"]
    going = [run for run in left if run[0].state not in WAITING]
    on_device = [run for run in going if run[0].state != "queued"]
    done_in: dict[str, float | None] = {row.id: _seconds_left(row, config, state, condition, runs)
                                        for row, config, state, condition in on_device}  # fmt: skip
    free = [seconds for row, *_ in on_device if (seconds := done_in[row.id]) is not None] or [0.0]
    heapq.heapify(free)
    unknown = any(seconds is None for seconds in done_in.values())
    queue = [run for run in going if run[0].state == "queued"]
    for row, config, state, condition in queue:
        seconds = _seconds_left(row, config, state, condition, runs)
        unknown = unknown or seconds is None
        done_in[row.id] = None if unknown or seconds is None else free[0] + seconds
        if seconds is not None:
            heapq.heapreplace(free, free[0] + seconds)
    waiting = [run for run in left if run[0].state in WAITING]
    return TimeLeft(
        tuple(RunLeft(row, condition, done_in.get(row.id)) for row, _, _, condition in (*on_device, *queue, *waiting)),
        len(runs),
        Counter(row.state for row, *_ in left),
    )


def _seconds_left(
    row: RunRow, config: RunConfig, state: RunState, condition: str, runs: Sequence[Known]
) -> float | None:
    """At its own pace, or at that of the run of the study that is most like it. A stalled run has none."""
    if row.state == "stalled":
        return None
    if config.kind == "evaluation":
        return _evaluations_left(_keys(config)[len(row.evaluated) :], runs)
    if state.seconds_per_step is None:
        like = _most_like(condition, config, runs)
        if like is None:
            return None
        whole = run_seconds(config, like)
        # A run that was resumed has part of its steps behind it.
        return None if whole.value is None or whole.at_least else whole.value * _share_left(state.step, config)
    if row.state == "evaluating" or evaluations_after(config, state.step):
        costs = {key: _evaluations_left([key], runs) for key in _keys(config)}
        if None in costs.values():
            return None
        return seconds_left(state, config, {key: cost for key, cost in costs.items() if cost is not None})
    return seconds_left(state, config)


def _keys(config: RunConfig) -> list[str]:
    return [parse_benchmark_key(key) for key in config.evaluation.benchmarks]


def _share_left(step: int, config: RunConfig) -> float:
    return max(0.0, 1.0 - step / config.optimizer.max_steps)


def _evaluations_left(keys: Sequence[str], runs: Sequence[Known]) -> float | None:
    """Seconds of one evaluation on each of ``keys``; None where a benchmark was never measured in the study."""
    seconds = 0.0
    for key in keys:
        took = [point.seconds for _, _, state, _ in runs for point in state.evaluations if point.benchmark == key]
        if not took:
            return None
        seconds += fmean(took)
    return seconds


def _most_like(condition: str, config: RunConfig, runs: Sequence[Known]) -> RunState | None:
    """Of its condition where there is one, of the same model and batch size, the one that is furthest."""
    fitting = [
        (other == condition, state.step, state)
        for _, former, state, other in runs
        if state.seconds_per_step is not None
        and former.model.name == config.model.name
        and former.batch.size == config.batch.size
    ]
    return max(fitting, key=lambda found: found[:2])[2] if fitting else None
