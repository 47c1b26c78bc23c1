"""Annotations: a file of their own, of which two writers at once lose nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from making import bare_run

from engine.runs.annotations import NOTHING, annotate, noted, pinned, read_annotations, renamed, tagged
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder
from engine.runs.reader import RunReader
from engine.runs.registry import find_run
from engine.runs.status import status_of

WRITER = """
import sys
from pathlib import Path
from engine.runs.annotations import annotate, tagged
from engine.runs.folder import RunFolder
for number in range(40):
    annotate(RunFolder(Path(sys.argv[1])), tagged((f"{sys.argv[2]}{number}",)))
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return bare_run(tmp_path / "runs", "alpha-20260101-000000", name="alpha")


def test_what_was_said_is_read_again_and_nothing_else_of_the_run_changes(folder: RunFolder) -> None:
    before = folder.spec.read_bytes()
    for change in (renamed("better"), noted("  lr too high  "), tagged(("paper", "b", "b")), pinned(True)):
        annotate(folder, change)
    said = read_annotations(folder)
    assert (said.name, said.note, said.tags, said.pinned) == ("better", "lr too high", ("b", "paper"), True)
    status = status_of(RunReader(folder))
    assert (status.name, status.note, status.tags, status.pinned) == ("better", "lr too high", ("b", "paper"), True)
    for change in (renamed(""), noted(""), tagged((), ("b", "paper", "unknown")), pinned(False)):
        annotate(folder, change)
    assert read_annotations(folder) == NOTHING
    assert folder.spec.read_bytes() == before
    assert not folder.events.exists()


def test_the_file_has_the_mode_of_the_run(folder: RunFolder) -> None:
    annotate(folder, pinned(True))
    assert folder.annotations.stat().st_mode & 0o777 == 0o600


def test_a_run_is_resolved_by_the_name_it_has_now_and_by_its_id(folder: RunFolder) -> None:
    home = folder.path.parent
    annotate(folder, renamed("better"))
    assert find_run(home, "better") == folder
    assert find_run(home, folder.id) == folder
    bare_run(home, "beta-20260102-000000", created=2.0, name="beta")
    with pytest.raises(RunError, match="no run 'gamma'"):
        find_run(home, "gamma")


def test_two_processes_that_write_at_once_lose_nothing(folder: RunFolder) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(folder.path), letter]) for letter in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert set(read_annotations(folder).tags) == {f"{letter}{number}" for letter in "abc" for number in range(40)}


@pytest.mark.parametrize("name", ["two words", "a/b", "-x", "x" * 65, "\x1b[2J"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(RunError, match="is no name for a run"):
        renamed(name)


@pytest.mark.parametrize("tag", ["", "two words", "a,b", "+a", "-a", "x" * 41])
def test_what_is_no_tag_is_refused(tag: str) -> None:
    with pytest.raises(RunError, match="is no tag"):
        tagged((tag,))


def test_a_note_has_an_end() -> None:
    with pytest.raises(RunError, match="at most 2,000 characters"):
        noted("x" * 2001)


def test_a_file_that_holds_something_else_is_not_overwritten(folder: RunFolder) -> None:
    folder.annotations.write_text("[1]")
    assert read_annotations(folder) == NOTHING
    with pytest.raises(RunError, match=r"annotations\.json: not a run's annotations"):
        annotate(folder, pinned(True))
    assert folder.annotations.read_text() == "[1]"


def test_a_run_that_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        annotate(RunFolder(tmp_path / "gone"), pinned(True))
    assert not (tmp_path / "gone").exists()


def test_where_there_are_no_locks_it_is_written_all_the_same(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int, operation: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    assert annotate(folder, pinned(True)).pinned
