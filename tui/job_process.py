"""What a process of its own computes for a screen, so that no screen waits for it or loads what it needs."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from engine.config import ConfigError
from engine.export.background import JobFailure, JobProgress

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
        ConfigError: it has no outcome; one line.
        OSError: no process can be made.
    """
    messages: Any = JobProgress | JobFailure | outcome
    decoder = msgspec.json.Decoder(messages)
    answer: object = None
    # -P: the current directory is the user's and may hold an "engine" of its own.
    command = [sys.executable, "-P", "-m", module]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stopper = threading.Thread(target=_kill_when, args=(cancelled, process), daemon=True)
        stopper.start()
        process.stdin.write(msgspec.json.encode(request))
        process.stdin.close()
        for line in process.stdout:
            answer = decoder.decode(line)
            if isinstance(answer, JobProgress):
                progress(answer)
    if cancelled.is_set():
        return None
    cancelled.set()  # the stopper's work is done
    if isinstance(answer, JobFailure):
        raise ConfigError(answer.message)
    if not isinstance(answer, outcome):
        raise ConfigError(f"the computation ended without an answer (exit status {process.returncode})")
    return answer


def _kill_when(cancelled: threading.Event, process: subprocess.Popen[bytes]) -> None:
    cancelled.wait()
    if process.poll() is None:
        process.kill()
