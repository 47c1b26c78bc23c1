"""Locks of files that live as long as the process that holds them (flock).

A flock belongs to the open file description, so a forked child with a copy of the descriptor would keep the lock after
its holder was killed. Descriptors that are held here are closed in every forked child, and by close-on-exec in every
executed one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from pathlib import Path

_held: set[int] = set()
_RETRY_SECONDS = 0.02
_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP})


class NoLocks(OSError):  # noqa: N818 - a state of the machine
    """The file system has no flock: Lustre without ``-o flock``, NFS without a lock daemon, some FUSE systems."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(number, f"this file system has no file locks ({reason})")


NO_LOCKS = (
    "no file locks (flock) on this file system: whether runs live cannot be seen, and none can start; "
    "mount it with -o flock, or choose another folder with --runs"
)


def no_locks(folder: Path) -> str:
    """What to tell a person whose ``folder`` is on such a file system, in one line."""
    return f"{folder}: {NO_LOCKS}"


def open_lock_file(path: Path, mode: int) -> int:
    """A close-on-exec descriptor of the lock file, created if missing; a link in its place is refused.

    Raises:
        OSError: it cannot be opened.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)


def try_exclusive(fd: int) -> bool:
    """Whether the lock is ours now; NoLocks where the file system has none."""
    return _try(fd, fcntl.LOCK_EX)


def try_shared(fd: int) -> bool:
    return _try(fd, fcntl.LOCK_SH)


def wait_exclusive(fd: int, seconds: float) -> bool:
    """Tries for ``seconds``: a probe holds its shared lock for some microseconds, a leaving worker for longer."""
    deadline = time.monotonic() + seconds
    while not try_exclusive(fd):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_RETRY_SECONDS)
    return True


def hold(fd: int) -> None:
    """From now on no child, forked or executed, inherits the descriptor and with it the lock."""
    os.set_inheritable(fd, False)
    _held.add(fd)


def drop(fd: int) -> None:
    """Closes a held descriptor, which frees its lock."""
    _held.discard(fd)
    os.close(fd)


def _try(fd: int, operation: int) -> bool:
    try:
        fcntl.flock(fd, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise NoLocks(error.errno, error.strerror or str(error)) from None
        raise
    return True


def _close_in_child() -> None:
    for fd in _held:
        with contextlib.suppress(OSError):
            os.close(fd)
    _held.clear()


os.register_at_fork(after_in_child=_close_in_child)
