"""The reading end of a run's log: whole lines only, nothing twice, nothing lost."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import started, steps

from engine import events
from engine.runs.log import EventCursor

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
