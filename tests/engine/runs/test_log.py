"""A run's log: one writer, whole lines, numbers without gap or repeat; a reader misses nothing and repeats nothing."""

from __future__ import annotations

import errno
import math
import os
import signal
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import bare_run, python, recorded, started, steps

from engine import events
from engine.runs import log as log_module
from engine.runs.folder import RunFolder
from engine.runs.log import EventCursor, EventLog


def test_writer_fills_number_time_and_attempt(folder: RunFolder) -> None:
    log = EventLog.open(folder, attempt=3)
    before = time.time()
    assert log.append(started()) == recorded(folder)
    (event,) = recorded(folder)
    assert (event.v, event.seq, event.attempt) == (events.EVENT_VERSION, 1, 3)
    assert before <= event.t <= time.time()
    assert folder.events.stat().st_mode & 0o777 == 0o600
    assert (log.offset, log.inode) == (folder.events.stat().st_size, folder.events.stat().st_ino)
    log.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1))
def test_log_cut_anywhere_continues_without_gap_or_repeat(folder: RunFolder, share: float) -> None:
    """A kill or a power cut may leave any prefix of the bytes: reopening keeps the whole events and goes on."""
    folder.events.unlink(missing_ok=True)
    log = EventLog.open(folder, attempt=1)
    for number in range(5):
        log.append(steps(number + 1, [float(number)]))
    log.close()
    whole = folder.events.read_bytes()
    cut = round(share * len(whole))
    folder.events.write_bytes(whole[:cut])
    log = EventLog.open(folder, attempt=2)
    log.append(started())
    log.close()
    kept = whole[:cut].count(b"\n")
    found = recorded(folder)
    assert [event.seq for event in found] == list(range(1, kept + 2))
    assert folder.events.read_bytes().startswith(b"".join(whole.splitlines(keepends=True)[:kept]))


def test_garbage_lines_do_not_lose_the_numbering(folder: RunFolder) -> None:
    folder.events.write_bytes(b'{"v":1,"seq":41,"type":"of the future"}\n\x00\x00\nnot json\n')
    log = EventLog.open(folder, attempt=1)
    assert log.seq == 41
    log.close()


