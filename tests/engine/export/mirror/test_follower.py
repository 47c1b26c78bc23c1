"""A mirror hands every row over once, whatever becomes of mirrors before it, and begins anew where points went back."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from mirror_cases import interrupted, measured_anew, mirror, resumed, same, timeline

from engine import events
from engine.config import AlertsConfig, HooksConfig
from engine.config_error import ConfigError
from engine.export.mirror.follower import Mirror, describe
from engine.export.mirror.tracker import Description, Opened, Row, TrackerError
from engine.runs.folder import read_spec
from engine.runs.state import Note


class Shelf:
    """A tracker that only ever appends, and cannot say what it has; its runs are lists."""

    destination = "shelf"

    def __init__(self, runs: dict[str, list[Row]], confirms: bool = True) -> None:
        self.runs = runs
        self.confirms = confirms
        self.room = 10**9  # rows that it takes before it fails
        self.told: list[tuple[int, str]] = []  # step and state
        self.lines: list[str] = []
        self.discarded: list[str] = []
        self.closed: list[str] = []
        self._name = ""

    def open(self, run: Description, name: str, opened_before: str) -> Opened:
        self._name = name
        self.runs.setdefault(name, [])
        return Opened(name, None, name)

    def write(self, rows: Sequence[Row], first: int) -> None:
        assert first == len(self.runs[self._name])
        taken = rows[: self.room]
        self.runs[self._name] += taken
        self.room -= len(taken)
        if len(taken) < len(rows):
            raise TrackerError("the shelf is full")

    def tell(self, notes: Sequence[Note], noted: int, step: int, state: str) -> None:
        self.lines += [note.text for note in notes if note.seq > noted]
        self.told.append((step, state))

    def flush(self) -> bool:
        return self.confirms

    def close(self, state: str, ended: float) -> None:
        self.closed.append(state)

    def discard(self, opened_before: str) -> None:
        self.discarded.append(opened_before)
        del self.runs[opened_before]

    def by_name(self, name: str) -> dict[str, dict[int, float]]:
        table: dict[str, dict[int, float]] = {}
        for row in self.runs[name]:
            for quantity, value in row.values.items():
                assert row.step not in table.get(quantity, {}), "a point twice"
                table.setdefault(quantity, {})[row.step] = value
        return table


def assert_whole(shelf: Shelf, run: str, folder) -> None:
    table = shelf.by_name(run)
    for name, points in timeline(folder).items():
        assert same(table[name], points), name


@pytest.fixture
def shelf() -> Shelf:
    return Shelf({})


def test_a_live_run_that_went_back_ends_as_one_whole_timeline(tmp_path: Path, shelf: Shelf) -> None:
    writer = interrupted(tmp_path)
    run = writer.folder.id
    followed = Mirror(writer.folder, "shelf", shelf)
    assert not followed.look()
    assert shelf.told == [(250, followed.state)]
    assert_whole(shelf, run, writer.folder)
    writer.steps(251, 260)
    assert not followed.look()
    assert_whole(shelf, run, writer.folder)
    resumed(writer)
    assert followed.look()
    followed.close()
    assert (shelf.discarded, list(shelf.runs)) == ([run], [f"{run}-2"])
    assert_whole(shelf, f"{run}-2", writer.folder)
    assert shelf.closed[-1] == "finished"
    assert shelf.told[-1] == (400, "finished")


def test_mirrored_again_writes_what_is_new(tmp_path: Path, shelf: Shelf) -> None:
    writer = interrupted(tmp_path)
    first = mirror(writer.folder, "shelf", shelf)
    assert mirror(writer.folder, "shelf", shelf).rows == 0
    writer.steps(251, 255)
    assert mirror(writer.folder, "shelf", shelf).rows == 5
    writer.die()
    assert first.rows + 5 == len(shelf.runs[writer.folder.id])
    assert len(shelf.lines) == len(set(shelf.lines)) > 3
    assert_whole(shelf, writer.folder.id, writer.folder)


def test_points_that_went_back_between_two_mirrors(tmp_path: Path, shelf: Shelf) -> None:
    writer = interrupted(tmp_path)
    mirror(writer.folder, "shelf", shelf)
    resumed(writer)
    mirror(writer.folder, "shelf", shelf)
    measured_anew(writer, 400, 0.2)
    mirror(writer.folder, "shelf", shelf)
    run = writer.folder.id
    assert (shelf.discarded, list(shelf.runs)) == ([run, f"{run}-2"], [f"{run}-3"])
    assert_whole(shelf, f"{run}-3", writer.folder)


@pytest.mark.parametrize("room", [0, 100, 600])
def test_a_mirror_that_died_while_it_handed_over(tmp_path: Path, room: int) -> None:
    """Nobody knows how many of the rows arrived: the run is written anew, and the torn one is discarded."""
    shelf = Shelf({})
    shelf.room = room
    writer = interrupted(tmp_path, max_steps=2000).steps(251, 900).die()
    with pytest.raises(TrackerError, match="full"):
        mirror(writer.folder, "shelf", shelf)
    torn = list(shelf.runs)
    shelf.room = 10**9
    mirror(writer.folder, "shelf", shelf)
    assert shelf.discarded == torn
    (run,) = shelf.runs
    assert_whole(shelf, run, writer.folder)


@pytest.mark.parametrize("confirms", [True, False])
def test_a_mirror_that_was_killed_between_two_looks(tmp_path: Path, confirms: bool) -> None:
    """What has arrived for certain is not written again; where only a proper end says so, all is."""
    shelf = Shelf({}, confirms)
    writer = interrupted(tmp_path).die()
    killed = Mirror(writer.folder, "shelf", shelf)
    killed.look()
    killed._ledger.close()  # as the end of its process does
    again = mirror(writer.folder, "shelf", shelf)
    assert (again.rows == 0, bool(shelf.discarded)) == (confirms, not confirms)
    (run,) = shelf.runs
    assert_whole(shelf, run, writer.folder)
    assert mirror(writer.folder, "shelf", shelf).rows == 0


def test_two_at_a_time_are_refused(tmp_path: Path, shelf: Shelf) -> None:
    writer = interrupted(tmp_path).die()
    with contextlib.closing(Mirror(writer.folder, "shelf", shelf)):
        with pytest.raises(ConfigError, match="is being mirrored to shelf by another process"):
            Mirror(writer.folder, "shelf", shelf)
        with contextlib.closing(Mirror(writer.folder, "other", shelf)):
            pass
    mirror(writer.folder, "shelf", shelf)


def test_a_run_that_pauses_has_ended_unless_it_is_to_be_waited_for(tmp_path: Path, shelf: Shelf) -> None:
    writer = interrupted(tmp_path).saved(250).add(events.RunPaused(step=250)).die()
    with contextlib.closing(Mirror(writer.folder, "shelf", shelf)) as followed:
        assert not followed.look(across_pauses=True)
        assert followed.look()
        writer.add(events.RunFinished(step=250, seconds=1.0))
        assert followed.look(across_pauses=True)


def test_a_run_that_vanishes_is_an_error_in_one_line(tmp_path: Path, shelf: Shelf) -> None:
    writer = interrupted(tmp_path)
    with contextlib.closing(Mirror(writer.folder, "shelf", shelf)) as followed:
        followed.look()
        writer.die()
        writer.folder.path.rename(tmp_path / "elsewhere")
        with pytest.raises(TrackerError, match="the run is not there any more"):
            followed.look()


def test_a_log_that_was_replaced_is_an_error(tmp_path: Path, shelf: Shelf) -> None:
    writer = interrupted(tmp_path).die()
    with contextlib.closing(Mirror(writer.folder, "shelf", shelf)) as followed:
        followed.look()
        copy = tmp_path / "copy"
        copy.write_bytes(writer.folder.events.read_bytes())
        copy.replace(writer.folder.events)
        with pytest.raises(TrackerError, match="replaced while it was read"):
            followed.look()


def test_the_run_folder_is_only_read(tmp_path: Path, shelf: Shelf) -> None:
    writer = resumed(interrupted(tmp_path))

    def content() -> dict[str, tuple[int, bytes]]:
        files = [path for path in writer.folder.path.rglob("*") if path.is_file()]
        return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = content()
    mirror(writer.folder, "shelf", shelf)
    assert content() == before


def test_a_description_has_config_and_origin(tmp_path: Path, shelf: Shelf) -> None:
    writer = interrupted(tmp_path).die()
    description = describe(writer.folder, read_spec(writer.folder))
    settings = description.settings()
    assert settings["optimizer.learning_rate"] == 1e-3
    assert settings["evaluation.benchmarks"] == '["cldr"]'
    assert msgspec.json.decode(str(settings["sources"]))[0]["kind"] == "cldr"
    assert description.facts["host"] == "gpu-box"
    assert description.facts["name"] == "run"


def test_whom_a_run_tells_stays_on_this_machine(tmp_path: Path) -> None:
    """A tracker may be anybody's server, and a command or an address may hold a password."""
    hooks, alerts = HooksConfig(on_end="notify --token s3cret"), AlertsConfig(targets=("file://s3cret",))
    writer = interrupted(tmp_path, hooks=hooks, alerts=alerts).die()
    assert b"s3cret" in writer.folder.spec.read_bytes()
    assert "s3cret" not in repr(describe(writer.folder, read_spec(writer.folder)))
