"""How long a run takes, as a former run tells."""

from __future__ import annotations

from dataclasses import dataclass

from engine.benchmark_names import parse_benchmark
from engine.config import RunConfig
from engine.runs.state import RunState
from tui.numbers import duration


@dataclass(frozen=True)
class Figure:
    """A number, or why there is none; ``unsure``: more or less, ``at_least``: no less."""

    value: float | None
    note: str = ""
    unsure: bool = False
    at_least: bool = False


def left_text(seconds: float, may_end_early: bool = False) -> str:
    """How long something still takes, as every screen and ``status`` say it; early stopping may end it sooner."""
    return f"{'at most ' if may_end_early else ''}~{duration(seconds)} left"


def evaluations_of(config: RunConfig) -> int:
    """How often a run evaluates: at the start, every so many steps, and at the end."""
    evaluation, steps = config.evaluation, config.optimizer.max_steps
    if not evaluation.benchmarks:
        return 0
    return int(evaluation.at_start) + (-(-steps // evaluation.every) if evaluation.every else 1)


def run_seconds(config: RunConfig, state: RunState, runs: int = 1, scale: float = 1.0) -> Figure:
    """Of ``runs`` runs, training and evaluations, by the ``state`` of a former run.

    ``scale``: pairs of a step, as a multiple of the former run's.
    """
    if state.seconds_per_step is None:
        return Figure(None, "the former run did not tell")
    training = config.optimizer.max_steps * state.seconds_per_step * scale
    times = evaluations_of(config)
    evaluating, unknown = 0.0, []
    for spec in config.evaluation.benchmarks:
        key = parse_benchmark(spec)[0]
        took = [point.seconds for point in state.evaluations if point.benchmark == key]
        if took:
            evaluating += times * sum(took) / len(took)
        else:
            unknown.append(key)
    note = f"without evaluating on {', '.join(unknown)}" if unknown and times else ""
    return Figure(runs * (training + evaluating), note, unsure=True, at_least=bool(note))
