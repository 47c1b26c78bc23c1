"""What TensorBoard reads from the files is the run, once."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from mirror_cases import interrupted, mirror, resumed, same, timeline
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.util import tensor_util

from engine import events
from engine.export.mirror.follower import Mirror
from engine.export.mirror.tensorboard_tracker import TensorBoardTracker
from engine.export.mirror.tracker import TrackerError
from engine.runs.log import EventCursor

FLOAT32 = 1e-6


def accumulator(folder: Path) -> EventAccumulator:
    read = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    read.Reload()
    return read


def scalars(read: EventAccumulator, name: str) -> dict[int, float]:
    points = read.Scalars(name)
    assert len({point.step for point in points}) == len(points), "a point twice"
    return {point.step: point.value for point in points}


def texts(read: EventAccumulator, name: str) -> list[str]:
    return [tensor_util.make_ndarray(point.tensor_proto).item().decode() for point in read.Tensors(name)]


def assert_whole(read: EventAccumulator, folder) -> None:
    for name, points in timeline(folder).items():
        assert same(scalars(read, name), points, FLOAT32), name


@pytest.fixture
def writer(tmp_path: Path):
    writer = interrupted(tmp_path / "runs")
    yield writer
    writer.die()


def test_a_finished_run_is_read_back(tmp_path: Path, writer) -> None:
    resumed(writer)
    mirrored = mirror(writer.folder, "tensorboard", TensorBoardTracker(tmp_path / "out"))
    assert mirrored.opened is not None
    assert Path(mirrored.opened.place) == tmp_path / "out" / writer.folder.id
    read = accumulator(tmp_path / "out" / writer.folder.id)
    assert_whole(read, writer.folder)
    losses = scalars(read, "train/loss")
    kinds = scalars(read, "train/loss_mono") | scalars(read, "train/loss_cross")
    assert repr(sorted(kinds.items())) == repr(sorted(losses.items()))
    assert math.isnan(losses[37])
    assert scalars(read, "validation/own/dev/map_multilingual") == {200: pytest.approx(0.9), 300: pytest.approx(0.7)}
    assert scalars(read, "eval/cldr/mrc_at_10")[400] == pytest.approx(0.52)


def test_values_have_the_times_of_the_log(tmp_path: Path, writer) -> None:
    mirror(writer.folder, "tensorboard", TensorBoardTracker(tmp_path / "out"))
    read = accumulator(tmp_path / "out" / writer.folder.id)
    last = EventCursor(writer.folder.events).poll()[-1]
    assert read.Scalars("train/loss")[-1].wall_time == pytest.approx(last.t, abs=1e-3)
    assert read.FirstEventTimestamp() == pytest.approx(1_790_000_000.0)  # when the run was made


def test_config_history_and_state_are_there(tmp_path: Path, writer) -> None:
    resumed(writer)
    mirror(writer.folder, "tensorboard", TensorBoardTracker(tmp_path / "out"))
    read = accumulator(tmp_path / "out" / writer.folder.id)
    content = read.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    parameters = metadata.parse_session_start_info_plugin_data(content).hparams
    assert parameters["optimizer.learning_rate"].number_value == 1e-3
    assert parameters["batch.mode"].string_value == "hybrid"
    assert "gpu-box" in texts(read, "run")[0]
    assert any("resumed from step 200" in text for text in texts(read, "notes"))
    assert texts(read, "state")[-1] == "finished"


def test_mirrored_again_one_file_has_the_run_and_other_files_stay(tmp_path: Path, writer) -> None:
    folder = tmp_path / "out" / writer.folder.id
    folder.mkdir(parents=True)
    foreign = folder / "events.out.tfevents.1.someone"
    foreign.write_bytes(b"")
    mirror(writer.folder, "tensorboard", TensorBoardTracker(tmp_path / "out"))
    (first,) = set(folder.iterdir()) - {foreign}
    writer.steps(251, 260)
    mirror(writer.folder, "tensorboard", TensorBoardTracker(tmp_path / "out"))
    (second,) = set(folder.iterdir()) - {foreign, first}
    assert first.stat().st_size == 0 < second.stat().st_size
    os.utime(first, (1.0, 1.0))  # emptied long ago
    mirror(writer.folder, "tensorboard", TensorBoardTracker(tmp_path / "out"))
    (third,) = set(folder.iterdir()) - {foreign, second}
    assert second.stat().st_size == 0 < third.stat().st_size
    foreign.unlink()
    assert_whole(accumulator(folder), writer.folder)


def test_an_open_tensorboard_forgets_steps_that_went_back(tmp_path: Path, writer) -> None:
    folder = tmp_path / "out" / writer.folder.id
    followed = Mirror(writer.folder, "tensorboard", TensorBoardTracker(tmp_path / "out"))
    followed.look()
    open_all_the_time = accumulator(folder)
    assert_whole(open_all_the_time, writer.folder)
    resumed(writer)
    assert followed.look()
    followed.close()
    open_all_the_time.Reload()
    assert_whole(open_all_the_time, writer.folder)
    assert_whole(accumulator(folder), writer.folder)


def test_a_mirror_that_was_killed_is_made_good_by_the_next(tmp_path: Path, writer) -> None:
    """Its file may be torn; the next one is whole."""
    mirror(writer.folder, "tensorboard", TensorBoardTracker(tmp_path / "out"))
    folder = tmp_path / "out" / writer.folder.id
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 + 3])
    mirror(writer.folder, "tensorboard", TensorBoardTracker(tmp_path / "out"))
    assert_whole(accumulator(folder), writer.folder)


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path: Path, writer) -> None:
    folder = tmp_path / "out" / writer.folder.id
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        folder.rmdir()
        folder.write_bytes(b"")  # the superuser may write anywhere, but not into a file as if it were a folder
    with pytest.raises(TrackerError, match=f"{writer.folder.id}: (File exists|Permission denied)"):
        mirror(writer.folder, "tensorboard", TensorBoardTracker(tmp_path / "out"))


def test_text_of_the_log_is_no_markup(tmp_path: Path, writer) -> None:
    writer.add(events.Warning(message="<script>alert(1)</script>\n# heading"))
    mirror(writer.folder, "tensorboard", TensorBoardTracker(tmp_path / "out"))
    (text,) = (text for text in texts(accumulator(tmp_path / "out" / writer.folder.id), "notes") if "script" in text)
    assert all(line.startswith("    ") for line in text.splitlines())
