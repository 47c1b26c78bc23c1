"""What is written is whole or not there, whenever the process dies and whatever fails."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine import files

# A process that dies, as by SIGKILL, at the COUNTth call of NAME. It has an older target to replace.
_KILLED = """
import os, sys
from pathlib import Path
from engine import files

target, owner, name, count = Path(sys.argv[1]), {"Path": Path, "os": os, "files": files}[sys.argv[2]], *sys.argv[3:5]
function, calls = getattr(owner, name), 0

def dying(*arguments):
    global calls
    calls += 1
    if calls == int(count):
        os._exit(9)
    return function(*arguments)

setattr(owner, name, dying)

def fill(folder):
    (folder / "a").write_text("new")
    (folder / "inner").mkdir()
    (folder / "inner" / "b").write_text("new")

if sys.argv[5] == "folder":
    files.write_folder(target, fill)
else:
    files.write_file(target, b"new", durable=True)
"""


def kill(target: Path, owner: str, name: str, count: int, kind: str) -> None:
    command = [sys.executable, "-c", _KILLED, str(target), owner, name, str(count), kind]
    root = str(Path(files.__file__).parents[1])
    assert subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": root}).returncode == 9


def write(target: Path, **content: str) -> None:
    def fill(folder: Path) -> None:
        for name, text in content.items():
            (folder / name).write_text(text)

    files.write_folder(target, fill)


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_replaced_and_has_its_mode(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "name.json"
    for mode, data in ((0o600, b"first"), (0o444, b"second"), (0o600, b"third")):
        files.write_file(path, data, mode, durable=durable)
        assert path.read_bytes() == data
        assert stat.S_IMODE(path.stat().st_mode) == mode
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_abandoned_leaves_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "name.json"
    files.write_file(path, b"old")

    def abandon() -> None:
        with files.writing(path) as file:
            file.write(b"part of the new one")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        abandon()
    assert {entry: entry.read_bytes() for entry in tmp_path.iterdir()} == {path: b"old"}


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """Whoever may write to a folder cannot direct what we write to another file."""
    other = tmp_path / "other"
    other.write_text("of another")
    (tmp_path / "name").symlink_to(other)
    files.write_file(tmp_path / "name", b"ours")
    assert other.read_text() == "of another"
    assert not (tmp_path / "name").is_symlink()


def test_a_full_disk_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "name"
    files.write_file(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_file(path, b"new", durable=True)
    assert {entry: entry.read_bytes() for entry in tmp_path.iterdir()} == {path: b"old"}


@pytest.mark.parametrize(("owner", "name", "count"), [("os", "fsync", 1), ("Path", "replace", 1)])
def test_a_file_whose_writer_was_killed_is_the_older_one(tmp_path: Path, owner: str, name: str, count: int) -> None:
    path = tmp_path / "target"
    files.write_file(path, b"old")
    kill(path, owner, name, count, "file")
    assert path.read_bytes() == b"old"
    files.remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_and_never_merged(tmp_path: Path) -> None:
    write(tmp_path / "deeper" / "target", a="old", b="old")
    write(tmp_path / "deeper" / "target", b="new")
    assert content(tmp_path) == {"deeper/target/b": "new"}


def test_a_folder_that_is_abandoned_leaves_the_older_one(tmp_path: Path) -> None:
    write(tmp_path / "target", a="old")

    def abandon(folder: Path) -> None:
        (folder / "a").write_text("new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write_folder(tmp_path / "target", abandon)
    assert content(tmp_path) == {"target/a": "old"}


def test_a_folder_that_cannot_be_moved_in_leaves_the_older_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "target", a="old")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="Input/output error"):
        write(tmp_path / "target", a="new")
    assert content(tmp_path) == {"target/a": "old"}


@pytest.mark.parametrize("name", ["step-000001", "of.three.parts"])
@pytest.mark.parametrize(
    ("owner", "function", "count", "expected"),
    [
        ("files", "sync", 1, "old"),  # of the first file
        ("files", "sync", 4, "old"),  # of the folder
        ("Path", "rename", 1, "old"),  # of the older folder
        ("Path", "rename", 2, "old"),  # of the new one: the older one is aside
        ("files", "sync", 5, "new"),  # of the parent, after both
        ("files", "_remove", 1, "new"),  # of the older folder
    ],
)
def test_a_folder_whose_writer_was_killed_is_whole_and_the_next_one_cleans_up(
    tmp_path: Path, name: str, owner: str, function: str, count: int, expected: str
) -> None:
    target = tmp_path / name
    write(target, a="old")
    kill(target, owner, function, count, "folder")
    places = files.present(tmp_path, name[:4])
    assert list(places) == [name]
    new = {"a": "new", "inner/b": "new"}
    assert content(places[name]) == (new if expected == "new" else {"a": "old"})
    files.remove_leftovers(tmp_path)
    assert list(files.present(tmp_path, name[:4])) == [name], "the only whole one stays, be it aside"
    write(target, a="newest")
    assert list(tmp_path.iterdir()) == [target]
    assert content(target) == {"a": "newest"}


def test_what_others_are_writing_beside_it_is_left_alone(tmp_path: Path) -> None:
    for leftover in (".target.0badc0de.tmp", ".target.0badc0de.old", ".other.0badc0de.tmp", ".target.x.0badc0de.tmp"):
        (tmp_path / leftover).mkdir()
    (tmp_path / ".target.0badc0df.old").symlink_to(tmp_path)
    write(tmp_path / "target", a="new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".other.0badc0de.tmp", ".target.x.0badc0de.tmp", "target",
    ]  # fmt: skip


def test_a_link_in_place_of_a_folder_is_replaced_and_its_target_stays(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", a="of another")
    (tmp_path / "target").symlink_to(tmp_path / "elsewhere")
    write(tmp_path / "target", a="ours")
    assert content(tmp_path / "elsewhere") == {"a": "of another"}
    assert not (tmp_path / "target").is_symlink()
    assert content(tmp_path / "target") == {"a": "ours"}


def test_nothing_heavy_is_imported() -> None:
    """Every process imports this module, down to the one that only lists runs."""
    code = "import sys, engine.files, engine.progress; print([n for n in sys.modules if n in ('numpy', 'msgspec')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"


def test_a_small_file_is_read_and_what_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"word")
    assert files.read_small(tmp_path / "small") == b"word"
    (tmp_path / "link").symlink_to("small")
    (tmp_path / "large").write_bytes(bytes(11))
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "large", "fifo", "missing"):
        with pytest.raises(OSError, match=name):
            files.read_small(tmp_path / name, limit=10)


UNFINISHED = """
import os, sys, threading, time
from pathlib import Path
from engine import files

folder, begun = Path(sys.argv[1]), threading.Barrier(3)

def file() -> None:
    with files.writing(folder / "table.csv") as out:
        out.write(b"half")
        out.flush()
        begun.wait()
        time.sleep(600)

def fill(inside: Path) -> None:
    (inside / "part").write_text("half")
    begun.wait()
    time.sleep(600)

threading.Thread(target=file, daemon=True).start()
threading.Thread(target=lambda: files.write_folder(folder / "model", fill), daemon=True).start()
begun.wait()
if os.fork() == 0:
    sys.exit()
os.wait()
print(len(list(folder.iterdir())), flush=True)
"""


def test_what_a_thread_was_writing_when_its_process_ended_is_gone(tmp_path: Path) -> None:
    """But not what it was writing when a child of that process ended."""
    command = [sys.executable, "-c", UNFINISHED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("2\n", "", 0)
    assert list(tmp_path.iterdir()) == []
