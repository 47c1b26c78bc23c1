"""What a process of its own computes for a screen, so that no screen waits for it or loads what it needs."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from os import SEEK_END
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

import msgspec

from engine.config import ConfigError
from engine.export.background import JobFailure, JobProgress

_TAIL = 4096  # bytes of its stderr that are looked at ...
_LINES = 3  # ... and lines that are told

_Outcome = TypeVar("_Outcome", bound=msgspec.Struct)


def ask_beside(
    module: str,
    request: msgspec.Struct,
    outcome: type[_Outcome],
    progress: Callable[[JobProgress], None],
    cancelled: threading.Event,
) -> _Outcome | None:
    """Has ``python -m MODULE`` compute the outcome of a request: see engine.export.background.

    Waits for its end: called in a thread. None when ``cancelled`` was set before it was done, which kills the process.
    Afterwards ``cancelled`` is set.

    Raises:
        ConfigError: it has no outcome; one line, with the last that it wrote to stderr where it died.
        OSError: no process can be made.
    """
    messages: Any = JobProgress | JobFailure | outcome
    # -P: the current directory is the user's and may hold an "engine" of its own.
    command = [sys.executable, "-P", "-m", module]
    with TemporaryFile() as complaints:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, start_new_session=True
        )
        killed = threading.Event()
        threading.Thread(target=_kill_when, args=(cancelled, process, killed), daemon=True).start()
        try:
            with process:
                answer = _talk(process, request, msgspec.json.Decoder(messages), progress)
        finally:
            cancelled.set()  # ends the thread that waits for it, and a process that goes on
        if killed.is_set():
            return None
        if isinstance(answer, JobFailure):
            raise ConfigError(answer.message)
        if not isinstance(answer, outcome):
            raise ConfigError(f"the computation ended without an answer ({_how(process.returncode, complaints)})")
        return answer


def _talk(
    process: subprocess.Popen[bytes],
    request: msgspec.Struct,
    decoder: msgspec.json.Decoder[Any],
    progress: Callable[[JobProgress], None],
) -> object:
    """Sends the request and reads until the end; the last message that is no progress."""
    assert process.stdin is not None
    assert process.stdout is not None
    answer: object = None
    with suppress(BrokenPipeError):  # it died before it had read: its end says why
        process.stdin.write(msgspec.json.encode(request))
        process.stdin.close()
    for line in process.stdout:
        message = decoder.decode(line)
        if isinstance(message, JobProgress):
            progress(message)
        else:
            answer = message
    return answer


def _how(status: int, complaints: IO[bytes]) -> str:
    """Exit status or signal, and the last lines that the process wrote to stderr, as one line."""
    how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    complaints.seek(max(0, complaints.seek(0, SEEK_END) - _TAIL))
    lines = [line.strip() for line in complaints.read().decode(errors="replace").splitlines() if line.strip()]
    return ": ".join([how, " / ".join(lines[-_LINES:])] if lines else [how])


def _kill_when(cancelled: threading.Event, process: subprocess.Popen[bytes], killed: threading.Event) -> None:
    cancelled.wait()
    if process.poll() is None:
        killed.set()
        process.kill()
