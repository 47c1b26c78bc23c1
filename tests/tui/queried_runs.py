"""Runs with logs and results that tell of the same evaluations, on a small benchmark in three languages."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
from runs_factory import RunWriter, run_config

from engine import events
from engine.config import EvaluationConfig
from engine.data.sources import load_benchmark
from engine.evaluation.results import write_results

sys.path.append(str(Path(__file__).parents[1] / "engine" / "export"))
from query_cases import own_evaluation, write_benchmark

BENCHMARK = "own/small"


def queried(home: Path, name: str, seed: int = 0, steps: tuple[int, ...] = (0, 200, 400)) -> RunWriter:
    """A finished run, evaluated at ``steps``; its data lie in a folder beside the home."""
    data = write_benchmark(home.parent / "data")
    benchmark = load_benchmark(f"{BENCHMARK}={data}")
    config = msgspec.structs.replace(
        run_config(name, seed=seed), evaluation=EvaluationConfig(benchmarks=(f"{BENCHMARK}={data}",), every=200)
    )
    writer = RunWriter(home, name, config).started()
    for step in steps:
        evaluation = own_evaluation(benchmark, seed * 1000 + step)
        write_results(evaluation, writer.folder.results / f"step-{step:06d}" / BENCHMARK)
        writer.add(events.EvalFinished(benchmark=BENCHMARK, step=step, seconds=1.9, result=evaluation.result))
        if step < 400:
            writer.steps(step + 1, step + 200)
    return writer.add(events.RunFinished(step=400, seconds=34.2))
