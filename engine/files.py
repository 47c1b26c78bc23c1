"""The one way to write a file or a folder: it is either whole or not there, whatever kills the process or the machine.

What is written lies beside its place under a hidden name, and is renamed when it is complete:

    .NAME.TOKEN.tmp     not complete: being written, or left by a killed process
    .NAME.TOKEN.old     a folder that was moved aside while a new one takes its place
"""

from __future__ import annotations

import atexit
import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_unfinished: set[Path] = set()  # what this process is writing, in whatever thread
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{8}\.(tmp|old)")


def write_file(path: Path, data: bytes, mode: int = 0o666, *, durable: bool = False) -> None:
    """Writes ``data``; a reader sees the older file or the new one, never a part.

    Args:
        mode: permissions of the new file, less the umask.
        durable: also after a power cut the file is one of the two. Costs a wait for the disk.

    Raises:
        OSError: disk full, no permission; the older file stands.
    """
    with writing(path, mode, durable=durable) as file:
        file.write(data)


@contextmanager
def writing(path: Path, mode: int = 0o666, *, durable: bool = False) -> Iterator[BinaryIO]:
    """The same for what writes to an open file; an exception within leaves the older file as it is."""
    temporary = _beside(path, "tmp")
    _unfinished.add(temporary)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, mode), "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        _unfinished.discard(temporary)
    if durable:
        sync(path.parent)


def read_small(path: Path, limit: int = 4096) -> bytes:
    """The content of a small regular file; a link or a fifo in its place is refused, and holds nobody up.

    Raises:
        OSError: it is not there, is something else, or is larger.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            raise OSError(errno.EINVAL, "not a small file", str(path))
        return os.read(fd, limit)
    finally:
        os.close(fd)


def write_folder(target: Path, fill: Callable[[Path], None], mode: int = 0o777) -> None:
    """Makes ``target`` from what ``fill(folder)`` writes to an empty folder beside it; durable.

    Raises:
        OSError: as from ``fill`` and ``move_in``; an older folder stands.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(target, "tmp")
    _unfinished.add(temporary)
    temporary.mkdir(mode)
    try:
        fill(temporary)
        for root, _, names in os.walk(temporary):
            for name in names:
                sync(Path(root) / name)
            sync(Path(root))
        move_in(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    finally:
        _unfinished.discard(temporary)


def move_in(folder: Path, target: Path) -> None:
    """Puts ``folder``, whose files are synced, in the place of ``target``, and removes what is left of older attempts.

    An existing target is moved aside first, never merged, and removed when the new one is safe. A process killed
    between the two renames leaves it aside, where ``present`` finds it.

    Raises:
        OSError: the target is as it was.
    """
    aside = _beside(target, "old") if os.path.lexists(target) else None
    if aside is not None:
        target.rename(aside)
    try:
        folder.rename(target)
    except BaseException:
        if aside is not None:
            aside.rename(target)
        raise
    sync(target.parent)
    for path in _leftovers(target.parent):
        if _name(path) == target.name:
            _remove(path)


def present(parent: Path, prefix: str) -> dict[str, Path]:
    """The folders named ``prefix...`` in ``parent``: name -> where it is, be it aside."""
    aside = {_name(path): path for path in parent.glob(f".{prefix}*.*.old")}
    return aside | {path.name: path for path in parent.glob(f"{prefix}*")}


def remove_leftovers(parent: Path) -> None:
    """Removes what killed processes left in a folder that nobody else writes to: what is not complete, and what was
    moved aside and replaced."""
    for path in _leftovers(parent):
        if path.suffix == ".tmp" or (parent / _name(path)).exists():
            _remove(path)


def errno_of(error: Exception) -> int | None:
    """The number of the system's error, also of a library that has it in its words only: "... (os error 122)"."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    number = _OS_ERROR.search(str(error))
    return None if number is None else int(number[1])


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@atexit.register
def _remove_unfinished() -> None:
    """A daemon thread is not waited for: what it was writing goes with it."""
    for path in tuple(_unfinished):
        with suppress(OSError):
            _remove(path)


os.register_at_fork(after_in_child=_unfinished.clear)  # a child's end is not the end of what its parent writes


def _beside(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}.{kind}")


def _name(path: Path) -> str:
    """NAME of a path that ``_beside`` made."""
    return path.name[1:].rsplit(".", 2)[0]


def _leftovers(parent: Path) -> list[Path]:
    return [path for path in parent.glob(".*") if _LEFTOVER.fullmatch(path.name)]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
