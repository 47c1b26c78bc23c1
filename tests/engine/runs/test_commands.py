"""Commands: requested -> acknowledged -> done, by file and log; never to the wrong attempt, never from strangers."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from making import config, recorded, started, steps, until, until_free, until_stepping

from engine import events
from engine.runs.commands import (
    answer,
    command_state,
    pending_commands,
    send_command,
    stop_without_worker,
    wait_for_command,
)
from engine.runs.errors import RunBusy, RunError
from engine.runs.folder import RunFolder
from engine.runs.launch import launch, resume
from engine.runs.lock import RunLock, probe
from engine.runs.log import EventLog
from engine.runs.reader import RunReader
from engine.runs.status import status_of


@pytest.fixture
def lock(folder: RunFolder) -> RunLock:
    lock = RunLock.acquire(folder)
    lock.write_owner(3)
    return lock


def reader_of(folder: RunFolder) -> RunReader:
    reader = RunReader(folder)
    reader.poll()
    return reader


def test_stages_follow_file_and_log(folder: RunFolder, lock: RunLock) -> None:
    log = EventLog.open(folder, 3)
    uuid = send_command(folder, "checkpoint")
    reader = reader_of(folder)
    assert command_state(folder, uuid, reader.state) == "requested"
    (command,) = pending_commands(folder)
    assert (command.uuid, command.command, command.attempt) == (uuid, "checkpoint", 3)
    log.append(events.CommandReceived(uuid=uuid, command="checkpoint"))
    reader.poll()
    assert command_state(folder, uuid, reader.state) == "acknowledged"
    answer(log, command, "done")
    reader.poll()
    assert command_state(folder, uuid, reader.state) == "done"
    assert pending_commands(folder) == []
    log.close()


def test_answer_stands_when_the_next_attempt_finds_the_file_again(folder: RunFolder, lock: RunLock) -> None:
    """Killed between command.done and the removal of the file: done stays done."""
    uuid = send_command(folder, "checkpoint")
    log = EventLog.open(folder, 3)
    log.append(events.CommandReceived(uuid=uuid, command="checkpoint"))
    log.append(events.CommandDone(uuid=uuid, command="checkpoint", outcome="done"))
    answer(log, pending_commands(folder)[0], "stale")
    assert command_state(folder, uuid, reader_of(folder).state) == "done"
    log.close()


def test_file_stays_when_the_answer_cannot_be_written(
    folder: RunFolder, lock: RunLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_command(folder, "pause")
    log = EventLog.open(folder, 3)
    monkeypatch.setattr(log, "append", lambda _: [])
    answer(log, pending_commands(folder)[0], "done")
    assert len(pending_commands(folder)) == 1
    log.close()


def test_commands_come_oldest_first(folder: RunFolder, lock: RunLock) -> None:
    sent = [send_command(folder, "checkpoint") for _ in range(5)]
    assert [command.uuid for command in pending_commands(folder)] == sent


def test_only_regular_files_of_the_owner_are_obeyed(folder: RunFolder, lock: RunLock, tmp_path: Path) -> None:
    good = send_command(folder, "pause")
    content = (folder.control / f"{good}.json").read_bytes()
    control = folder.control
    (tmp_path / "outside.json").write_bytes(content)
    (control / "link.json").symlink_to(tmp_path / "outside.json")
    os.mkfifo(control / "fifo.json")
    (control / "folder.json").mkdir()
    (control / "torn.json").write_bytes(content[:20])
    (control / "other-name.json").write_bytes(content)
    (control / "huge.json").write_bytes(b" " * 10_000)
    (control / ".half-written.tmp").write_bytes(content)
    if os.geteuid() == 0:
        (control / "stranger.json").write_bytes(content.replace(good.encode(), b"stranger"))
        os.chown(control / "stranger.json", 65534, 65534)
    assert [command.uuid for command in pending_commands(folder)] == [good]
    assert [path.name for path in control.glob("*.json")] == [f"{good}.json"], "the others are moved aside"
    assert (tmp_path / "outside.json").read_bytes() == content


def test_command_file_that_was_moved_aside_is_failed(folder: RunFolder, lock: RunLock) -> None:
    uuid = send_command(folder, "pause")
    (folder.control / f"{uuid}.json").write_bytes(b"torn by a disk")
    assert pending_commands(folder) == []
    assert command_state(folder, uuid, reader_of(folder).state) == "failed"


@pytest.mark.parametrize("name", ["pause", "checkpoint", "stop", "evaluate"])
def test_nothing_is_asked_of_a_run_without_a_worker(folder: RunFolder, name: events.CommandName) -> None:
    with pytest.raises(RunError, match="no live worker"):
        send_command(folder, name)
    assert list(folder.control.iterdir()) == []


def test_stop_without_a_worker_is_recorded_and_left_over_commands_are_stale(folder: RunFolder, lock: RunLock) -> None:
    log = EventLog.open(folder, 3)
    log.append(started())
    log.append(steps(1, [1.0, 2.0]))
    log.close()
    uuid = send_command(folder, "pause")
    with pytest.raises(RunBusy):
        stop_without_worker(folder)
    lock.release()
    assert status_of(RunReader(folder)).state == "crashed"
    stop_without_worker(folder)
    reader = reader_of(folder)
    assert status_of(reader).state == "stopped"
    assert command_state(folder, uuid, reader.state) == "stale"
    assert [event.seq for event in recorded(folder)] == [1, 2, 3, 4]
    stop_without_worker(folder)
    assert len(recorded(folder)) == 4, "stopped already: nothing to record"
    assert probe(folder).alive is False


def test_finished_run_cannot_be_stopped(folder: RunFolder) -> None:
    log = EventLog.open(folder, 1)
    log.append(events.RunFinished(step=1, seconds=1.0))
    log.close()
    with pytest.raises(RunError, match="already finished"):
        stop_without_worker(folder)


def test_pause_and_resume_of_a_real_process(home: Path) -> None:
    folder = launch(home, config(steps=5000))
    until_stepping(folder)
    reader = RunReader(folder)
    two = [send_command(folder, "pause"), send_command(folder, "pause")]
    assert wait_for_command(reader, two[0], timeout=20) == "done"
    assert probe(folder).alive is False
    assert status_of(reader).state == "paused"
    paused = reader.state.step
    assert reader.state.checkpoint_step == paused
    assert resume(folder) == 2
    until(lambda: status_of(reader).state == "running", "the resumed run")
    assert wait_for_command(reader, two[1], timeout=20) == "stale", "meant for the first attempt"
    first = next(event for event in recorded(folder) if isinstance(event, events.Step) and event.attempt == 2)
    assert first.first_step == paused + 1
    assert wait_for_command(reader, send_command(folder, "stop"), timeout=20) == "done"
    until_free(folder)
    assert status_of(reader).state == "stopped"
    sequence = [event.seq for event in recorded(folder)]
    assert sequence == list(range(1, len(sequence) + 1))


def test_waiting_ends_when_the_worker_is_killed(home: Path) -> None:
    folder = launch(home, config(steps=5000))
    until_stepping(folder)
    owner = probe(folder).owner
    assert owner is not None
    os.kill(owner.pid, 19)  # SIGSTOP: it will not see the command
    uuid = send_command(folder, "pause")
    assert wait_for_command(RunReader(folder), uuid, timeout=0.2) == "requested"
    os.kill(owner.pid, 9)
    assert wait_for_command(RunReader(folder), uuid) == "requested"
    assert probe(folder).alive is False


def test_command_files_are_complete_from_the_start(folder: RunFolder, lock: RunLock) -> None:
    """Temp + rename: no file with a command's name is ever a part of one."""
    uuid = send_command(folder, "stop")
    content = msgspec.json.decode((folder.control / f"{uuid}.json").read_bytes())
    assert set(content) == {"uuid", "command", "attempt", "t"}
    assert [path.name for path in folder.control.iterdir()] == [f"{uuid}.json"]
