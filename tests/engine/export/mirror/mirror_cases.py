"""Runs that trackers are tested with, and what of them a tracker must have."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path

from engine import events
from engine.events import RunResumed
from engine.export.mirror.follower import Mirror
from engine.export.mirror.tracker import Tracker
from engine.runs.folder import RunFolder
from engine.runs.reader import RunReader

sys.path.append(str(Path(__file__).parents[3] / "tui"))
from runs_factory import RunWriter, evaluation_result, run_config


def mirror(folder: RunFolder, name: str, tracker: Tracker) -> Mirror:
    """Writes what there is now, as ``mirror --once`` does."""
    mirrored = Mirror(folder, name, tracker)
    try:
        mirrored.look()
    finally:
        mirrored.close()
    return mirrored


def interrupted(home: Path, name: str = "run", **other: object) -> RunWriter:
    """A live run 50 steps past its checkpoint of step 200, with an evaluation and validations; NaN at step 37."""
    writer = RunWriter(home, name, run_config(name, **other))  # type: ignore[arg-type]
    writer.live().started().evaluated(0).steps(1, 200, nan_at=37).evaluated(200).saved(200)
    writer.add(validation(200, 0.9)).steps(201, 240)
    return writer.add(validation(240, math.inf)).steps(241, 250)


def resumed(writer: RunWriter) -> RunWriter:
    """The same run after a crash: it went on from the checkpoint, learned other things, and is finished."""
    writer.die()
    writer.attempt = 2
    writer.config = run_config(writer.config.name, seed=5)
    writer.add(RunResumed(from_step=200, host="gpu-box", pid=4243)).steps(201, 300).add(validation(300, 0.7))
    writer.steps(301, 400).evaluated(400).saved(400)
    return writer.add(events.RunFinished(step=400, seconds=34.2))


def validation(step: int, value: float) -> events.Validation:
    return events.Validation(
        step=step, measure="own/dev map_multilingual", value=events.to_number(value), best_step=200, best_value=0.9,
        since_best=0,
    )  # fmt: skip


def measured_anew(writer: RunWriter, step: int, progress: float) -> RunWriter:
    """Another value for an evaluation that the log has already."""
    result = evaluation_result(progress)
    return writer.add(events.EvalFinished(benchmark="cldr", step=step, seconds=1.0, result=result))


def timeline(folder: RunFolder) -> dict[str, dict[int, float]]:
    """By name and step, as the readers of the screen have it: losses, rates, one metric, validations."""
    reader = RunReader(folder, series=True)
    reader.poll()
    series = reader.series
    assert series is not None
    points = reader.state.evaluations
    return {
        "train/loss": dict(enumerate(series.loss, start=1)),
        "train/learning_rate": dict(enumerate(series.lr, start=1)),
        "eval/cldr/map_monolingual": {point.step: metric(point.result.metrics) for point in points},
        "validation/own/dev/map_multilingual": {
            point.step: events.from_number(point.value) for point in reader.state.validations
        },
    }


def metric(metrics: Mapping[str, float | None]) -> float:
    value = metrics["map_monolingual"]
    assert value is not None
    return value


def same(left: Mapping[int, float], right: Mapping[int, float], digits: float = 0.0) -> bool:
    """Equal steps, and values equal but for rounding; NaN equals NaN."""
    return left.keys() == right.keys() and all(
        (math.isnan(value) and math.isnan(right[step]))
        or value == right[step]
        or math.isclose(value, right[step], rel_tol=digits)
        for step, value in left.items()
    )
