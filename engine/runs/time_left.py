"""How long a run still takes: steps, evaluations and checkpoints, each at what it has cost so far."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from engine.benchmark_names import parse_benchmark_key
from engine.config import RunConfig
from engine.runs.state import FINAL_PHASES, RunState

_NOTHING: Mapping[str, float] = MappingProxyType({})


def seconds_left(state: RunState, config: RunConfig, elsewhere: Mapping[str, float] = _NOTHING) -> float | None:
    """More or less; None before the first steps, after the end, and of an evaluation. Early stopping may cut it short.

    Args:
        elsewhere: seconds of an evaluation by benchmark, as other runs have measured them, for benchmarks that this
            run has not evaluated on yet. One that is in neither takes as long as the mean of the others.
    """
    if state.seconds_per_step is None or state.phase in FINAL_PHASES or config.kind == "evaluation":
        return None
    keys = [parse_benchmark_key(key) for key in config.evaluation.benchmarks]
    costs = _costs(state, keys, elsewhere)
    steps = max(0, config.optimizer.max_steps - state.step) * state.seconds_per_step
    evaluations = evaluations_after(config, state.step) * sum(costs.values())
    under_way = sum(costs[key] for key in not_measured(config, state)) if state.phase == "evaluating" else 0.0
    return steps + evaluations + under_way + _checkpoints_after(config, state.step) * _checkpoint_seconds(state)


def may_end_early(config: RunConfig) -> bool:
    """Whether training ends before its last step where validation stops improving."""
    return config.evaluation.select == "best" and config.evaluation.patience > 0


def evaluations_after(config: RunConfig, step: int) -> int:
    """How many evaluations come after that step; the one at the step itself is not counted."""
    steps, every = config.optimizer.max_steps, config.evaluation.every
    if not config.evaluation.benchmarks or step >= steps:
        return 0
    return -(-steps // every) - step // every if every else 1


def not_measured(config: RunConfig, state: RunState) -> list[str]:
    """Benchmarks of the config without a value at the present step."""
    measured = {point.benchmark for point in state.evaluations if point.step == state.step}
    keys = map(parse_benchmark_key, config.evaluation.benchmarks)
    return [key for key in keys if key not in measured]


def _costs(state: RunState, keys: list[str], elsewhere: Mapping[str, float]) -> dict[str, float]:
    costs: dict[str, float | None] = {}
    for key in keys:
        own = [point.seconds for point in state.evaluations if point.benchmark == key]
        costs[key] = sum(own) / len(own) if own else elsewhere.get(key)
    known = [seconds for seconds in costs.values() if seconds is not None]
    usual = sum(known) / len(known) if known else 0.0
    return {key: usual if seconds is None else seconds for key, seconds in costs.items()}


def _checkpoints_after(config: RunConfig, step: int) -> int:
    """Those every so many steps, and the one at the end."""
    steps, every = config.optimizer.max_steps, config.checkpoint.every
    if step >= steps:
        return 0
    return -(-steps // every) - step // every if every else 1


def _checkpoint_seconds(state: RunState) -> float:
    return state.checkpoint_seconds / state.checkpoints if state.checkpoints else 0.0
