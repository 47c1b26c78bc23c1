"""Who works on a run, asked of real processes: the lock is the truth, and nobody else is ever signalled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest
from making import python, until_free

from engine.runs import lock as lock_module
from engine.runs.errors import RunBusy, RunError
from engine.runs.folder import RunFolder
from engine.runs.lock import Liveness, Owner, RunLock, probe, process_start_time, read_owner, signal_worker

HOLDER = """
import os, sys, time
from pathlib import Path
from engine.runs.folder import RunFolder
from engine.runs.lock import RunLock
lock = RunLock.acquire(RunFolder(Path(sys.argv[1])))
lock.write_owner(4)
child = os.fork() if len(sys.argv) > 2 else None
if child == 0:
    time.sleep(60)
print(child, flush=True)
time.sleep(60)
"""


def holder(folder: RunFolder, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    process = python(HOLDER, str(folder.path), *arguments)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def own(folder: RunFolder, **fields: object) -> None:
    """Rewrites the owner in a lock file without touching the lock."""
    owner = read_owner(folder)
    assert owner is not None
    folder.lock.write_bytes(msgspec.json.encode(msgspec.structs.replace(owner, **fields)))


def test_life_of_a_holder_is_seen_until_it_is_killed(folder: RunFolder) -> None:
    assert probe(folder) == Liveness(False, None)
    process, _ = holder(folder)
    seen = probe(folder)
    assert seen.alive is True
    assert seen.owner is not None
    assert (seen.owner.pid, seen.owner.attempt) == (process.pid, 4)
    assert seen.owner.start_time == process_start_time(process.pid)
    with pytest.raises(RunBusy, match=f"process {process.pid}"):
        RunLock.acquire(folder, wait=0.05)
    process.kill()
    process.communicate()
    assert probe(folder).alive is False
    RunLock.acquire(folder, wait=0.0).release()


def test_forked_child_does_not_keep_a_killed_holder_alive(folder: RunFolder) -> None:
    process, child = holder(folder, "fork")
    try:
        process.kill()
        process.wait()
        until_free(folder)  # a child lives a moment before it closes what it inherited
        assert Path(f"/proc/{child}").exists()
    finally:
        os.kill(int(child), signal.SIGKILL)
        process.communicate()


def test_executed_child_does_not_inherit_the_lock(folder: RunFolder) -> None:
    fd = os.open(folder.lock, os.O_RDWR | os.O_CREAT)
    os.set_inheritable(fd, True)
    lock = RunLock.adopt(folder, fd)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
    try:
        lock.release()
        until_free(folder)  # Popen returns a moment before exec has closed what it closes
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_probing_never_keeps_a_worker_out(folder: RunFolder) -> None:
    """Probes take a shared lock for a moment; a worker that comes just then waits it out."""
    RunLock.acquire(folder).release()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            probe(folder)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(20):
            RunLock.acquire(folder).release()
    finally:
        done.set()
        for looker in lookers:
            looker.join()


def test_only_the_run_s_own_locked_descriptor_can_be_adopted(folder: RunFolder, tmp_path: Path) -> None:
    other = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
    with pytest.raises(RunBusy, match="not the lock"):
        RunLock.adopt(folder, other)
    os.close(other)
    lock = RunLock.acquire(folder)
    second = os.open(folder.lock, os.O_RDWR)
    with pytest.raises(RunBusy, match="not the lock"):
        RunLock.adopt(folder, second)
    os.close(second)
    lock.release()


def test_signal_reaches_the_worker_only_if_its_start_time_matches(folder: RunFolder) -> None:
    """A process id may be used again; whoever has it now is left alone."""
    process, _ = holder(folder)
    start = process_start_time(process.pid)
    assert start is not None
    own(folder, start_time=start + 1)
    assert signal_worker(folder, signal.SIGKILL) is False
    own(folder, pid=0)
    assert signal_worker(folder, signal.SIGKILL) is False
    own(folder, pid=2**22 - 1)
    assert signal_worker(folder, signal.SIGKILL) is False
    own(folder, pid=process.pid, boot_id="another machine's", start_time=start)
    assert signal_worker(folder, signal.SIGKILL) is False
    assert process.poll() is None
    own(folder, boot_id=Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    assert signal_worker(folder, signal.SIGKILL) is True
    assert process.wait(timeout=10) == -signal.SIGKILL
    process.communicate()
    assert signal_worker(folder, signal.SIGKILL) is False, "the lock is free: nobody is signalled"


def test_owner_on_another_machine_is_unknown_and_after_a_reboot_dead(folder: RunFolder) -> None:
    lock = RunLock.acquire(folder)
    lock.write_owner(1)
    lock.release()
    own(folder, boot_id="another boot")
    assert probe(folder).alive is False, "same host, another boot: whatever ran is gone"
    own(folder, host="another host")
    assert probe(folder).alive is None


def test_taken_over_run_is_no_longer_the_former_owner_s(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as far:
        far.setattr(lock_module, "_boot_id", lambda: "another boot")
        far.setattr(lock_module.os, "uname", lambda: os.uname_result(("Linux", "another host", "", "", "")))
        former = RunLock.acquire(folder)
        former.write_owner(1)
        assert former.still_held()
    taken = RunLock.take_over(folder)
    taken.write_owner(2)
    assert taken.still_held()
    assert not former.still_held()
    former.release()
    assert probe(folder).alive is True
    taken.release()


def test_live_worker_of_this_machine_is_not_taken_over(folder: RunFolder) -> None:
    lock = RunLock.acquire(folder)
    lock.write_owner(1)
    with pytest.raises(RunBusy):
        RunLock.take_over(folder)
    assert lock.still_held()
    lock.release()


def test_torn_owner_reads_as_none(folder: RunFolder) -> None:
    folder.lock.write_bytes(b'{"host":"a"')
    assert read_owner(folder) is None
    folder.lock.write_bytes(
        msgspec.json.encode(Owner(host="a", boot_id="b", pid=1, start_time=2, attempt=3, token="t")) + b"\nrest"
    )
    assert read_owner(folder) is not None


def test_lock_that_is_a_link_is_refused(folder: RunFolder, tmp_path: Path) -> None:
    folder.lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError):
        RunLock.acquire(folder, wait=0.0)
    assert not (tmp_path / "elsewhere").exists()


def test_waiting_for_the_lock_ends_when_the_holder_leaves(folder: RunFolder) -> None:
    lock = RunLock.acquire(folder)
    leaving = threading.Timer(0.1, lock.release)
    leaving.start()
    start = time.monotonic()
    RunLock.acquire(folder, wait=10.0).release()
    assert time.monotonic() - start < 9.0
    leaving.join()


def test_taking_the_lock_clears_what_killed_workers_left_and_nothing_else(folder: RunFolder, tmp_path: Path) -> None:
    deep = folder.results / "step-000004" / "beir"
    deep.mkdir(parents=True)
    folder.checkpoints.mkdir()
    for place in (folder.path, folder.checkpoints, folder.results, deep):
        (place / ".state.json.0badc0de.tmp").write_text("half")
        (place / ".step-000001.0badc0de.tmp").mkdir()
        (place / ".step-000001.0badc0de.tmp" / "weights").write_text("half")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".theirs.0badc0de.tmp").write_text("of another")
    (folder.path / ".link.0badc0de.tmp").symlink_to(elsewhere)
    (folder.results / "linked").symlink_to(elsewhere)
    kept = [
        folder.control / ".command.json.0badc0de.tmp",  # clients write there without the lock
        folder.checkpoints / ".step-000002.0badc0de.old",  # the only whole one
        folder.path / ".notes.tmp",
        folder.path / ".state.json.mine.tmp",
        elsewhere / ".theirs.0badc0de.tmp",
    ]
    for path in kept[:-1]:
        path.write_text("kept")
    before = {path for path in folder.path.rglob("*") if not path.name.endswith(".0badc0de.tmp")}

    RunLock.acquire(folder).release()
    assert all(path.exists() for path in kept)
    left = {path for path in folder.path.rglob("*") if path.parent.suffix != ".tmp"}
    assert left - {folder.lock} == {path for path in before if path.parent.suffix != ".tmp"} | {kept[0]}


def test_a_linked_folder_is_not_cleared(folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    theirs = tmp_path / "elsewhere" / ".theirs.0badc0de.tmp"
    theirs.write_text("of another")
    folder.results.symlink_to(tmp_path / "elsewhere")
    folder.checkpoints.symlink_to(tmp_path / "elsewhere")
    RunLock.acquire(folder).release()
    assert theirs.exists()


def test_a_run_whose_leftovers_cannot_be_removed_is_taken_all_the_same(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(parent: Path) -> None:
        raise PermissionError(f"{parent}: read only")

    monkeypatch.setattr(lock_module, "remove_leftovers", refuse)
    RunLock.acquire(folder).release()
