"""Run folders that earlier releases wrote must open: one small finished run of each is kept."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from engine.runs.folder import RunFolder, read_spec
from engine.runs.reader import RunReader
from engine.runs.registry import list_runs
from engine.runs.status import status_of

RELEASES = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "runs").iterdir())


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_run_of_the_release_opens_whole(release: Path) -> None:
    (folder,) = list_runs(release)
    assert read_spec(folder).config.name == "small"
    reader = RunReader(folder, series=True)
    status = status_of(reader)
    assert (status.state, status.step, status.max_steps, status.mode) == ("finished", 6, 6, "hybrid")
    assert status.metrics["cldr"]["map_monolingual"] == 0.75
    assert status.error is None
    assert reader.skipped == 0
    assert [point.step for point in reader.state.evaluations] == [0, 6]
    assert reader.series is not None
    losses = list(reader.series.loss)
    assert math.isnan(losses.pop(3))
    assert losses == [2.5, 2.25, 2.0, 1.5, 1.25]
    assert reader.state.non_finite_steps == 1
    assert not RunFolder(folder.path).lock.exists(), "looking at a run writes nothing"
