"""What a person says of a run: another name, a note, tags, a pin. It has a file of its own, which no worker touches."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Annotated

import msgspec

from engine import flock
from engine.config import RunName
from engine.files import write_file
from engine.runs.errors import RunBusy, RunError
from engine.runs.folder import RunFolder

LONGEST_NOTE, LONGEST_TAG = 2000, 40  # characters
Tag = Annotated[str, msgspec.Meta(pattern=rf"^[^\s,+-][^\s,]{{0,{LONGEST_TAG - 1}}}$")]
_WAIT = 2.0  # seconds for another writer, which needs some milliseconds


class Annotations(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The content of annotations.json; a run without the file has none of it."""

    name: str = ""  # shown in place of the config's; empty: the config's
    note: str = ""
    tags: tuple[str, ...] = ()  # sorted, each once
    pinned: bool = False  # stands first in lists


NOTHING = Annotations()


def read_annotations(folder: RunFolder) -> Annotations:
    """What is said of a run; nothing where there is no file, or none that can be read as one."""
    try:
        return msgspec.json.decode(folder.annotations.read_bytes(), type=Annotations)
    except (OSError, msgspec.MsgspecError):
        return NOTHING


def annotate(folder: RunFolder, change: Callable[[Annotations], Annotations]) -> Annotations:
    """Writes what ``change`` makes of the present annotations, and returns it. Of two writers the second one waits.

    Raises:
        RunBusy: another process holds the file for more than two seconds.
        RunError: the folder is gone or cannot be written to, or the file holds something else.
    """
    with _alone(folder):
        try:
            before = msgspec.json.decode(folder.annotations.read_bytes(), type=Annotations)
        except FileNotFoundError:
            before = NOTHING
        except (OSError, msgspec.MsgspecError) as error:
            wrong = error.strerror if isinstance(error, OSError) else f"not a run's annotations: {error}"
            raise RunError(f"{folder.annotations}: {wrong}") from None
        after = change(before)
        if after != before:
            _write(folder, msgspec.json.encode(after))
    return after


def renamed(name: str) -> Callable[[Annotations], Annotations]:
    """For ``annotate``: another name, or with an empty one the config's again.

    Raises:
        RunError: it is no name for a run.
    """
    try:
        name = msgspec.convert(name, RunName) if name else ""
    except msgspec.ValidationError:
        raise RunError(f"{name!r} is no name for a run: letters, digits, '.', '_' and '-', without a blank") from None
    return lambda before: msgspec.structs.replace(before, name=name)


def noted(text: str) -> Callable[[Annotations], Annotations]:
    """Another note; an empty one takes it away.

    Raises:
        RunError: it is too long.
    """
    if len(text) > LONGEST_NOTE:
        raise RunError(f"a note has at most {LONGEST_NOTE:,} characters, this one has {len(text):,}")
    return lambda before: msgspec.structs.replace(before, note=text.strip())


def tagged(added: tuple[str, ...], removed: tuple[str, ...] = ()) -> Callable[[Annotations], Annotations]:
    """Tags added and taken away.

    Raises:
        RunError: one of those added is no tag.
    """
    for tag in added:
        try:
            msgspec.convert(tag, Tag)
        except msgspec.ValidationError:
            raise RunError(f"{tag!r} is no tag: at most {LONGEST_TAG} characters, without blanks and commas") from None
    return lambda before: msgspec.structs.replace(before, tags=tuple(sorted({*before.tags, *added} - {*removed})))


def pinned(pin: bool) -> Callable[[Annotations], Annotations]:
    return lambda before: msgspec.structs.replace(before, pinned=pin)


@contextlib.contextmanager
def _alone(folder: RunFolder) -> Iterator[None]:
    """While nobody else changes the annotations. Where the file system has no locks, the last writer wins."""
    if not folder.spec.is_file():
        raise RunError(f"{folder.path}: not a run folder")
    lock = folder.annotations.with_name("annotations.lock")
    try:
        fd = flock.open_lock_file(lock, folder.file_mode())
    except OSError as error:
        raise RunError(f"{lock}: {error.strerror}") from None
    flock.hold(fd)
    try:
        try:
            free = flock.wait_exclusive(fd, _WAIT)
        except OSError:
            free = True
        if not free:
            raise RunBusy(f"the annotations of run {folder.id} are being changed by another process")
        yield
    finally:
        flock.drop(fd)


def _write(folder: RunFolder, data: bytes) -> None:
    for last in (False, False, True):
        try:
            write_file(folder.annotations, data, folder.file_mode())
            return
        except FileNotFoundError:  # a worker that starts removes what is half-written
            if last:
                raise RunError(f"{folder.path}: the folder is gone") from None
        except OSError as error:
            raise RunError(f"{folder.annotations}: {os.strerror(error.errno or 0)}") from None
