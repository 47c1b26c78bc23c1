"""MLflow in a database of this machine, and Trackio: what they have of a run. Both are skipped where they are missing.

The packages are no part of ``dev``: they are large, and Trackio wants an older pillow than we test with.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest
from mirror_cases import interrupted, mirror, resumed, same, timeline

from engine.export.mirror.follower import Mirror


@pytest.fixture
def writer(tmp_path: Path):
    writer = interrupted(tmp_path / "runs")
    yield writer
    writer.die()


def mlflow_points(out: Path, name: str) -> dict[str, dict[int, float]]:
    client = pytest.importorskip("mlflow").MlflowClient(tracking_uri=f"sqlite:///{out}/mlflow.db")
    experiment = client.get_experiment_by_name("bias")
    (run,) = client.search_runs([experiment.experiment_id])  # those that are not deleted
    assert run.info.run_name == name
    assert run.data.params["optimizer.learning_rate"] == "0.001"
    table = {}
    for quantity in timeline_names():
        history = client.get_metric_history(run.info.run_id, quantity)
        assert len({point.step for point in history}) == len(history), "a point twice"
        table[quantity] = {point.step: point.value for point in history}
    return table


def timeline_names() -> tuple[str, ...]:
    return ("train/loss", "train/learning_rate", "eval/cldr/map_monolingual", "validation/own/dev/map_multilingual")


def trackio_points(out: Path, name: str) -> dict[str, dict[int, float]]:
    trackio = pytest.importorskip("trackio")
    from trackio.sqlite_storage import SQLiteStorage

    (run,) = trackio.Api().runs("bias")
    assert run.name == name
    table: dict[str, dict[int, float]] = {}
    for row in SQLiteStorage.get_logs("bias", name, run_id=run.id):
        for quantity in timeline_names():
            if quantity in row:
                assert row["step"] not in table.setdefault(quantity, {}), "a point twice"
                table[quantity][row["step"]] = float(row[quantity])
    return table


def mlflow_tracker(out: Path):
    pytest.importorskip("mlflow")
    from engine.export.mirror.mlflow_tracker import MlflowTracker

    return MlflowTracker(out, "bias")


def trackio_tracker(out: Path):
    if importlib.util.find_spec("trackio") is None:  # it takes its folder from the environment when it is loaded
        pytest.skip("no trackio")
    from engine.export.mirror.trackio_tracker import TrackioTracker

    return TrackioTracker(out, "bias")


@pytest.mark.parametrize(
    ("make", "points"), [(mlflow_tracker, mlflow_points), (trackio_tracker, trackio_points)], ids=["mlflow", "trackio"]
)
def test_once_live_again_and_after_steps_went_back(make, points, tmp_path: Path, writer) -> None:
    out, folder = tmp_path / "out", writer.folder

    def assert_whole(name: str) -> None:
        table = points(out, name)
        for quantity, expected in timeline(folder).items():
            finite = {step: min(max(value, -1.8e308), 1.8e308) for step, value in expected.items()}
            largest = {step: 1.7976931348623157e308 if value == math.inf else value for step, value in finite.items()}
            assert same(table[quantity], expected) or same(table[quantity], largest), quantity

    mirror(folder, "database", make(out))
    assert_whole(folder.id)
    writer.steps(251, 260)
    assert mirror(folder, "database", make(out)).rows == 10
    assert mirror(folder, "database", make(out)).rows == 0
    assert_whole(folder.id)
    followed = Mirror(folder, "database", make(out))
    followed.look()
    resumed(writer)
    assert followed.look()
    followed.close()
    assert_whole(f"{folder.id}-2")
