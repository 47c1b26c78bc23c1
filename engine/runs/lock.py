"""Who works on a run: a lock that the worker holds for life, and the owner that is written in it.

The lock decides whether a worker on this machine is alive; the owner says which process to signal. A process is
signalled only through a pidfd whose start time matches, so a reused process id is never hit.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import msgspec

from engine import flock
from engine.files import remove_leftovers
from engine.runs.errors import RunBusy, RunError
from engine.runs.folder import RunFolder

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The content of worker.lock. ``pid`` 0: the launcher holds the lock, and the worker has not started yet."""

    host: str
    boot_id: str
    pid: int
    start_time: int  # clock ticks from boot to the start of the process
    attempt: int
    token: str


class Liveness(msgspec.Struct, frozen=True):
    """``alive`` None: the owner is on another machine, whose locks may not be visible here, or there are no locks, or
    the lock may not be read."""

    alive: bool | None
    owner: Owner | None
    has_locks: bool = True  # False: the file system has none, so nobody's life can be seen


class RunLock:
    """The exclusive right to write to a run; held until ``release`` or the end of the process."""

    def __init__(self, folder: RunFolder, fd: int) -> None:
        self.folder = folder
        self.fd = fd
        self._token = ""
        flock.hold(fd)

    @classmethod
    def acquire(cls, folder: RunFolder, wait: float = 2.0) -> RunLock:
        """Takes the lock, trying for ``wait`` seconds, and removes what killed workers have left half-written.

        Raises:
            RunBusy: another process has it.
            RunError: the folder cannot be written to, or its file system has no locks.
        """
        fd = _open(folder)
        try:
            is_ours = flock.wait_exclusive(fd, wait)
        except flock.NoLocks:
            os.close(fd)
            raise RunError(flock.no_locks(folder.path.parent)) from None
        if not is_ours:
            os.close(fd)
            raise RunBusy(f"run {folder.id} is in use by {_describe(read_owner(folder))}")
        lock = cls(folder, fd)
        _remove_leftovers(folder)
        return lock

    @classmethod
    def adopt(cls, folder: RunFolder, fd: int) -> RunLock:
        """Takes over the lock that the launcher holds on the inherited descriptor ``fd``.

        Raises:
            RunBusy: ``fd`` is not the lock of this run, or another process has it.
        """
        try:
            same = os.path.samestat(os.fstat(fd), folder.lock.stat())
        except OSError:
            same = False
        if not same or not flock.try_exclusive(fd):
            raise RunBusy(f"descriptor {fd} is not the lock of run {folder.id}")
        return cls(folder, fd)

    @classmethod
    def take_over(cls, folder: RunFolder) -> RunLock:
        """Takes a run from an owner on another machine, by putting a new lock file in the place of theirs.

        The former owner sees another token than its own and leaves before its next checkpoint. What it is writing now
        is left alone.

        Raises:
            RunBusy: the owner lives on this machine.
            RunError: the folder cannot be written to.
        """
        liveness = probe(folder)
        if liveness.alive and _is_local(liveness.owner):
            raise RunBusy(f"run {folder.id} is in use by {_describe(liveness.owner)}")
        fresh = folder.path / f".worker.lock.{os.urandom(8).hex()}"
        try:
            fd = flock.open_lock_file(fresh, folder.file_mode())
            flock.try_exclusive(fd)
            fresh.replace(folder.lock)
        except flock.NoLocks:
            os.close(fd)
            fresh.unlink(missing_ok=True)
            raise RunError(flock.no_locks(folder.path.parent)) from None
        except OSError as error:
            raise RunError(f"{folder.lock}: {error.strerror}") from None
        return cls(folder, fd)

    def announce(self, attempt: int) -> None:
        """Called by the launcher before the worker exists: says for which attempt the lock is held."""
        self._write(attempt, pid=0, start_time=0)

    def write_owner(self, attempt: int) -> None:
        """Called by the worker as soon as it runs: from now on it can be signalled."""
        self._write(attempt, pid=os.getpid(), start_time=process_start_time(os.getpid()) or 0)

    def still_held(self) -> bool:
        """False once another machine has taken the run over: the worker must leave without writing anything more."""
        owner = read_owner(self.folder)
        return owner is not None and owner.token == self._token

    def release(self) -> None:
        flock.drop(self.fd)

    def _write(self, attempt: int, pid: int, start_time: int) -> None:
        self._token = os.urandom(16).hex()
        owner = Owner(
            host=os.uname().nodename,
            boot_id=_boot_id(),
            pid=pid,
            start_time=start_time,
            attempt=attempt,
            token=self._token,
        )
        line = msgspec.json.encode(owner) + b"\n"
        os.pwrite(self.fd, line, 0)  # in place: after a rename the lock would be on a file without a name
        os.ftruncate(self.fd, len(line))