def test_short_write_is_cut_back_counted_and_reported(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EventLog.open(folder, attempt=1)
    log.append(started())
    size = folder.events.stat().st_size
    real = os.write
    monkeypatch.setattr(log_module.os, "write", lambda fd, data: real(fd, data[: len(data) // 2]))
    assert log.append(steps(1, [1.0])) == []
    assert folder.events.stat().st_size == size
    monkeypatch.undo()
    assert [event.seq for event in log.append(steps(2, [1.0]))] == [2, 3]
    assert log.failed_writes == 1
    warning = recorded(folder)[1]
    assert isinstance(warning, events.Warning)
    assert "1 events could not be written" in warning.message
    assert recorded(folder)[2].seq == 3
    log.close()


def test_full_disk_never_raises_and_what_was_torn_is_cut_back_later(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk may be too broken to cut back at once: the next write that works leaves no torn line."""
    log = EventLog.open(folder, attempt=1)
    log.append(started())
    real = os.write

    def fails(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(log_module.os, "write", lambda fd, data: real(fd, data[:5]))
    monkeypatch.setattr(log_module.os, "ftruncate", fails)
    assert log.append(steps(1, [1.0])) == []
    monkeypatch.setattr(log_module.os, "write", fails)
    assert log.append(steps(2, [1.0])) == []
    monkeypatch.undo()
    log.append(steps(3, [1.0]))
    log.close()
    assert [event.seq for event in recorded(folder)] == [1, 2, 3]
    assert folder.events.read_bytes().count(b"\n") == 3
    assert log.failed_writes == 2


def test_event_that_no_reader_could_decode_is_not_written(folder: RunFolder) -> None:
    log = EventLog.open(folder, attempt=1)
    assert log.append(events.Heartbeat(progress_age=math.nan)) == []
    assert log.failed_writes == 1
    assert folder.events.read_bytes() == b""
    log.close()


def test_failing_sync_is_reported_not_raised(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    log = EventLog.open(folder, attempt=1)
    monkeypatch.setattr(log_module, "_sync_data", fails)
    log.sync()
    log.append(started())
    assert log.failed_writes == 1
    assert isinstance(recorded(folder)[0], events.Warning)
    log.close()


def test_link_in_place_of_the_log_is_refused(folder: RunFolder, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder.events.symlink_to(victim)
    with pytest.raises(OSError, match=r"events\.jsonl"):
        EventLog.open(folder, attempt=1)
    assert victim.read_text() == "precious"


WRITER = """
import sys
from pathlib import Path
from engine import events
from engine.runs.folder import RunFolder
from engine.runs.lock import RunLock
from engine.runs.log import EventLog
folder, attempt = RunFolder(Path(sys.argv[1])), int(sys.argv[2])
lock = RunLock.acquire(folder, wait=10.0)
log = EventLog.open(folder, attempt)
print("ready", flush=True)
while True:
    log.append(events.Progress(what="x" * 3000, done=1, total=2))
"""


def test_writers_killed_while_writing_leave_one_unbroken_log(tmp_path: Path) -> None:
    """Two runs at once, each killed three times at no particular moment, their lock free for the next writer."""
    folders = [bare_run(tmp_path / "runs", f"run-{letter}") for letter in "ab"]
    for attempt in (1, 2, 3):
        writers = [python(WRITER, str(folder.path), str(attempt)) for folder in folders]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        written = f'"attempt":{attempt}'.encode()
        until = time.monotonic() + 30
        while not all(written in folder.events.read_bytes() for folder in folders) and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.05)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            writer.communicate()
    for folder in folders:
        EventLog.open(folder, attempt=4).close()
        found = recorded(folder)
        assert [event.seq for event in found] == list(range(1, len(found) + 1))
        assert {event.attempt for event in found} == {1, 2, 3}


EVENTS = [started(), *(steps(number, [number / 3]) for number in range(1, 6)), events.Warning(message="ü\u2028\r")]
LINES = [events.encode(event) for event in EVENTS]


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, sum(map(len, LINES)))), limit=st.integers(1, 2000))
def test_log_that_grows_by_any_pieces_reads_the_same(tmp_path: Path, cuts: list[int], limit: int) -> None:
    path, data = tmp_path / "events.jsonl", b"".join(LINES)
    path.unlink(missing_ok=True)
    cursor, found = EventCursor(path), []
    for end in (*sorted(cuts), len(data)):
        path.open("ab").close()
        with path.open("r+b") as file:
            file.write(data[:end])
        while batch := cursor.poll(limit):
            found += batch
    assert found == EVENTS
    assert (cursor.offset, cursor.skipped, cursor.restarts) == (len(data), 0, 0)


def test_torn_unknown_and_later_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    later_version = b'{"v":2,"type":"heartbeat","progress_age":1}'
    prank = b'{"v":1,"type":"step","first_step":1,"loss":[1.0],"seconds":[1.0],"data_wait":[0.0],"tokens":'
    prank += b"[" * 100_000 + b"]" * 100_000 + b"}"
    foreign = [b'{"v":1,"seq":2,"t', b"\x00\x00\x00", b'{"type":"of the future"}', later_version, prank]
    path.write_bytes(LINES[0] + b"\n".join(foreign) + b"\n" + LINES[1] + LINES[2][:20])
    cursor = EventCursor(path)
    assert cursor.poll() == EVENTS[:2]
    assert cursor.skipped == len(foreign)
    assert cursor.poll() == []
    assert cursor.skipped == len(foreign), "a line that is not whole yet does not count as torn"
    outlines = EventCursor(path)
    assert [event.seq for event in outlines.poll_outlines()] == [event.seq for event in EVENTS[:2]]
    assert (outlines.offset, outlines.skipped) == (cursor.offset, cursor.skipped)


def test_missing_log_is_empty_until_it_appears(tmp_path: Path) -> None:
    cursor = EventCursor(tmp_path / "events.jsonl")
    assert cursor.poll() == []
    cursor.path.write_bytes(LINES[0])
    assert cursor.poll() == EVENTS[:1]


def test_replaced_or_shortened_log_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(LINES))
    cursor = EventCursor(path)
    assert len(cursor.poll()) == len(LINES)
    path.write_bytes(LINES[0])
    assert cursor.poll() == EVENTS[:1]
    other = tmp_path / "other"
    other.write_bytes(b"".join(LINES[:3]))
    other.replace(path)
    assert cursor.poll() == EVENTS[:3]
    assert cursor.restarts == 2
