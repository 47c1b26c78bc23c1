"""events.jsonl: one writer appends, any number of readers follow."""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from engine.events import (
    EVENT_VERSION,
    AnyEvent,
    Outline,
    Warning,
    decode,
    decode_lines,
    decode_outline,
    decode_outlines,
    encode,
)
from engine.runs.folder import RunFolder
from engine.runs.text import writable_document

T = TypeVar("T")

_sync_data: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)  # macOS has only the one that syncs times too


class _Numbered(msgspec.Struct):
    seq: int


class EventLog:
    """The writing end; only the holder of the run's lock may open it.

    ``append`` may be called from several threads, not from a signal handler.
    """

    def __init__(self, fd: int, attempt: int, seq: int, offset: int) -> None:
        self.attempt = attempt
        self.seq = seq  # of the last event in the log
        self.offset = offset  # bytes of whole events
        self.failed_writes = 0
        self._fd = fd
        self._unreported = 0
        self._reason = ""
        self._torn = False
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: RunFolder, attempt: int) -> EventLog:
        """Cuts a torn last line off and continues the numbering.

        Raises:
            OSError: the log cannot be opened.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(folder.events, flags, folder.file_mode())
        end, seq = _last_event(fd)
        os.ftruncate(fd, end)
        return cls(fd, attempt, seq, end)

    @property
    def inode(self) -> int:
        return os.fstat(self._fd).st_ino

    def append(self, event: AnyEvent) -> list[AnyEvent]:
        """Writes ``event`` with its number, time and attempt; returns what was written, as it was written.

        Never raises. Empty when it could not be written: ``failed_writes`` counts that, and the next event that can be
        written comes after a warning that says so.
        """
        with self._lock:
            written = []
            if self._unreported:
                missing = f"{self._unreported} events could not be written to the log: {self._reason}"
                written += self._write(Warning(message=missing))
                if written:
                    self._unreported = 0
            lines = self._write(event)
            if not lines:
                self.failed_writes += 1
                self._unreported += 1
            return written + lines

    def sync(self) -> None:
        """Forces what was appended to the disk; a failure is counted and reported like a failed write."""
        try:
            _sync_data(self._fd)
        except OSError as error:
            with self._lock:
                self.failed_writes += 1
                self._unreported += 1
                self._reason = error.strerror or str(error)

    def close(self) -> None:
        os.close(self._fd)

    def _write(self, event: AnyEvent) -> list[AnyEvent]:
        try:
            numbered = msgspec.structs.replace(
                event, v=EVENT_VERSION, seq=self.seq + 1, t=time.time(), attempt=self.attempt
            )
            line = _encoded(numbered)
            decode(line)  # a NaN where no name of a number is allowed becomes null, and no reader could decode the line
            self._cut_back()
            self._torn = True
            if os.write(self._fd, line) < len(line):
                self._reason = "no space left"
                self._cut_back()
                return []
        except (OSError, msgspec.MsgspecError, TypeError, ValueError) as error:
            self._reason = str(error)
            return []
        self._torn = False
        self.offset += len(line)
        self.seq += 1
        return [numbered]

    def _cut_back(self) -> None:
        if self._torn:
            os.ftruncate(self._fd, self.offset)
            self._torn = False


def _encoded(event: AnyEvent) -> bytes:
    try:
        return encode(event)
    except UnicodeEncodeError:  # an error names a file whose name is not UTF-8
        return encode(msgspec.convert(writable_document(msgspec.to_builtins(event)), type(event)))


class EventCursor:
    """The reading end: an (inode, offset) position that advances over whole lines."""

    def __init__(self, path: Path, offset: int = 0, inode: int | None = None) -> None:
        self.path = path
        self.offset = offset
        self.inode = inode
        self.skipped = 0  # torn or unknown lines
        self.restarts = 0  # times the file was replaced or shortened, and reading began anew

    def poll(self, limit_bytes: int = 4 * 1024 * 1024) -> list[AnyEvent]:
        """New events, at most about ``limit_bytes`` of them; empty when there is nothing new or no file (yet)."""
        return self._decoded(self._read(limit_bytes), decode_lines, decode)

    def poll_outlines(self, limit_bytes: int = 4 * 1024 * 1024) -> list[Outline]:
        """The same with only the outlines of steps, in two thirds of the time."""
        return self._decoded(self._read(limit_bytes), decode_outlines, decode_outline)

    def _read(self, limit_bytes: int) -> bytes:
        try:
            status = self.path.stat()
            self._follow(status)
            if status.st_size == self.offset:
                return b""
            with self.path.open("rb", buffering=0) as file:
                self._follow(os.fstat(file.fileno()))
                chunk = _whole_lines(file.fileno(), self.offset, limit_bytes)
        except OSError:
            return b""
        self.offset += len(chunk)
        return chunk

    def _follow(self, status: os.stat_result) -> None:
        if self.inode is not None and (status.st_ino != self.inode or status.st_size < self.offset):
            self.offset = self.skipped = 0
            self.restarts += 1
        self.inode = status.st_ino

    def _decoded(self, chunk: bytes, all_at_once: Callable[[bytes], list[T]], one: Callable[[bytes], T]) -> list[T]:
        try:
            return all_at_once(chunk)
        except (msgspec.MsgspecError, RecursionError):
            pass  # some line is torn, of an unknown type, or hostile: they are decoded one by one
        result: list[T] = []
        for line in chunk.split(b"\n")[:-1]:
            try:
                result.append(one(line))
            except (msgspec.MsgspecError, RecursionError):
                self.skipped += 1
        return result


def _whole_lines(fd: int, offset: int, limit: int) -> bytes:
    """From ``offset`` to the last newline within ``limit`` bytes; a longer line is read to its end."""
    data = os.pread(fd, limit, offset)
    end = data.rfind(b"\n") + 1
    if end or len(data) < limit:
        return data[:end]
    parts = [data]
    offset += len(data)
    while part := os.pread(fd, limit, offset):
        offset += len(part)
        if end := part.find(b"\n") + 1:
            return b"".join((*parts, part[:end]))
        parts.append(part)
    return b""


def _last_event(fd: int) -> tuple[int, int]:
    """(offset after the last newline, number of the last line that has one)."""
    size = os.fstat(fd).st_size
    if size == 0:
        return 0, 0
    with mmap.mmap(fd, size, access=mmap.ACCESS_READ) as view:
        end = stop = view.rfind(b"\n") + 1
        while stop > 0:
            start = view.rfind(b"\n", 0, stop - 1) + 1
            try:
                return end, msgspec.json.decode(view[start:stop], type=_Numbered).seq
            except msgspec.MsgspecError:
                stop = start
    return end, 0
