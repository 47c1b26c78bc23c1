"""Runs that can be compared: logs as the factory writes them, and real results of random embeddings beside them."""

from __future__ import annotations

import sys
from pathlib import Path

from engine import events
from engine.evaluation.results import Evaluation, write_results

sys.path.append(str(Path(__file__).parents[1] / "engine" / "export"))
from export_cases import make_evaluation
from runs_factory import START, RunWriter, run_config

NOISE = {"mono": 1.6, "hybrid": 0.7, "cross": 1.55}
CONDITIONS = (("mono", 0), ("mono", 1), ("hybrid", 0), ("hybrid", 1), ("cross", 0))
_made: dict[tuple[str, int], Evaluation] = {}


def comparable(home: Path, benchmark: str = "cldr") -> list[RunWriter]:
    """Two seeds of mono and of hybrid, one of cross, started in this order."""
    writers = []
    for number, (mode, seed) in enumerate(CONDITIONS):
        config = run_config(f"cldr-{mode}", mode, seed=seed)
        writer = RunWriter(home, f"cldr-{mode}-s{seed}", config, created=START - 1000 + 100 * number)
        writer.started().evaluated(0).steps(1, 200).evaluated(200).steps(201, 400).evaluated(400)
        writer.add(events.RunFinished(step=400, seconds=34.2))
        write_results(evaluation(mode, seed), writer.folder.results / "step-000400" / benchmark)
        writers.append(writer)
    return writers


def with_two_benchmarks(home: Path) -> list[RunWriter]:
    """The same, with the results of cldr under the name of xquad-r as well."""
    writers = comparable(home)
    for writer, (mode, seed) in zip(writers, CONDITIONS, strict=True):
        writer.evaluated(400, benchmark="xquad-r")
        write_results(evaluation(mode, seed), writer.folder.results / "step-000400" / "xquad-r")
    return writers


def evaluation(mode: str, seed: int) -> Evaluation:
    if (mode, seed) not in _made:
        _made[mode, seed] = make_evaluation(seed, NOISE[mode], facts=60, clusters=24)
    return _made[mode, seed]
