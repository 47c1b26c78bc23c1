"""What W&B keeps of a run offline, read from its own file."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb
from mirror_cases import interrupted, mirror, resumed, same, timeline
from wandb.proto.wandb_internal_pb2 import Record

from engine import events
from engine.export.mirror.follower import Mirror
from engine.export.mirror.wandb_tracker import WandbTracker

HEADER, BLOCK = 7, 32 * 1024  # bytes; a file is blocks of records, as LevelDB's log is
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb.teardown()  # it reads the environment once
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


@pytest.fixture
def writer(tmp_path: Path):
    writer = interrupted(tmp_path / "runs")
    yield writer
    writer.die()


def records(path: Path) -> Iterator[Record]:
    data = path.read_bytes()
    assert data[:4] == b":W&B"
    place, parts = HEADER, b""
    while place + HEADER <= len(data):
        left = BLOCK - place % BLOCK
        if left < HEADER:
            place += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        part = data[place + HEADER : place + HEADER + length]
        place += HEADER + length
        parts = part if kind in (WHOLE, FIRST) else parts + part
        if kind in (WHOLE, LAST):
            record = Record()
            record.ParseFromString(parts)
            yield record


class Kept:
    """One offline run."""

    def __init__(self, out: Path, run: str) -> None:
        wandb.teardown()  # waits until W&B's own process has written everything
        (self.folder,) = (out / "wandb").glob(f"offline-run-*-{run}")
        found = list(records(self.folder / f"run-{run}.wandb"))
        (self.run,) = (record.run for record in found if record.HasField("run"))
        self.rows = [
            {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
            for record in found
            if record.HasField("history")
        ]
        self.exit_codes = [record.exit.exit_code for record in found if record.HasField("exit")]
        self.summary = {
            item.key or item.nested_key[0]: json.loads(item.value_json)
            for record in found
            if record.HasField("summary")
            for item in record.summary.update
        }

    def points(self, name: str) -> dict[int, float]:
        values = [(row["step"], float(row[name])) for row in self.rows if name in row]
        assert len(dict(values)) == len(values), "a point twice"
        return dict(values)


def assert_whole(kept: Kept, folder) -> None:
    for name, points in timeline(folder).items():
        assert same(kept.points(name), points), name


def test_a_finished_run_is_read_back(tmp_path: Path, writer) -> None:
    resumed(writer)
    mirror(writer.folder, "wandb", WandbTracker(tmp_path / "out", "bias"))
    run = f"{writer.folder.id}-2"  # the log went back once
    kept = Kept(tmp_path / "out", run)
    assert_whole(kept, writer.folder)
    assert (kept.run.run_id, kept.run.display_name, kept.run.project) == (run, run, "bias")
    config = {item.key: json.loads(item.value_json) for item in kept.run.config.update}
    assert config["optimizer"]["learning_rate"] == 1e-3
    assert config["run"]["host"] == "gpu-box"
    assert math.isnan(kept.points("train/loss")[37])
    assert kept.rows[1]["_timestamp"] < 1_790_000_100  # of the log, not of the mirror
    assert [row["_step"] for row in kept.rows] == list(range(len(kept.rows)))
    assert kept.exit_codes == [0]
    assert "resumed from step 200" in (kept.folder / "files" / "notes.txt").read_text()


def test_a_failed_run_has_failed_there_too(tmp_path: Path, writer) -> None:
    writer.add(events.RunFailed(error="out of memory", last_lines=[])).die()
    mirror(writer.folder, "wandb", WandbTracker(tmp_path / "out", "bias"))
    kept = Kept(tmp_path / "out", writer.folder.id)
    assert kept.exit_codes == [1]
    assert kept.summary["state"] == "failed"


def test_mirrored_again_there_is_one_folder(tmp_path: Path, writer) -> None:
    mirror(writer.folder, "wandb", WandbTracker(tmp_path / "out", "bias"))
    before = Kept(tmp_path / "out", writer.folder.id).folder
    writer.steps(251, 260)
    mirror(writer.folder, "wandb", WandbTracker(tmp_path / "out", "bias"))
    assert_whole(Kept(tmp_path / "out", writer.folder.id), writer.folder)
    assert not before.exists()


def test_steps_that_went_back_while_the_mirror_looked_on(tmp_path: Path, writer) -> None:
    followed = Mirror(writer.folder, "wandb", WandbTracker(tmp_path / "out", "bias"))
    followed.look()
    resumed(writer)
    assert followed.look()
    followed.close()
    assert_whole(Kept(tmp_path / "out", f"{writer.folder.id}-2"), writer.folder)
    assert list((tmp_path / "out" / "wandb").glob(f"offline-run-*-{writer.folder.id}")) == []