def probe(folder: RunFolder) -> Liveness:
    """Whether somebody holds the lock, by trying for a shared one, which is held for some microseconds."""
    try:
        fd = os.open(folder.lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except PermissionError:
        return Liveness(alive=None, owner=None)  # of another user, who may read it
    except OSError:
        return Liveness(alive=False, owner=None)
    try:
        free = flock.try_shared(fd)
        owner = _parse_owner(os.pread(fd, 4096, 0))
    except flock.NoLocks:
        return Liveness(alive=None, owner=_parse_owner(os.pread(fd, 4096, 0)), has_locks=False)
    finally:
        os.close(fd)
    if not free:
        return Liveness(alive=True, owner=owner)
    # After a reboot the host is the same and the boot is not: whatever ran is gone.
    elsewhere = owner is not None and not _is_local(owner) and owner.host != os.uname().nodename
    return Liveness(alive=None if elsewhere else False, owner=owner)


def read_owner(folder: RunFolder) -> Owner | None:
    """The owner as last written, alive or not; None when there never was one."""
    try:
        return _parse_owner(folder.lock.read_bytes())
    except OSError:
        return None


def signal_worker(folder: RunFolder, signum: int) -> bool:
    """Signals the live worker of a run on this machine; False when there is none to signal.

    Raises:
        RunError: this system has no pidfd, or the worker belongs to another user.
    """
    liveness = probe(folder)
    owner = liveness.owner
    if not liveness.alive or owner is None or owner.pid == 0 or not _is_local(owner):
        return False
    if not hasattr(os, "pidfd_open"):
        raise RunError("signals to a worker need Linux (pidfd)")
    try:
        process = os.pidfd_open(owner.pid)
    except ProcessLookupError:
        return False
    try:
        # The pidfd is open: from here on the id cannot pass to another process unnoticed.
        if process_start_time(owner.pid) != owner.start_time:
            return False
        signal.pidfd_send_signal(process, signum)
    except ProcessLookupError:
        return False
    except PermissionError:
        raise RunError(f"run {folder.id}: the worker belongs to another user") from None
    finally:
        os.close(process)
    return True


def process_start_time(pid: int) -> int | None:
    """Clock ticks from boot to the start of a process (field 22 of proc(5) stat); None when there is none."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        # The second field is the program's name in brackets, and may hold anything.
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    return None


def _remove_leftovers(folder: RunFolder) -> None:
    """Only where nobody writes without the lock, which is everywhere but in control/; links are not followed."""
    places = [folder.path, *(path for path in (folder.checkpoints, folder.results) if not path.is_symlink())]
    if folder.results in places:
        places += [Path(root) / name for root, names, _ in os.walk(folder.results) for name in names if name[0] != "."]
    for place in places:
        with contextlib.suppress(OSError):  # whatever it is that cannot be removed, the run can go on
            if not place.is_symlink():
                remove_leftovers(place)


def _open(folder: RunFolder) -> int:
    try:
        return flock.open_lock_file(folder.lock, folder.file_mode())
    except PermissionError:
        raise RunError(f"{folder.path}: this run belongs to another user") from None
    except OSError as error:
        raise RunError(f"{folder.lock}: {error.strerror}") from None


def _parse_owner(data: bytes) -> Owner | None:
    try:
        return msgspec.json.decode(data.partition(b"\n")[0], type=Owner)
    except msgspec.MsgspecError:
        return None


def _is_local(owner: Owner | None) -> bool:
    """Whether it is, or was, a process of this boot of this machine."""
    if owner is None or owner.boot_id != (boot_id := _boot_id()):
        return False
    return bool(boot_id) or owner.host == os.uname().nodename


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""  # not Linux: the host name alone tells machines apart


def _describe(owner: Owner | None) -> str:
    if owner is None or owner.pid == 0:
        return "a worker that is just starting"
    return f"process {owner.pid} on {owner.host}"
